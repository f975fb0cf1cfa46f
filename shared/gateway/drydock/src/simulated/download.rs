//! The files that a job brings by stream: which blocks are asked for, and what is there of them.
//!
//! Follows "Using AWS IoT MQTT-based file delivery in devices" of the AWS IoT Core developer guide, and the documents of OTA updates that
//! agents of FreeRTOS read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Bytes of a block, and how many blocks are asked for at once: 128 KiB, the most that a request may ask for.
const BLOCK: u64 = 4096;
const AT_ONCE: u64 = 32;

/// A file of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    id: i64,
    size: u64,
}

/// What a device fetches of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Download {
    stream: String,
    /// The files that are not there yet, the one that is being fetched first.
    files: VecDeque<File>,
    /// The first block of that one that was asked for and is not there.
    from: u64,
    /// Which blocks from there on are there.
    there: Vec<bool>,
}

/// What a block came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Others that were asked for are still to come.
    Waits,
    /// More has to be asked for.
    Asks,
    /// All files are there.
    Done,
}

impl Download {
    /// What the document of a job has a device fetch over MQTT; none where it is not an OTA update's, or leaves MQTT out.
    pub(crate) fn of(document: &Value) -> Option<Self> {
        let ota = document.get("afr_ota")?;
        let over_mqtt = ota.get("protocols")?.as_array()?.iter().any(|protocol| protocol == "MQTT");
        let stream = ota.get("streamname").and_then(Value::as_str).filter(|_| over_mqtt)?.to_owned();
        let file =
            |file: &Value| Some(File { id: file.get("fileid")?.as_i64()?, size: file.get("filesize")?.as_u64()? });
        let files = ota.get("files")?.as_array()?.iter().filter_map(file).filter(|file| file.size > 0);
        let mut download = Self { stream, files: files.collect(), from: 0, there: Vec::new() };
        download.next_blocks();
        Some(download).filter(|download| !download.files.is_empty())
    }

    /// The stream's name.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// What is asked for next: the blocks from the first one that is not there.
    pub(crate) fn ask(&self) -> Value {
        let id = self.files.front().map(|file| file.id);
        json!({ "f": id, "l": BLOCK, "o": self.from, "n": self.there.len() })
    }

    /// Takes a block, once.
    ///
    /// # Errors
    /// Where it is not a block of this file.
    pub(crate) fn take(&mut self, block: &Value) -> Result<Step, String> {
        let number =
            |name: &str| block.get(name).and_then(Value::as_u64).ok_or_else(|| format!("a block lacks `{name}`"));
        let Some(file) = self.files.front() else { return Ok(Step::Done) };
        if block.get("f").and_then(Value::as_i64) != Some(file.id) {
            // One of the file before, which came twice.
            return Ok(Step::Waits);
        }
        let (at, bytes) = (number("i")?, block.get("p").and_then(Value::as_str).unwrap_or_default());
        let length = STANDARD.decode(bytes).map(|bytes| bytes.len()).map_err(|error| format!("block {at}: {error}"))?;
        let due = BLOCK.min(file.size.saturating_sub(at.saturating_mul(BLOCK)));
        if u64::try_from(length) != Ok(due) {
            return Err(format!("block {at} of file {} has {length} bytes, and {due} are due", file.id));
        }
        let there = at.checked_sub(self.from).and_then(|at| usize::try_from(at).ok());
        if let Some(there) = there.and_then(|at| self.there.get_mut(at)) {
            *there = true;
        }
        if self.there.iter().any(|there| !there) {
            return Ok(Step::Waits);
        }
        self.from = self.from.saturating_add(u64::try_from(self.there.len()).unwrap_or(u64::MAX));
        self.next_blocks();
        Ok(if self.files.is_empty() { Step::Done } else { Step::Asks })
    }

    /// Makes the next blocks those that are waited for: of this file, or of the next one.
    fn next_blocks(&mut self) {
        while let Some(file) = self.files.front() {
            let left = file.size.div_ceil(BLOCK).saturating_sub(self.from).min(AT_ONCE);
            if left > 0 {
                self.there = vec![false; usize::try_from(left).unwrap_or(0)];
                return;
            }
            self.files.pop_front();
            self.from = 0;
        }
        self.there.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(protocols: &Value, sizes: &[u64]) -> Value {
        let file = |(id, size): (usize, &u64)| json!({ "fileid": id, "filesize": size });
        let files: Vec<Value> = sizes.iter().enumerate().map(file).collect();
        json!({ "afr_ota": { "protocols": protocols, "streamname": "s", "files": files } })
    }

    fn block(file: u64, at: u64, length: usize) -> Value {
        json!({ "f": file, "i": at, "l": length, "p": STANDARD.encode(vec![7; length]) })
    }

    #[test]
    fn files_come_one_after_the_other_in_requests_of_128_kib() {
        let mut download = Download::of(&document(&json!(["MQTT"]), &[140_000, 0, 5])).unwrap();
        assert_eq!(download.ask(), json!({ "f": 0, "l": 4096, "o": 0, "n": 32 }));
        // In any order, and twice.
        for at in (0..32).rev() {
            let step = download.take(&block(0, at, 4096)).unwrap();
            assert_eq!(step, if at == 0 { Step::Asks } else { Step::Waits });
        }
        assert_eq!(download.take(&block(0, 3, 4096)), Ok(Step::Waits));
        assert_eq!(download.ask(), json!({ "f": 0, "l": 4096, "o": 32, "n": 3 }));
        assert_eq!(download.take(&block(0, 32, 4096)), Ok(Step::Waits));
        assert_eq!(download.take(&block(0, 33, 4096)), Ok(Step::Waits));
        assert_eq!(download.take(&block(0, 34, 736)), Ok(Step::Asks));
        assert_eq!(download.ask(), json!({ "f": 2, "l": 4096, "o": 0, "n": 1 }));
        assert_eq!(download.take(&block(0, 34, 736)), Ok(Step::Waits));
        assert_eq!(download.take(&block(2, 0, 5)), Ok(Step::Done));
    }

    #[test]
    fn a_block_of_another_length_is_refused() {
        let mut download = Download::of(&document(&json!(["HTTP", "MQTT"]), &[5000])).unwrap();
        let why = download.take(&block(0, 1, 905)).unwrap_err();
        assert_eq!(why, "block 1 of file 0 has 905 bytes, and 904 are due");
        assert!(download.take(&json!({ "f": 0, "i": 0, "p": "?" })).is_err());
    }

    #[test]
    fn what_does_not_come_by_stream_is_not_fetched() {
        assert_eq!(Download::of(&document(&json!(["HTTP"]), &[5])), None);
        assert_eq!(Download::of(&document(&json!(["MQTT"]), &[])), None);
        assert_eq!(Download::of(&json!({ "install": "1.2" })), None);
    }
}
