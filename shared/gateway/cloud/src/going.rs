//! An answer that goes on for as long as the caller listens: pieces of its body, each sent as it comes.

use crate::context::lock;
use bytes::Bytes;
use http::Response;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::Receiver;

/// Travels in an answer's extensions from who answers to the connection.
#[derive(Clone)]
struct Going(Arc<Mutex<Option<Receiver<Bytes>>>>);

/// Has the body of an answer be the pieces that come. It ends when their sender is dropped.
pub fn attach(response: &mut Response<Bytes>, pieces: Receiver<Bytes>) {
    response.extensions_mut().insert(Going(Arc::new(Mutex::new(Some(pieces)))));
}

/// The pieces of an answer's body, where they are still to come.
pub fn detach(response: &mut Response<Bytes>) -> Option<Receiver<Bytes>> {
    let going = response.extensions_mut().remove::<Going>()?;
    lock(&going.0).take()
}
