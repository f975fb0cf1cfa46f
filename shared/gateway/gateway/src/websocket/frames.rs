//! The frames of a WebSocket, as a stream of bytes: what binary frames carry is read, and each write becomes one.
//!
//! A ping is answered, a close frame ends the stream with [`ClientClosed`], and what a client must not send ends it with the
//! status code of RFC 6455, 7.4.1. MQTT packets may share frames and may span them (MQTT-6.0.0-2).

use bytes::Bytes;
use drydock_broker::ClientClosed;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::prefixed::Prefixed;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The most bytes of one frame: eight of the largest MQTT packets.
const MAX_FRAME: u64 = 1024 * 1024;
/// The most bytes of a control frame's payload (RFC 6455, 5.5).
const MAX_CONTROL: u64 = 125;
/// The most bytes of answers to pings that wait to be written; a client that takes none gets no more.
const MAX_WAITING: usize = 1024;

const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const UNSUPPORTED_DATA: u16 = 1003;
const TOO_BIG: u16 = 1009;

/// How the other side ended the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By a close frame.
    Closed,
    /// By something that it must not send.
    Wrong(&'static str),
}

/// A WebSocket as a stream of bytes.
pub struct Frames<S> {
    stream: Prefixed<S>,
    incoming: Incoming,
    outgoing: Outgoing,
}

impl<S> Frames<S> {
    /// A WebSocket whose opening is done; `read` came behind the request.
    pub fn new(stream: S, read: Bytes) -> Self {
        Self { stream: Prefixed::new(read, stream), incoming: Incoming::default(), outgoing: Outgoing::default() }
    }
}

/// What is known of the frame that is being read.
#[derive(Default)]
struct Incoming {
    /// The header, as far as it has come.
    header: [u8; 14],
    header_len: u8,
    opcode: u8,
    /// Bytes of the payload that have not come.
    left: u64,
    mask: [u8; 4],
    /// How many bytes of the payload have come, modulo 4.
    phase: u8,
    /// A binary message goes on in a continuation frame.
    open: bool,
    /// The payload of a control frame, as far as it has come.
    control: Vec<u8>,
    end: Option<End>,
}

/// What is being written.
#[derive(Default)]
struct Outgoing {
    /// The header of the binary frame that is being written.
    header: [u8; 10],
    header_len: u8,
    header_at: u8,
    /// Bytes of its payload that are not written.
    left: usize,
    /// Control frames that wait.
    control: Vec<u8>,
    closed: bool,
}

impl Incoming {
    /// Takes frames apart where they are: payload of binary frames moves to the front, its length is given back.
    fn unwrap(&mut self, bytes: &mut [u8], out: &mut Outgoing) -> usize {
        let (mut at, mut kept) = (0, 0);
        while self.end.is_none()
            && let Some(byte) = bytes.get(at).copied()
        {
            if self.left == 0 {
                at += 1;
                self.take_header(byte, out);
                continue;
            }
            let rest = bytes.len() - at;
            let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest);
            let payload = bytes.get_mut(at..at + count).unwrap_or_default();
            self.unmask(payload);
            if self.opcode >= CLOSE {
                self.control.extend_from_slice(payload);
            } else {
                bytes.copy_within(at..at + count, kept);
                kept += count;
            }
            at += count;
            self.left -= u64::try_from(count).unwrap_or(self.left);
            if self.left == 0 {
                self.frame_ends(out);
            }
        }
        kept
    }

    /// Adds a byte to the header; with the last one a frame begins.
    fn take_header(&mut self, byte: u8, out: &mut Outgoing) {
        if let Some(place) = self.header.get_mut(usize::from(self.header_len)) {
            *place = byte;
            self.header_len += 1;
        }
        let [first, second, ..] = self.header;
        if self.header_len < 2 {
            return;
        }
        let extended: u8 = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if let Some((code, why)) = self.fault(first, second) {
            return self.fail(code, why, out);
        }
        if self.header_len < 6 + extended {
            return;
        }
        let number = self.header.get(2..2 + usize::from(extended)).unwrap_or_default();
        let mask = self.header.get(2 + usize::from(extended)..usize::from(self.header_len)).unwrap_or_default();
        self.left = match extended {
            0 => u64::from(second & 0x7f),
            _ => number.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
        };
        self.mask = mask.try_into().unwrap_or_default();
        (self.header_len, self.phase) = (0, 0);
        self.opcode = first & 0x0f;
        if self.opcode < CLOSE {
            self.open = first & 0x80 == 0;
        }
        if self.left > MAX_FRAME {
            return self.fail(TOO_BIG, "a WebSocket frame is larger than 1 MiB", out);
        }
        if self.left == 0 {
            self.frame_ends(out);
        }
    }

    /// What is wrong with the first two bytes of a header.
    fn fault(&self, first: u8, second: u8) -> Option<(u16, &'static str)> {
        let opcode = first & 0x0f;
        if first & 0x70 != 0 {
            return Some((PROTOCOL_ERROR, "a WebSocket frame uses an extension that was not agreed on"));
        }
        if second & 0x80 == 0 {
            return Some((PROTOCOL_ERROR, "a WebSocket frame of a client is not masked"));
        }
        match opcode {
            CONTINUATION if self.open => None,
            BINARY if !self.open => None,
            TEXT => Some((UNSUPPORTED_DATA, "MQTT is in binary frames, and a text frame came (MQTT-6.0.0-1)")),
            CLOSE | PING | PONG if first & 0x80 != 0 && u64::from(second & 0x7f) <= MAX_CONTROL => None,
            _ => Some((PROTOCOL_ERROR, "a WebSocket frame has an opcode that cannot be here")),
        }
    }

    fn frame_ends(&mut self, out: &mut Outgoing) {
        match self.opcode {
            PING => out.put_control(PONG, &self.control),
            CLOSE => {
                // The code that the client gave goes back to it.
                let code = self.control.first_chunk().map_or(NORMAL, |code| u16::from_be_bytes(*code));
                out.put_close(code);
                self.end = Some(End::Closed);
            }
            _ => {}
        }
        if self.opcode >= CLOSE {
            self.control = Vec::new();
        }
    }

    fn fail(&mut self, code: u16, why: &'static str, out: &mut Outgoing) {
        out.put_close(code);
        self.end = Some(End::Wrong(why));
    }

    fn unmask(&mut self, payload: &mut [u8]) {
        self.mask.rotate_left(usize::from(self.phase));
        let key = u32::from_ne_bytes(self.mask);
        let mut words = payload.chunks_exact_mut(4);
        for word in &mut words {
            if let Some(word) = word.first_chunk_mut::<4>() {
                *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
            }
        }
        let rest = words.into_remainder();
        for (byte, key) in rest.iter_mut().zip(self.mask) {
            *byte ^= key;
        }
        // From now on the mask begins where this piece ended.
        self.phase = u8::try_from(rest.len()).unwrap_or_default();
    }
}

