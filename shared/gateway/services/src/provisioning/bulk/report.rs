//! What came of each line, in two files of JSON lines. A file is as long as the task's row says: what stands behind that was
//! written for a batch that a kill cut short, and is written again.

use super::batch::{Outcome, Work};
use drydock_provisioning::book::tasks::Progress;
use serde_json::json;
use std::io::{self, SeekFrom};
use std::path::Path;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

/// The reports of a task.
pub(super) struct Reports {
    results: File,
    errors: File,
    durable: bool,
}

impl Reports {
    /// Opens the files of a task that is so far.
    pub(super) async fn open(results: &Path, errors: &Path, progress: Progress, durable: bool) -> io::Result<Self> {
        Ok(Self {
            results: cut(results, progress.results).await?,
            errors: cut(errors, progress.errors).await?,
            durable,
        })
    }

    /// Adds the outcomes of a batch, and counts them. They are on disk afterwards.
    pub(super) async fn add(&mut self, work: &[Work], outcomes: &[Outcome], progress: &mut Progress) -> io::Result<()> {
        let (mut results, mut errors) = (String::new(), String::new());
        for (Work { line, .. }, outcome) in work.iter().zip(outcomes) {
            match outcome {
                Ok(done) => {
                    progress.success += 1;
                    let response = json!({ "CertificatePem": done.certificate_pem, "ResourceArns": done.arns });
                    let entry = json!({ "lineNumber": line.number, "offset": line.offset, "response": response });
                    results.push_str(&format!("{entry}\n"));
                }
                Err(error) => {
                    progress.failure += 1;
                    let entry = json!({
                        "lineNumber": line.number,
                        "offset": line.offset,
                        "errorCode": error.code.as_str(),
                        "errorMessage": error.message,
                    });
                    errors.push_str(&format!("{entry}\n"));
                }
            }
        }
        append(&mut self.results, &results, self.durable).await?;
        append(&mut self.errors, &errors, self.durable).await?;
        progress.results += results.len() as u64;
        progress.errors += errors.len() as u64;
        Ok(())
    }
}

async fn cut(path: &Path, length: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path).await?;
    if file.metadata().await?.len() < length {
        let why = format!("`{}` is shorter than {length} bytes, which were written to it", path.display());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
    }
    file.set_len(length).await?;
    file.seek(SeekFrom::End(0)).await?;
    Ok(file)
}

async fn append(file: &mut File, text: &str, durable: bool) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    file.write_all(text.as_bytes()).await?;
    file.flush().await?;
    if durable { file.sync_data().await } else { Ok(()) }
}
