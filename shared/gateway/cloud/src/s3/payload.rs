//! Request bodies as clients send them: whole, with a hash that was signed, or in chunks with a trailer (`aws-chunked`), each
//! chunk signed or none. Follows "Signature calculations: transferring payload in multiple chunks" and its page on trailing
//! headers of the Amazon S3 API reference. What comes out is the object's bytes.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use s3s::crypto::{Checksum as _, Sha256};
use s3s::{Body, StdError};
use std::sync::{Arc, Mutex};

/// The longest line of a chunked body, in bytes: a chunk's length with its signature, or a trailer.
const LINE: usize = 4096;
/// The most trailers.
const TRAILERS: usize = 16;

/// A request's body as it comes.
pub struct Payload {
    body: UnsyncBoxBody<Bytes, StdError>,
    framing: Framing,
}

/// How a body is framed.
pub enum Framing {
    /// As it is.
    Plain,
    /// As it is, with its SHA-256 in lower-case hexadecimal.
    Hashed(String),
    /// In chunks; where they are signed, with what judges the signatures.
    Chunked(Option<Judge>),
}

/// Judges the signature of a piece, in the order of the pieces.
pub type Judge = Box<dyn FnMut(Piece<'_>) -> bool + Send>;

/// A signed piece of a body.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Whether it is the trailer; else it is a chunk.
    pub trailer: bool,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: &'a str,
    /// What the client says its signature is.
    pub signature: &'a str,
}

/// The trailers of a chunked body; there once it has been read.
#[derive(Debug, Clone, Default)]
pub(super) struct Trailers(Arc<Mutex<Vec<(String, String)>>>);

impl Trailers {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let all = crate::context::lock(&self.0);
        all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is not framed as it was announced.
    #[error("the body is not in chunks as `x-amz-content-sha256` announced: {0}")]
    Framing(&'static str),
    /// Another hash was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    Hash,
    /// The signature of a chunk does not hold.
    #[error("The chunk signature does not match what was computed.")]
    Signature,
}

impl Payload {
    /// A body and its framing.
    pub fn new<B>(body: B, framing: Framing) -> Self
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<StdError>,
    {
        Self { body: body.map_err(Into::into).boxed_unsync(), framing }
    }
}

/// The request with the object's bytes as its body, and headers that say so.
pub(super) fn plain(request: Request<Payload>) -> Request<Body> {
    let (mut parts, Payload { body, framing }) = request.into_parts();
    let framing = match framing {
        Framing::Plain => return Request::from_parts(parts, Body::http_body_unsync(body)),
        framing => framing,
    };
    let trailers = Trailers::default();
    if matches!(framing, Framing::Chunked(_)) {
        let encodings = parts.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let rest: Vec<&str> =
            encodings.split(',').map(str::trim).filter(|one| !one.is_empty() && *one != "aws-chunked").collect();
        let rest = HeaderValue::from_str(&rest.join(",")).ok().filter(|rest| !rest.is_empty());
        parts.headers.remove(CONTENT_ENCODING);
        if let Some(rest) = rest {
            parts.headers.insert(CONTENT_ENCODING, rest);
        }
        parts.headers.remove(CONTENT_LENGTH);
        if let Some(length) = parts.headers.get("x-amz-decoded-content-length").cloned() {
            parts.headers.insert(CONTENT_LENGTH, length);
        }
        parts.extensions.insert(trailers.clone());
    }
    let reader = Reader { body, buffer: BytesMut::new(), framing, chunk: None, hash: Sha256::new(), trailers };
    let stream = futures_util::stream::try_unfold(reader, |mut reader| async move {
        Ok::<_, StdError>(reader.next().await?.map(|bytes| (Frame::data(bytes), reader)))
    });
    Request::from_parts(parts, Body::http_body_unsync(StreamBody::new(stream)))
}

struct Reader {
    body: UnsyncBoxBody<Bytes, StdError>,
    buffer: BytesMut,
    framing: Framing,
    /// The chunk that is being read.
    chunk: Option<Chunk>,
    hash: Sha256,
    trailers: Trailers,
}

struct Chunk {
    left: usize,
    signature: Option<String>,
}

impl Reader {
    /// The next bytes of the object; `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, StdError> {
        if let Framing::Hashed(stated) = &self.framing {
            let stated = stated.clone();
            return match self.frame().await? {
                Some(bytes) => {
                    self.hash.update(&bytes);
                    Ok(Some(bytes))
                }
                None if self.hashed() == stated => Ok(None),
                None => Err(Broken::Hash.into()),
            };
        }
        loop {
            match &mut self.chunk {
                None => {
                    let line = self.line().await?;
                    let (length, extension) = line.split_once(';').unwrap_or((&line, ""));
                    let left =
                        usize::from_str_radix(length.trim(), 16).map_err(|_| Broken::Framing("no chunk length"))?;
                    let signature = extension.strip_prefix("chunk-signature=").map(str::to_owned);
                    if left == 0 {
                        self.judge(false, signature.as_deref())?;
                        self.trailer().await?;
                        return Ok(None);
                    }
                    self.chunk = Some(Chunk { left, signature });
                }
                Some(Chunk { left: 0, signature }) => {
                    let signature = signature.take();
                    self.judge(false, signature.as_deref())?;
                    self.chunk = None;
                    if !self.line().await?.is_empty() {
                        return Err(Broken::Framing("a chunk is longer than it says").into());
                    }
                }
                Some(Chunk { left, .. }) => {
                    if self.buffer.is_empty() {
                        match self.body.frame().await {
                            Some(frame) => {
                                if let Ok(bytes) = frame?.into_data() {
                                    self.buffer.extend_from_slice(&bytes);
                                }
                            }
                            None => return Err(Broken::Framing("a chunk breaks off").into()),
                        }
                        continue;
                    }
                    let now = self.buffer.len().min(*left);
                    *left -= now;
                    let bytes = self.buffer.split_to(now).freeze();
                    self.hash.update(&bytes);
                    return Ok(Some(bytes));
                }
            }
        }
    }