impl Outgoing {
    /// Whether a binary frame has begun and is not whole.
    fn in_frame(&self) -> bool {
        self.header_at < self.header_len || self.left > 0
    }

    fn begin(&mut self, length: usize) {
        let mut header = vec![0x80 | BINARY];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ ..126), _) => header.push(short),
            (_, Ok(medium)) => {
                header.push(126);
                header.extend_from_slice(&medium.to_be_bytes());
            }
            _ => {
                header.push(127);
                header.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
            }
        }
        for (place, byte) in self.header.iter_mut().zip(&header) {
            *place = *byte;
        }
        self.header_len = u8::try_from(header.len()).unwrap_or_default();
        (self.header_at, self.left) = (0, length);
    }

    fn rest_of_header(&self) -> &[u8] {
        self.header.get(usize::from(self.header_at)..usize::from(self.header_len)).unwrap_or_default()
    }

    fn put_control(&mut self, opcode: u8, payload: &[u8]) {
        if self.closed || self.control.len() > MAX_WAITING {
            return;
        }
        self.control.push(0x80 | opcode);
        self.control.push(u8::try_from(payload.len()).unwrap_or_default());
        self.control.extend_from_slice(payload);
    }

    fn put_close(&mut self, code: u16) {
        self.put_control(CLOSE, &code.to_be_bytes());
        self.closed = true;
    }
}

impl<S: AsyncWrite + Unpin> Frames<S> {
    /// Writes the control frames that wait, between two binary frames.
    fn poll_control(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.control.is_empty() && !self.outgoing.in_frame() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing.control))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.control.drain(..count);
            if self.outgoing.control.is_empty() {
                self.outgoing.control = Vec::new();
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Frames<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            // An answer that cannot be written now is written with what comes next.
            if let Poll::Ready(Err(error)) = this.poll_control(cx) {
                return Poll::Ready(Err(error));
            }
            match this.incoming.end {
                Some(End::Closed) => return Poll::Ready(Err(io::Error::other(ClientClosed))),
                Some(End::Wrong(why)) => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why))),
                None => {}
            }
            let mut raw = ReadBuf::new(into.initialize_unfilled());
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut raw))?;
            if raw.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            let kept = this.incoming.unwrap(raw.filled_mut(), &mut this.outgoing);
            if kept > 0 {
                into.advance(kept);
                if let Poll::Ready(Err(error)) = this.poll_control(cx) {
                    return Poll::Ready(Err(error));
                }
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.outgoing.in_frame() {
            ready!(this.poll_control(cx))?;
            if this.outgoing.closed {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if bytes.is_empty() {
                return Poll::Ready(Ok(0));
            }
            this.outgoing.begin(bytes.len());
        }
        loop {
            let payload = bytes.get(..this.outgoing.left.min(bytes.len())).unwrap_or_default();
            let header = this.outgoing.rest_of_header();
            let headed = header.len();
            let slices = [IoSlice::new(header), IoSlice::new(payload)];
            let slices = slices.get(usize::from(headed == 0)..).unwrap_or_default();
            let count = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, slices))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.outgoing.header_at += u8::try_from(count.min(headed)).unwrap_or_default();
            let written = count.saturating_sub(headed);
            if written > 0 {
                this.outgoing.left = this.outgoing.left.saturating_sub(written);
                return Poll::Ready(Ok(written));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_control(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.outgoing.put_close(NORMAL);
        ready!(this.poll_control(cx))?;
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
