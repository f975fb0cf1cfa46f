//! The listeners: one task per socket, one task per connection, all ended together.
//!
//! | port | speaks |
//! |---|---|
//! | `--mqtt-port` | MQTT over mutual TLS; without a client certificate in domains whose authentication type is `CUSTOM_AUTH` |
//! | `--tls-port` | HTTPS with an optional client certificate, MQTT over WebSocket, and MQTT over mutual TLS; told apart by ALPN or, without it, by the first byte |
//! | `--api-port` | the AWS API of every service, plain HTTP, and MQTT over WebSocket |
//! | `--plain-port` | MQTT without TLS, for conformance tests; off unless named, loopback only |

use crate::gateway::{Addresses, Gateway};
use crate::http::serve;
use crate::peer::{Endpoint, TlsPeer};
use crate::prefixed::Prefixed;
use crate::trouble::{self, Hello};
use bytes::Bytes;
use drydock_broker::{Peer, Transport};
use drydock_gate::credential::Credential;
use drydock_host::logs::unproven::{Over, Unproven};
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_identity::book::present::Refusal;
use drydock_model::iot::AuthenticationType;
use rustls::server::Acceptor;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a peer may take for the TLS handshake, and without ALPN for its first byte.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(20);
/// After how long it is told that a handshake goes no further: a client that does not trust our certificate may just stay silent.
const HANDSHAKE_HINT: Duration = Duration::from_secs(3);

/// A socket that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process has the port.
    #[error(
        "port {port} ({option}) is in use on {host}: stop what uses it, or pick another with {option} (0 picks a free one)"
    )]
    InUse {
        /// The address.
        host: IpAddr,
        /// The port.
        port: u16,
        /// The option that sets it.
        option: &'static str,
    },
    /// The operating system refused for another reason.
    #[error("cannot listen on {host} port {port} ({option})")]
    Other {
        /// The address.
        host: IpAddr,
        /// The port.
        port: u16,
        /// The option that sets it.
        option: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Opens a listening socket.
///
/// # Errors
/// [`ListenError`], which names the option to change.
pub async fn bind(host: IpAddr, port: u16, option: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind((host, port)).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { host, port, option },
        _ => ListenError::Other { host, port, option, source },
    })
}

/// The listening sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) api: TcpListener,
    pub(crate) mqtt: TcpListener,
    pub(crate) https: TcpListener,
    pub(crate) plain: Option<TcpListener>,
}

impl Sockets {
    /// Where they are.
    pub(crate) fn addresses(&self) -> Result<Addresses, ListenError> {
        let plain = self.plain.as_ref().map(|plain| address(plain, "--plain-port"));
        Ok(Addresses {
            api: address(&self.api, "--api-port")?,
            mqtt: address(&self.mqtt, "--mqtt-port")?,
            tls: address(&self.https, "--tls-port")?,
            plain: plain.transpose()?,
        })
    }

    /// Lets connections in until the gateway stops. Those that came before wait in the sockets' own queues.
    pub(crate) fn accept(self, gateway: &Gateway) {
        let serving = &gateway.serving;
        serving.spawn(accept(gateway.clone(), self.api, api));
        serving.spawn(accept(gateway.clone(), self.mqtt, mqtt));
        serving.spawn(accept(gateway.clone(), self.https, https));
        if let Some(socket) = self.plain {
            serving.spawn(accept(gateway.clone(), socket, plain));
        }
    }
}

fn address(listener: &TcpListener, option: &'static str) -> Result<SocketAddr, ListenError> {
    listener.local_addr().map_err(|source| ListenError::Other {
        host: IpAddr::from([127, 0, 0, 1]),
        port: 0,
        option,
        source,
    })
}

