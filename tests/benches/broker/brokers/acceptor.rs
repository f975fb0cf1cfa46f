//! The TLS handshake alone: the gateway's own configuration, and a client certificate that anybody may have signed.

use drydock_core::{Ids, Timestamp};
use drydock_identity::tls::{ClientCertificates, Directory, ServerNames, ServerOptions, server_config};
use drydock_identity::{Authority, Refusal};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Knows everybody.
#[derive(Debug)]
struct Everybody;

impl Directory for Everybody {
    fn admits(&self, _: &[u8], _: &[&[u8]]) -> Result<(), Refusal> {
        Ok(())
    }
}

struct Random;

impl Ids for Random {
    fn fill(&self, bytes: &mut [u8]) {
        rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(bytes).unwrap();
    }
}

/// Serves until it is killed; writes where to the file.
pub(crate) fn serve(ready: &Path) {
    let now = Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap());
    let root = Authority::load_or_create_root(Path::new("."), now, &Random).unwrap();
    let names = Arc::new(ServerNames::new(root, [], now, Arc::new(Random)).unwrap());
    let pem = names.root_pem();
    let options = ServerOptions { client_certificates: ClientCertificates::Required, alpn: Vec::new() };
    let acceptor = TlsAcceptor::from(server_config(names, Arc::new(Everybody), options).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        std::fs::write("ready.part", json!({ "port": port, "root": pem }).to_string()).unwrap();
        std::fs::rename("ready.part", ready).unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(socket).await.unwrap();
                let mut rest = [0; 512];
                while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
                // A server has to end TLS in order (RFC 8446, 6.1), and the gateway does.
                let _ = stream.shutdown().await;
            });
        }
    });
}
