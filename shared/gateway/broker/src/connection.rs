//! One connection, from its CONNECT to its close: one task, which reads, does and writes.
//!
//! - `state`: what a connection is between two steps. `handshake`: how it begins. `wire`: it reads and writes. `input`, `publish`,
//!   `subscribe`: what packets ask for. `output`: what waits is written. `topics`: what it knows of topics.

mod handshake;
mod input;
mod output;
mod publish;
mod state;
mod subscribe;
mod topics;
mod wire;

pub use wire::ClientClosed;

use crate::broker::inner::Inner;
use crate::gate::Peer;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Runs a connection.
pub(crate) async fn run<S>(inner: Arc<Inner>, mut stream: S, peer: Arc<Peer>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    // The handshake's future is large and short-lived: it is not to be part of every idle connection.
    let greeted = Box::pin(handshake::greet(&inner, &mut stream, &peer)).await;
    let Some(mut connection) = greeted else {
        wire::close(&mut stream).await;
        return;
    };
    let end = wire::drive(&mut stream, &mut connection).await;
    connection.finish(end);
    wire::farewell(&mut stream, &mut connection, end).await;
}
