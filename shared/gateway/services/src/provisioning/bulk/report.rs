//! What came of each line, in two files of JSON lines. A file is as long as the task's row says; what the last batch added is in
//! the books, too, until it is in the files.

use drydock_provisioning::book::tasks::{Added, Progress};
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
    /// Opens the files of a task that is so far, of which the last batch has added so much.
    pub(super) async fn open(
        results: &Path,
        errors: &Path,
        progress: Progress,
        added: &Added,
        durable: bool,
    ) -> io::Result<Self> {
        let before = |length: u64, added: &str| length.saturating_sub(added.len() as u64);
        let mut reports = Self {
            results: cut(results, before(progress.results, &added.results)).await?,
            errors: cut(errors, before(progress.errors, &added.errors)).await?,
            durable,
        };
        reports.add(added).await?;
        Ok(reports)
    }

    /// Adds what a batch has. It is on disk afterwards.
    pub(super) async fn add(&mut self, added: &Added) -> io::Result<()> {
        append(&mut self.results, &added.results, self.durable).await?;
        append(&mut self.errors, &added.errors, self.durable).await
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
