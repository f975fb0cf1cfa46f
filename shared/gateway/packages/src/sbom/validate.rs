//! A zip archive of bills of materials, file by file. It comes from whoever may write to a bucket: all that it may make of itself
//! is bounded.

use super::format;
use drydock_model::iot::{SbomValidationErrorCode as Code, SbomValidationResult, SbomValidationResultSummary};
use std::io::{Cursor, Read as _};
use zip::ZipArchive;

/// The most bytes of an archive.
pub const LARGEST_ARCHIVE: u64 = 10 * 1024 * 1024;
/// The most bytes of a file, once it is unpacked.
const LARGEST_FILE: u64 = 10 * 1024 * 1024;
/// The most bytes of all files.
const LARGEST_TOTAL: u64 = 50 * 1024 * 1024;
/// The most files.
const MOST_FILES: usize = 100;
/// The most characters that are told of a file's name.
const LONGEST_NAME: usize = 256;

/// Validates an archive: a result for each of its files, or one for the archive where it cannot be read. `name` is the
/// archive's.
#[must_use]
pub fn validate(name: &str, archive: &[u8]) -> Vec<SbomValidationResultSummary> {
    let mut archive = match ZipArchive::new(Cursor::new(archive)) {
        Ok(archive) => archive,
        Err(error) => return vec![failed(name, Code::IncompatibleFormat, format!("not a zip archive: {error}"))],
    };
    let mut left = LARGEST_TOTAL;
    let mut results = Vec::new();
    for index in 0..archive.len() {
        let file = match archive.by_index(index) {
            Ok(file) if file.is_dir() => continue,
            Ok(file) => file,
            Err(error) => {
                let why = format!("its file {} cannot be unpacked: {error}", index + 1);
                results.push(failed(name, Code::IncompatibleFormat, why));
                continue;
            }
        };
        if results.len() >= MOST_FILES {
            let why = format!("an archive has at most {MOST_FILES} files");
            return vec![failed(name, Code::FileSizeLimitExceeded, why)];
        }
        let file_name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let most = LARGEST_FILE.min(left);
        let mut bytes = Vec::new();
        // What the archive says of a file's size may not be so: what comes is counted.
        results.push(match file.take(most + 1).read_to_end(&mut bytes) {
            Ok(read) if read as u64 > most => {
                left = left.saturating_sub(most);
                let why = format!("a file has at most {LARGEST_FILE} bytes, and all files {LARGEST_TOTAL}");
                failed(&file_name, Code::FileSizeLimitExceeded, why)
            }
            Ok(read) => {
                left = left.saturating_sub(read as u64);
                match format::check(&bytes) {
                    Ok(()) => succeeded(&file_name),
                    Err(why) => failed(&file_name, Code::IncompatibleFormat, why),
                }
            }
            Err(error) => failed(&file_name, Code::IncompatibleFormat, format!("it cannot be unpacked: {error}")),
        });
    }
    if results.is_empty() {
        results.push(failed(name, Code::IncompatibleFormat, "there is no file in the archive".to_owned()));
    }
    results
}

/// What there is to say of an archive that is larger than is read.
#[must_use]
pub fn too_large(name: &str) -> Vec<SbomValidationResultSummary> {
    let why = format!("an archive has at most {LARGEST_ARCHIVE} bytes");
    vec![failed(name, Code::FileSizeLimitExceeded, why)]
}

fn shown(name: &str) -> Option<String> {
    Some(name.chars().take(LONGEST_NAME).collect())
}

fn succeeded(name: &str) -> SbomValidationResultSummary {
    SbomValidationResultSummary {
        error_code: None,
        error_message: None,
        file_name: shown(name),
        validation_result: Some(SbomValidationResult::Succeeded),
    }
}

fn failed(name: &str, code: Code, why: String) -> SbomValidationResultSummary {
    SbomValidationResultSummary {
        error_code: Some(code),
        error_message: Some(why),
        file_name: shown(name),
        validation_result: Some(SbomValidationResult::Failed),
    }
}
