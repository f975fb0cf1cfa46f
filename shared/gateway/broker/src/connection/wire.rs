//! The stream: read what has arrived, write what waits, sleep until there is more of either.
//!
//! Bytes are read into a buffer of the thread and only then copied, once, into one of the right size, so that an idle
//! connection holds none.

use super::state::{Connection, End};
use drydock_core::Timestamp;
use drydock_timers::{Name, Work};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Bytes taken by one read at most. A message that waits keeps the bytes that it was read with, so this is also the most
/// that one waiting message can keep beside its own.
const READ: usize = 16 * 1024;
/// A connection that has not written this many bytes is not read from: whoever does not take answers gets no more.
const BACKLOG: usize = 256 * 1024;
/// How many commits the answers of a connection may wait for: one for each read. Beyond that it is not read from.
const COMMITS: usize = 32;
/// Messages are put together for one write up to about this many bytes.
pub(crate) const WRITE: usize = 64 * 1024;
/// Rounds of reading and writing before other tasks get their turn.
const ROUNDS: usize = 16;
/// How long a client has to take the last packets.
const FAREWELL: Duration = Duration::from_secs(2);

thread_local! {
    static READ_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static WRITE_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The error with which a stream reports that the client closed it on purpose (a WebSocket close frame): wrapped in
/// [`io::Error::other`] by a reader, it makes the disconnect `CLIENT_INITIATED_DISCONNECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client closed the stream on purpose")]
pub struct ClientClosed;

/// Runs a connection until it ends.
pub(crate) async fn drive<S>(stream: &mut S, connection: &mut Connection) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match poll_fn(|cx| step(stream, connection, cx)).await {
        Err(end) => end,
    }
}

/// Goes on until there is nothing to do; ready only with the end.
fn step<S>(stream: &mut S, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Result<Infallible, End>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut look = true;
    for round in 0..ROUNDS {
        connection.now = connection.inner.now();
        if let Some(end) = connection.check(cx.waker()) {
            return Poll::Ready(Err(end));
        }
        let mut moved = connection.poll_commits(cx)?;
        look |= moved;
        if connection.may_read() {
            match read(stream, connection, cx) {
                Poll::Ready(Ok(())) => moved = true,
                Poll::Ready(Err(end)) => return Poll::Ready(Err(end)),
                Poll::Pending => {}
            }
        }
        if let Some(end) = connection.check_keep_alive() {
            return Poll::Ready(Err(end));
        }
        if round == 0 && !moved && connection.lets_others_first() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if connection.answers_go_first() {
            look = false;
        } else if look || connection.has_acks() {
            look = connection.pull(cx.waker())?;
        }
        match write(stream, connection, cx) {
            Poll::Ready(Ok(wrote)) => moved |= wrote,
            Poll::Ready(Err(_)) => return Poll::Ready(Err(End::lost())),
            Poll::Pending => look = false,
        }
        if !moved && !look {
            connection.waited = false;
            // What the alarm has woken the connection for is done.
            connection.woken = None;
            let due = connection.next_time();
            connection.woken = Some(ready!(connection.poll_alarm(due, cx)));
            look = true;
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Reads once and does what the packets say.
fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    connection: &mut Connection,
    cx: &mut Context<'_>,
) -> Poll<Result<(), End>> {
    if connection.has_unread_packets() {
        return Poll::Ready(connection.input(&[]));
    }
    let mut buffer = READ_BUFFER.take();
    buffer.resize(READ, 0);
    let mut read = ReadBuf::new(&mut buffer);
    let result = match Pin::new(stream).poll_read(cx, &mut read) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(())) if read.filled().is_empty() => Poll::Ready(Err(End::lost())),
        Poll::Ready(Ok(())) => Poll::Ready(connection.input(read.filled())),
        Poll::Ready(Err(error)) => Poll::Ready(Err(broken(&error))),
    };
    READ_BUFFER.set(buffer);
    result
}