    /// The next bytes as they come.
    async fn frame(&mut self) -> Result<Option<Bytes>, StdError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// The next line, without its end; empty at the end of the body.
    async fn line(&mut self) -> Result<String, StdError> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(at);
                self.buffer.advance(2);
                return Ok(String::from_utf8(line.to_vec()).map_err(|_| Broken::Framing("a line is not text"))?);
            }
            if self.buffer.len() > LINE {
                return Err(Broken::Framing("a line is too long").into());
            }
            match self.frame().await? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None if self.buffer.is_empty() => return Ok(String::new()),
                None => return Err(Broken::Framing("a line breaks off").into()),
            }
        }
    }

    /// Reads the trailers, and where the chunks are signed judges them.
    async fn trailer(&mut self) -> Result<(), StdError> {
        let (mut found, mut signature) = (Vec::new(), None);
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(Broken::Framing("a trailer has no colon"))?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            if name == "x-amz-trailer-signature" {
                signature = Some(value);
            } else if found.len() < TRAILERS {
                found.push((name, value));
            } else {
                return Err(Broken::Framing("too many trailers").into());
            }
        }
        if !found.is_empty() {
            self.hash = Sha256::new();
            for (name, value) in &found {
                self.hash.update(format!("{name}:{value}\n").as_bytes());
            }
            self.judge(true, signature.as_deref())?;
        }
        *crate::context::lock(&self.trailers.0) = found;
        Ok(())
    }

    fn judge(&mut self, trailer: bool, signature: Option<&str>) -> Result<(), Broken> {
        let sha256 = self.hashed();
        let Framing::Chunked(Some(judge)) = &mut self.framing else { return Ok(()) };
        let piece = Piece { trailer, sha256: &sha256, signature: signature.ok_or(Broken::Signature)? };
        if judge(piece) { Ok(()) } else { Err(Broken::Signature) }
    }

    /// The hash of what was read since the last one.
    fn hashed(&mut self) -> String {
        let hash = std::mem::replace(&mut self.hash, Sha256::new());
        let digest = hash.finalize();
        let digest: &[u8] = digest.as_ref();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn read(framing: Framing, sent: &'static [u8]) -> Result<(Vec<u8>, Option<String>), String> {
        let request = Request::new(Payload::new(Full::new(Bytes::from_static(sent)), framing));
        let request = plain(request);
        let trailers = request.extensions().get::<Trailers>().cloned();
        let bytes = request.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes().to_vec();
        Ok((bytes, trailers.and_then(|trailers| trailers.get("x-amz-checksum-crc32"))))
    }

    #[tokio::test]
    async fn chunks_become_the_bytes_and_trailers_are_kept() {
        let sent = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
        let (bytes, crc) = read(Framing::Chunked(None), sent).await.unwrap();
        assert_eq!((bytes.as_slice(), crc.as_deref()), (&b"hello world"[..], Some("DUoRhQ==")));
        // Some clients end without the empty line.
        let (bytes, _) = read(Framing::Chunked(None), b"1\r\na\r\n0\r\n").await.unwrap();
        assert_eq!(bytes, b"a");
    }

    #[tokio::test]
    async fn what_is_not_as_announced_is_refused() {
        for (sent, why) in [
            (&b"5\r\nhel"[..], "breaks off"),
            (b"zz\r\n", "no chunk length"),
            (b"2\r\nabc\r\n0\r\n\r\n", "longer than it says"),
            (b"", "no chunk length"),
        ] {
            let said = read(Framing::Chunked(None), sent).await.unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        let judge: Judge = Box::new(|piece| piece.signature == "good");
        let signed = b"1;chunk-signature=good\r\na\r\n0;chunk-signature=bad\r\n\r\n";
        let said = read(Framing::Chunked(Some(judge)), signed).await.unwrap_err();
        assert!(said.contains("chunk signature"), "{said}");
        let other = Framing::Hashed("00".to_owned());
        assert!(read(other, b"a").await.unwrap_err().contains("x-amz-content-sha256"));
    }
}
