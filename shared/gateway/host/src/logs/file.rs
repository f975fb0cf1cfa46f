//! The files of the logs: written by a thread of their own, so that nothing that happens waits for the disk; a new one is begun when
//! one has grown large.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// The log group of all entries that no other is named for.
pub const COMMON: &str = "AWSIotLogsV2";
/// A file of this size gives way to a new one.
const LARGE: u64 = 16 * 1024 * 1024;
/// How many that gave way are kept.
const OLDER: u32 = 3;
/// Entries that may wait for the disk; more are lost, and counted.
const WAITING: usize = 65_536;

/// A line for a log group.
type Job = (String, String);

/// The files of a folder.
pub struct Files {
    folder: PathBuf,
    sender: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lost: AtomicU64,
    /// Whether no thread is to begin any more.
    closed: AtomicBool,
}

impl Files {
    /// The files of a folder, which is made when there is something to write.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            sender: Mutex::default(),
            thread: Mutex::default(),
            lost: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// The last lines of the common file, as far as it goes.
    #[must_use]
    pub fn last(&self, most: usize) -> Vec<String> {
        let Ok(file) = File::open(path(&self.folder, COMMON)) else { return Vec::new() };
        let mut lines = std::collections::VecDeque::new();
        for line in BufReader::new(file).lines().map_while(Result::ok) {
            if lines.len() >= most {
                lines.pop_front();
            }
            lines.push_back(line);
        }
        lines.into()
    }

    /// Writes a line to a log group's file, soon.
    pub fn write(&self, group: &str, line: &str) {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.is_none() {
            if self.closed.load(Ordering::Acquire) {
                return;
            }
            *sender = self.start();
        }
        let sent = sender.as_ref().is_some_and(|sender| sender.try_send((group.to_owned(), line.to_owned())).is_ok());
        if !sent && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(folder = %self.folder.display(), "log entries are lost: the disk does not take them in time");
        }
    }

    /// Writes what waits, and ends: what is written afterwards is lost.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("the log files ended early");
        }
    }

    fn start(&self) -> Option<SyncSender<Job>> {
        let (sender, receiver) = sync_channel(WAITING);
        let folder = self.folder.clone();
        let thread =
            std::thread::Builder::new().name("drydock-logs".to_owned()).spawn(move || write(&folder, &receiver));
        match thread {
            Ok(thread) => {
                *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
                Some(sender)
            }
            Err(error) => {
                tracing::warn!(%error, "log files cannot be written");
                None
            }
        }
    }
}

/// A file that is being written.
struct Open {
    file: BufWriter<File>,
    size: u64,
}

fn write(folder: &Path, jobs: &Receiver<Job>) {
    let mut files: HashMap<String, Open> = HashMap::new();
    while let Ok(first) = jobs.recv() {
        let mut next = Some(first);
        while let Some((group, line)) = next {
            if let Err(error) = put(folder, &mut files, &group, &line) {
                tracing::warn!(%error, group, "a log entry could not be written");
                files.remove(&group);
            }
            next = jobs.try_recv().ok();
        }
        // Nothing waits: who looks at the files is to see what there is.
        files.values_mut().for_each(|open| {
            if let Err(error) = open.file.flush() {
                tracing::warn!(%error, "log entries could not be written");
            }
        });
    }
}

fn put(folder: &Path, files: &mut HashMap<String, Open>, group: &str, line: &str) -> std::io::Result<()> {
    if files.get(group).is_some_and(|open| open.size >= LARGE) {
        files.remove(group);
        let path = path(folder, group);
        for older in (1..=OLDER).rev() {
            let from = if older == 1 { path.clone() } else { numbered(&path, older - 1) };
            if from.exists() {
                fs::rename(from, numbered(&path, older))?;
            }
        }
    }
    if !files.contains_key(group) {
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new().create(true).append(true).open(path(folder, group))?;
        let size = file.metadata()?.len();
        files.insert(group.to_owned(), Open { file: BufWriter::new(file), size });
    }
    if let Some(open) = files.get_mut(group) {
        writeln!(open.file, "{line}")?;
        open.size += line.len() as u64 + 1;
    }
    Ok(())
}

/// The file of a log group; its name may have slashes, which a file's may not.
fn path(folder: &Path, group: &str) -> PathBuf {
    folder.join(format!("{}.log", group.replace('/', "_").trim_start_matches('.')))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("{number}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_in_order_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(&folder.path().join("logs"));
        assert!(files.last(10).is_empty());
        (0..100).for_each(|n| files.write(COMMON, &format!("line {n}")));
        files.write("my/own", "mine");
        files.close();
        assert_eq!(files.last(2), ["line 98", "line 99"]);
        let own = fs::read_to_string(folder.path().join("logs/my_own.log")).unwrap();
        assert_eq!(own, "mine\n");
    }

    #[test]
    fn a_large_file_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let files = Files::in_folder(&logs);
        let line = "x".repeat(1024 * 1024);
        (0..40).for_each(|_| files.write(COMMON, &line));
        files.close();
        let size = |name: &str| fs::metadata(logs.join(name)).map(|found| found.len()).unwrap_or_default();
        assert!((LARGE..LARGE + 2 * 1024 * 1024).contains(&size("AWSIotLogsV2.1.log")));
        assert!(size("AWSIotLogsV2.2.log") >= LARGE && size("AWSIotLogsV2.log") < LARGE);
    }
}