/// Accepts until the gateway stops, giving each connection to `serve` in a task of its own, which the stop waits for.
async fn accept<F>(gateway: Gateway, listener: TcpListener, serve: impl Fn(Gateway, TcpStream, SocketAddr) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                // Small packets must not wait for more: MQTT is all small packets.
                let _ = stream.set_nodelay(true);
                gateway.serving.spawn_to_end(serve(gateway.clone(), stream, remote));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: the ones in use have to end before the next can be had.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves one connection of the AWS API.
pub async fn api(gateway: Gateway, stream: TcpStream, remote: SocketAddr) {
    let local = stream.local_addr().unwrap_or(remote);
    let mut first = [0];
    let seen = tokio::select! {
        seen = tokio::time::timeout(HANDSHAKE_DEADLINE, stream.peek(&mut first)) => seen,
        () = gateway.serving.stopped() => return,
    };
    if !matches!(seen, Ok(Ok(1..))) {
        return;
    }
    let [first] = first;
    let addresses = &gateway.addresses;
    let ports = || format!("port {} for MQTT and port {} for HTTPS", addresses.mqtt.port(), addresses.tls.port());
    if matches!(first, 0x10 | 0x16)
        && let Some(what) = trouble::not_http(first, &ports())
    {
        tell(&gateway, remote, what);
        return;
    }
    serve::serve(stream, Endpoint { gateway, remote, local, tls: None }).await;
}

/// Serves one connection of MQTT over mutual TLS.
pub async fn mqtt(gateway: Gateway, stream: TcpStream, remote: SocketAddr) {
    if let Some((gateway, stream, tls)) = handshake(&gateway, Over::Mqtt, stream, remote).await {
        let peer = tls.peer(remote, Transport::Tls, None);
        gateway.host.broker.serve(stream, peer).await;
    }
}

/// Serves one connection of the port that HTTPS and MQTT share.
pub async fn https(gateway: Gateway, stream: TcpStream, remote: SocketAddr) {
    let Some((gateway, mut stream, tls)) = handshake(&gateway, Over::Http, stream, remote).await else { return };
    let mut first = Bytes::new();
    let speaks_mqtt = match tls.alpn.as_deref() {
        Some(protocol) => means_mqtt(protocol),
        // The first byte of an MQTT connection is that of a CONNECT packet, which begins no HTTP request.
        None => match tokio::time::timeout(HANDSHAKE_DEADLINE, stream.read_u8()).await {
            Ok(Ok(byte)) => {
                first = Bytes::copy_from_slice(&[byte]);
                byte == 0x10
            }
            _ => return,
        },
    };
    let stream = Prefixed::new(first, stream);
    if speaks_mqtt {
        let peer = tls.peer(remote, Transport::Tls, None);
        gateway.host.broker.serve(stream, peer).await;
    } else {
        serve::serve(stream, Endpoint { local: tls.local, gateway, remote, tls: Some(tls) }).await;
    }
}

/// Serves one connection of MQTT without TLS, which may do everything.
pub async fn plain(gateway: Gateway, stream: TcpStream, remote: SocketAddr) {
    let local = stream.local_addr().unwrap_or(remote);
    let peer = Peer {
        remote,
        local,
        transport: Transport::Plain,
        server_name: None,
        credential: Arc::new(Credential::Anybody),
        lifetime: None,
    };
    gateway.host.broker.serve(stream, peer).await;
}

/// Runs the handshake; a failure is told of, with why, and logged where it is the client's certificate. `over` is what the port
/// is for where the client does not say it. The client then meets the gateway as the account and region see it that it has named,
/// or that know its certificate.
async fn handshake(
    gateway: &Gateway,
    over: Over,
    stream: TcpStream,
    remote: SocketAddr,
) -> Option<(Gateway, TlsStream<TcpStream>, TlsPeer)> {
    let local = stream.local_addr().unwrap_or(remote);
    let root = || gateway.root_ca().display().to_string();
    // The handshake's future is large and short-lived: it is not to be part of every connection's task.
    let (hello, named) = (OnceLock::new(), OnceLock::new());
    let mut shaking = Box::pin(shake(gateway, over, stream, &hello, &named));
    let begun = tokio::select! {
        shaken = tokio::time::timeout(HANDSHAKE_HINT, &mut shaking) => shaken,
        () = gateway.serving.stopped() => return None,
    };
    let hinted = begun.is_err() && hello.get().is_some();
    if hinted {
        tell(gateway, remote, trouble::stalled(HANDSHAKE_HINT.as_secs(), &root()));
    }
    let shaken = match begun {
        Ok(shaken) => Ok(shaken),
        Err(_) => tokio::select! {
            shaken = tokio::time::timeout(HANDSHAKE_DEADLINE.saturating_sub(HANDSHAKE_HINT), &mut shaking) => shaken,
            () = gateway.serving.stopped() => return None,
        },
    };
    drop(shaking);
    match shaken {
        Ok(Ok(stream)) => {
            let (_, session) = stream.get_ref();
            let chain: Vec<Vec<u8>> =
                session.peer_certificates().unwrap_or_default().iter().map(|c| c.to_vec()).collect();
            let scoped = named.into_inner().or_else(|| {
                let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
                if chain.is_empty() { None } else { gateway.scopes.of_certificate(gateway, &chain) }
            });
            let tls = TlsPeer {
                chain: Arc::new(chain),
                server_name: session.server_name().map(str::to_owned),
                alpn: session.alpn_protocol().map(<[u8]>::to_vec),
                local,
                kept: Arc::default(),
            };
            Some((scoped.unwrap_or_else(|| gateway.clone()), stream, tls))
        }
        Ok(Err(error)) => {
            let hello = hello.get();
            match drydock_identity::tls::refusal(&error) {
                Some(refusal) => {
                    let over = if hello.is_some_and(|hello| hello.speaks_mqtt) { Over::Mqtt } else { over };
                    let server_name = hello.and_then(|hello| hello.server_name.as_deref());
                    let gateway = named.get().unwrap_or(gateway);
                    unproven(gateway, refusal, over, (remote, local), server_name);
                    let reasons = help(refusal.reason.help());
                    tell(gateway, remote, (format!("TLS handshake refused: {refusal}"), reasons));
                }
                // Why it hangs up was told when it went silent.
                None if hinted && trouble::is_hang_up(&error) => {}
                None => tell(gateway, remote, trouble::failed(&error, hello, &root())),
            }
            None
        }
        Err(_) => {
            if !hinted {
                tell(gateway, remote, trouble::silent(HANDSHAKE_DEADLINE.as_secs()));
            }
            None
        }
    }
}

/// Tells those who watch of a connection that came to nothing.
fn tell(gateway: &Gateway, remote: SocketAddr, (text, reasons): trouble::Told) {
    gateway.host.told.notices.tell(|| Notice {
        at: gateway.host.books.now(),
        tone: Tone::Bad,
        topic: Topic::Connection,
        subject: remote.to_string(),
        text,
        reasons,
    });
}

async fn shake(
    gateway: &Gateway,
    over: Over,
    stream: TcpStream,
    hello: &OnceLock<Hello>,
    named: &OnceLock<Gateway>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? > 0
        && let [first] = first
        && let Some(other) = trouble::not_tls(first)
    {
        return Err(io::Error::other(other));
    }
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let said = start.client_hello();
    // Whom the client has named answers it from here on.
    let gateway = match said.server_name().and_then(|name| gateway.scopes.named(name)) {
        Some(other) => named.get_or_init(|| other),
        None => gateway,
    };
    let acceptor = match over {
        Over::Mqtt => &gateway.tls.mqtt,
        Over::Http => &gateway.tls.https,
    };
    let speaks_mqtt = said.alpn().is_some_and(|mut offers| offers.any(means_mqtt));
    let hello = hello.get_or_init(|| Hello::read(&said, acceptor.config(), speaks_mqtt));
    // A domain pins the way whatever the port: where it wants no certificates, the port of MQTT asks for none.
    let authentication = |name| gateway.host.books.identity.read(|identity| identity.domain(Some(name)).authentication);
    let asked = hello.server_name.as_deref().filter(|_| over == Over::Mqtt);
    let without = asked.is_some_and(|name| authentication(name) == AuthenticationType::CustomAuth);
    let acceptor = if without { &gateway.tls.https } else { acceptor };
    start.into_stream(Arc::clone(acceptor.config())).await
}

fn means_mqtt(alpn: &[u8]) -> bool {
    matches!(alpn, b"x-amzn-mqtt-ca" | b"mqtt")
}

/// Logs a client certificate that the handshake refused.
fn unproven(
    gateway: &Gateway,
    refusal: &Refusal,
    over: Over,
    (remote, local): (SocketAddr, SocketAddr),
    server_name: Option<&str>,
) {
    let domain = gateway.host.books.identity.read(|identity| identity.domain(server_name));
    let way = match domain.authentication {
        AuthenticationType::CustomAuthX509 => AuthenticationType::CustomAuthX509,
        _ => AuthenticationType::AwsX509,
    };
    let principal = refusal.certificate_id.as_ref().map_or("", |id| id.as_str());
    let client = Unproven { over, way, client_id: "", principal, remote, local: Some(local), server_name };
    gateway.host.told.logs.unproven(client, &refusal.to_string());
}