fn broken(error: &io::Error) -> End {
    if error.get_ref().is_some_and(|e| e.is::<ClientClosed>()) { End::client_left() } else { End::lost() }
}

/// Writes what there is. Whether all of it was written, and was something.
fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    connection: &mut Connection,
    cx: &mut Context<'_>,
) -> Poll<io::Result<bool>> {
    let mut wrote = false;
    while let Some(rest) = connection.out.get(connection.written..).filter(|rest| !rest.is_empty()) {
        match ready!(Pin::new(&mut *stream).poll_write(cx, rest))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => connection.written += count,
        }
        connection.flush = true;
        wrote = true;
    }
    if wrote {
        connection.recycle();
        connection.wrote_at = connection.now;
    }
    if connection.flush {
        ready!(Pin::new(stream).poll_flush(cx))?;
        connection.flush = false;
    }
    Poll::Ready(Ok(wrote))
}

impl Connection {
    /// Ready when `due` may have come.
    fn poll_alarm(&mut self, due: Timestamp, cx: &mut Context<'_>) -> Poll<Work> {
        let name = || Name::new("MQTT connection", self.session.client_id.clone());
        // Not in the same millisecond again: the clock is finer than its timers.
        self.alarm.poll(&self.inner.timers, name, due.max(self.now.plus_millis(1)), cx)
    }

    /// Whether more may be read now.
    fn may_read(&self) -> bool {
        self.greeted
            && self.held.len() < COMMITS
            && self.out.len() - self.written < BACKLOG
            && self.bytes.next_at(self.now) <= self.now
    }

    /// Whether to write a turn later. Who is woken to write, and has written in this millisecond already, takes part in a busy
    /// stream: publishers that are ready go first, once, so that one write carries what they all send.
    fn lets_others_first(&mut self) -> bool {
        let first = !self.waited && self.out.is_empty() && self.wrote_at == self.now;
        self.waited |= first;
        first
    }

    /// Takes a buffer to write into, unless there is one.
    pub(crate) fn open_out(&mut self) {
        if self.out.capacity() == 0 {
            self.out = WRITE_BUFFER.take();
        }
    }

    /// Gives the buffer back to the thread once all is written.
    fn recycle(&mut self) {
        let mut buffer = std::mem::take(&mut self.out);
        self.written = 0;
        if buffer.capacity() <= 2 * WRITE {
            buffer.clear();
            WRITE_BUFFER.set(buffer);
        }
    }
}

/// Writes bytes, as long as the client takes them in time.
pub(crate) async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) {
    let write = async {
        if stream.write_all(bytes).await.is_ok() {
            let _ = stream.flush().await;
        }
    };
    let _ = tokio::time::timeout(FAREWELL, write).await;
}

/// Writes what is left, says why the connection ends, and closes the stream.
pub(crate) async fn farewell<S>(stream: &mut S, connection: &mut Connection, end: End)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut rest = connection.out.split_off(connection.written.min(connection.out.len()));
    // What came before the end counts: it is answered when it is durable.
    let answers = async {
        while let Some(mut held) = connection.held.pop_front() {
            if held.commit.await.is_err() {
                return;
            }
            rest.append(&mut held.answers);
            connection.greeted = true;
        }
    };
    let _ = tokio::time::timeout(FAREWELL, answers).await;
    connection.put_last_word(end, &mut rest);
    if !rest.is_empty() {
        write_all(stream, &rest).await;
    }
    close(stream).await;
}

/// Closes a stream. What the client still sends is taken for a moment: a socket that is closed with unread bytes is reset,
/// and the client would lose the packet that tells it why.
pub(crate) async fn close<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let closing = async {
        if stream.shutdown().await.is_ok() {
            // On the heap: a buffer in this future would be part of every connection, idle ones too.
            let mut rest = vec![0; 1024];
            while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        }
    };
    let _ = tokio::time::timeout(FAREWELL, closing).await;
}
