//! A connector that gives up connections to the gateway's own sockets before anything is sent on them. It looks at the connection
//! and not at the name: a name may lead here, and lead elsewhere a moment before.

use drydock_core::OwnAddresses;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tower_service::Service;

/// What makes connections.
#[derive(Clone)]
pub(super) struct Guarded {
    inner: HttpConnector,
    own: OwnAddresses,
}

impl Guarded {
    pub(super) fn new(inner: HttpConnector, own: OwnAddresses) -> Self {
        Self { inner, own }
    }
}

/// A connection that is being made.
type Connecting = Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>, io::Error>> + Send>>;

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.inner.poll_ready(cx).map_err(io::Error::other)
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        let connecting = self.inner.call(uri);
        let own = self.own.clone();
        Box::pin(async move {
            let stream = connecting.await.map_err(io::Error::other)?;
            let (local, peer) = (stream.inner().local_addr()?, stream.inner().peer_addr()?);
            if own.are_reached(local.ip(), peer) {
                return Err(io::Error::other("it is a port of this gateway itself, which it does not send to"));
            }
            Ok(stream)
        })
    }
}
