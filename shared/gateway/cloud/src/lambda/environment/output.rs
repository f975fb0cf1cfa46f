//! What a process writes to its two outputs, line by line, each under the invocation that ran when it was written.
//!
//! A process writes before it asks for its next event, but over another channel: so at the end of an invocation the outputs
//! are read until they are empty, before the invocation's log is closed.

use crate::lambda::logs::{LogLine, LogStore, MAX_LINE, Source};
use crate::lambda::setup::Setup;
use drydock_timers::Timers;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{mpsc, oneshot};

/// The most bytes read at the end of an invocation: what a process writes without end is cut there.
const DRAIN: usize = 1_048_576;
/// The bytes of `X-Amz-Log-Result` ("Invoke": the last 4 KB).
const TAIL: usize = 4096;
/// How many commands may wait. Whoever gives one waits for its answer, and until then for its place.
const WAITING: usize = 4;

enum Command {
    Begin(String, oneshot::Sender<()>),
    Finish(String, String, oneshot::Sender<String>),
    End(oneshot::Sender<String>),
}

/// The outside of the task that reads a process's outputs.
pub(super) struct Output {
    commands: mpsc::Sender<Command>,
}

impl Output {
    /// Starts to read.
    pub(super) fn start(
        setup: &Setup,
        stream: String,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
    ) -> std::io::Result<Self> {
        let (commands, taken) = mpsc::channel(WAITING);
        let writer = Writer {
            logs: Arc::clone(&setup.logs),
            timers: setup.context.timers.clone(),
            function: setup.definition.name.clone(),
            group: setup.definition.log_group().into(),
            stream: stream.into(),
            request_id: None,
            tail: Vec::new(),
        };
        let missing = || std::io::Error::other("the process has no pipes");
        let (stdout, stderr) = (stdout.ok_or_else(missing)?, stderr.ok_or_else(missing)?);
        // The copies read what is there at once, where the pipe's own reader waits to be woken.
        let files =
            [File::from(stdout.as_fd().try_clone_to_owned()?), File::from(stderr.as_fd().try_clone_to_owned()?)];
        setup.context.spawn_to_end(read(writer, taken, stdout, stderr, files));
        Ok(Self { commands })
    }

    async fn command(&self, command: Command) {
        // The reader lasts as long as this end of its channel.
        let _ = self.commands.send(command).await;
    }

    /// An invocation begins: to be awaited before the process gets the event, or what it writes then would be taken for
    /// what it wrote before.
    pub(super) async fn begin(&self, request_id: String) {
        let (done, begun) = oneshot::channel();
        self.command(Command::Begin(request_id, done)).await;
        // The reader lasts as long as the process does.
        let _ = begun.await;
    }

    /// An invocation ends: closes its log with its report, and returns the log's last 4 KB.
    pub(super) async fn finish(&self, request_id: &str, report: &str) -> String {
        let (done, tail) = oneshot::channel();
        self.command(Command::Finish(request_id.into(), report.into(), done)).await;
        tail.await.unwrap_or_default()
    }

    /// The process has ended: reads what is left, and returns the log's last 4 KB.
    pub(super) async fn end(&self) -> String {
        let (done, tail) = oneshot::channel();
        self.command(Command::End(done)).await;
        tail.await.unwrap_or_default()
    }
}

async fn read(
    mut writer: Writer,
    mut commands: mpsc::Receiver<Command>,
    mut stdout: ChildStdout,
    mut stderr: ChildStderr,
    [mut stdout_now, mut stderr_now]: [File; 2],
) {
    let mut out = Lines { source: Source::Stdout, partial: Vec::new(), open: true };
    let mut err = Lines { source: Source::Stderr, partial: Vec::new(), open: true };
    let (mut out_buffer, mut err_buffer) = (vec![0; 8192], vec![0; 8192]);
    loop {
        tokio::select! {
            command = commands.recv() => {
                out.drain(&mut stdout_now, &mut writer);
                err.drain(&mut stderr_now, &mut writer);
                match command {
                    Some(Command::Begin(request_id, done)) => {
                        writer.begin(request_id);
                        let _ = done.send(());
                    }
                    Some(Command::Finish(request_id, report, done)) => {
                        let _ = done.send(writer.finish(&request_id, &report));
                    }
                    Some(Command::End(done)) => {
                        let _ = done.send(writer.take_tail());
                    }
                    None => return,
                }
            }
            read = stdout.read(&mut out_buffer), if out.open => out.take(read, &out_buffer, &mut writer),
            read = stderr.read(&mut err_buffer), if err.open => err.take(read, &err_buffer, &mut writer),
        }
    }
}

/// One output, cut into lines.
struct Lines {
    source: Source,
    partial: Vec<u8>,
    open: bool,
}

impl Lines {
    fn take(&mut self, read: std::io::Result<usize>, buffer: &[u8], writer: &mut Writer) {
        match read {
            Ok(0) | Err(_) => {
                self.open = false;
                self.flush(writer);
            }
            Ok(count) => self.push(buffer.get(..count).unwrap_or_default(), writer),
        }
    }

    /// Reads what is there, until there is nothing.
    fn drain(&mut self, now: &mut File, writer: &mut Writer) {
        let mut buffer = [0; 8192];
        let mut total = 0;
        while self.open && total < DRAIN {
            match now.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    total += count;
                    self.push(buffer.get(..count).unwrap_or_default(), writer);
                }
            }
        }
        self.flush(writer);
    }

    fn push(&mut self, bytes: &[u8], writer: &mut Writer) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") || self.partial.len() >= MAX_LINE {
                self.flush(writer);
            }
        }
    }

    fn flush(&mut self, writer: &mut Writer) {
        if self.partial.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.partial);
        writer.write(self.source, text.trim_end_matches(['\r', '\n']));
        self.partial.clear();
    }
}

struct Writer {
    logs: Arc<LogStore>,
    timers: Timers,
    function: String,
    group: Arc<str>,
    stream: Arc<str>,
    request_id: Option<String>,
    tail: Vec<u8>,
}

impl Writer {
    fn write(&mut self, source: Source, text: &str) {
        self.tail.extend_from_slice(text.as_bytes());
        self.tail.push(b'\n');
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
        let line = LogLine {
            function: self.function.clone(),
            request_id: self.request_id.clone(),
            stream: self.stream.to_string(),
            time: self.timers.now(),
            source,
            text: text.to_owned(),
        };
        self.logs.add(&self.group, &self.stream, line);
    }

    fn begin(&mut self, request_id: String) {
        self.tail.clear();
        let line = format!("START RequestId: {request_id} Version: $LATEST");
        self.request_id = Some(request_id);
        self.write(Source::Platform, &line);
    }

    fn finish(&mut self, request_id: &str, report: &str) -> String {
        self.write(Source::Platform, &format!("END RequestId: {request_id}"));
        self.write(Source::Platform, report);
        self.request_id = None;
        self.take_tail()
    }

    fn take_tail(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.tail)).into_owned()
    }
}
