//! An answer that goes on for as long as the caller listens: lines of JSON, each sent as it comes, or pieces that a stand-in sends.

use bytes::Bytes;
use drydock_cloud::going;
use http::{HeaderValue, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many lines may wait for a caller that does not read; who falls further behind misses some.
pub const WAITING: usize = 1024;

/// The body of an answer: whole, in lines, or the bytes of an object.
pub type Answer = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Lines that are on their way.
#[derive(Debug)]
pub struct Lines(Receiver<Bytes>);

/// An answer in lines, and where to put them. It ends when the sender is dropped.
#[must_use]
pub fn open() -> (Response<Bytes>, Sender<Bytes>) {
    let (sender, receiver) = channel(WAITING);
    let mut response = Response::new(Bytes::new());
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    going::attach(&mut response, receiver);
    (response, sender)
}

/// The answer as the connection sends it.
pub(super) fn body(mut response: Response<Bytes>) -> Response<Answer> {
    match going::detach(&mut response) {
        Some(pieces) => response.map(|_| Lines(pieces).map_err(Into::into).boxed_unsync()),
        None => response.map(|whole| Full::new(whole).map_err(Into::into).boxed_unsync()),
    }
}

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().0.poll_recv(cx).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
