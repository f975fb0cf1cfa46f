//! Real handshakes over loopback sockets, with the TLS library's own client.

use crate::support::{Account, Ca, Counting, Kind, Made, NOW};
use drydock_identity::tls::{ClientCertificates, Directory, ServerNames, ServerOptions, refusal, server_config};
use drydock_identity::{Authority, Certificate, Refusal};
use drydock_model::iot::RegisterCertificateWithoutCARequest;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The real time: the client's library judges the server's certificate by it.
fn real() -> drydock_core::Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    drydock_core::Timestamp(since.as_millis() as i64)
}

/// One root for all tests: an RSA key takes a while to make without optimisation.
static ROOT: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    Authority::load_or_create_root(dir.path(), real(), &Counting::default()).unwrap();
    dir
});

struct Asked(Mutex<Account>);

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asked")
    }
}

impl Directory for Asked {
    fn admits(&self, end_entity: &[u8], intermediates: &[&[u8]]) -> Result<(), Refusal> {
        let chain: Vec<&[u8]> = std::iter::once(end_entity).chain(intermediates.iter().copied()).collect();
        self.0.lock().unwrap().book.admits(&chain, NOW)
    }
}

struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    root: CertificateDer<'static>,
}

/// What the server saw of a connection.
#[derive(Debug, PartialEq)]
struct Seen {
    version: ProtocolVersion,
    sni: Option<String>,
    chain: Vec<Vec<u8>>,
    alpn: Option<Vec<u8>>,
}

impl Server {
    async fn start(account: Account, client_certificates: ClientCertificates, alpn: &[&str]) -> Self {
        let root = Authority::load_or_create_root(ROOT.path(), real(), &Counting::default()).unwrap();
        let der = CertificateDer::from(root.certificate().der().to_vec());
        let names = ["a1b2-ats.iot.us-east-1.amazonaws.com".to_owned()];
        let names = ServerNames::new(root, names, real(), Arc::new(Counting::default())).unwrap();
        let alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let options = ServerOptions { client_certificates, alpn };
        let config = server_config(Arc::new(names), Arc::new(Asked(Mutex::new(account))), options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: TlsAcceptor::from(config), root: der }
    }

    /// One handshake, answered with a byte each way.
    async fn accept(&self) -> io::Result<Seen> {
        let (socket, _) = self.listener.accept().await?;
        let mut stream = self.acceptor.accept(socket).await?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        stream.write_all(&byte).await?;
        stream.flush().await?;
        let connection = stream.get_ref().1;
        Ok(Seen {
            version: connection.protocol_version().unwrap(),
            sni: connection.server_name().map(str::to_owned),
            chain: connection.peer_certificates().unwrap_or_default().iter().map(|der| der.to_vec()).collect(),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        })
    }

    async fn handshake(&self, config: ClientConfig, name: &'static str) -> (io::Result<Seen>, io::Result<()>) {
        let address = self.listener.local_addr().unwrap();
        let client = async {
            let socket = TcpStream::connect(address).await?;
            let connector = TlsConnector::from(Arc::new(config));
            let mut stream = connector.connect(ServerName::try_from(name).unwrap(), socket).await?;
            stream.write_all(b"x").await?;
            stream.flush().await?;
            let mut byte = [0];
            stream.read_exact(&mut byte).await.map(|_| ())
        };
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(self.accept(), client) }).await.unwrap()
    }
}

fn client(
    server: &Server,
    version: &'static SupportedProtocolVersion,
    provider: CryptoProvider,
    identity: Option<(&Made, &[&[u8]])>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(server.root.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((made, intermediates)) => {
            let chain = std::iter::once(made.der())
                .chain(intermediates.iter().copied())
                .map(|der| CertificateDer::from(der.to_vec()))
                .collect();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.key.serialize_der()));
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.resumption = Resumption::disabled();
    config
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test]
async fn devices_of_a_registered_ca_pass_in_both_versions_with_every_key() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    account.register(&ca);
    let middle = ca.below("Middle");
    account.register(&middle);
    let server = Server::start(account, ClientCertificates::Required, &[]).await;
    for version in VERSIONS {
        for kind in [Kind::Rsa, Kind::P256, Kind::P384, Kind::Ed25519] {
            let device = ca.device_of(kind, "dock-1", |_| {});
            let config = client(&server, version, aws_lc_rs::default_provider(), Some((&device, &[])));
            let (seen, answered) = server.handshake(config, "localhost").await;
            let seen = seen.unwrap();
            assert!(answered.is_ok(), "{kind:?}");
            assert_eq!((seen.version, seen.sni.as_deref()), (version.version, Some("localhost")), "{kind:?}");
            assert_eq!(seen.chain, [device.der().to_vec()], "{kind:?}");
        }
        let device = middle.device("dock-2", |_| {});
        let config = client(&server, version, aws_lc_rs::default_provider(), Some((&device, &[middle.der()])));
        let (seen, _) = server.handshake(config, "localhost").await;
        assert_eq!(seen.unwrap().chain.len(), 2);
    }
}

#[tokio::test]
async fn strangers_fail_the_handshake_and_the_reason_is_at_hand() {
    let mut account = Account::new();
    account.register(&Ca::root("Fleet CA"));
    let server = Server::start(account, ClientCertificates::Required, &[]).await;
    let stranger = Ca::root("Stranger").device("dock-1", |_| {});
    for version in VERSIONS {
        let config = client(&server, version, aws_lc_rs::default_provider(), Some((&stranger, &[])));
        let (seen, answered) = server.handshake(config, "localhost").await;
        let error = seen.unwrap_err();
        let refusal = refusal(&error).unwrap();
        assert_eq!(refusal.reason.as_str(), "DEVICE_CERTIFICATE_NOT_REGISTERED");
        assert_eq!(refusal.certificate_id.as_ref().unwrap().as_str(), stranger.id());
        assert!(answered.unwrap_err().to_string().contains("CertificateUnknown"));

        let config = client(&server, version, aws_lc_rs::default_provider(), None);
        let (seen, answered) = server.handshake(config, "localhost").await;
        assert!(seen.is_err() && answered.is_err(), "a client without a certificate");
    }
}

#[tokio::test]
async fn a_key_that_is_not_the_certificates_proves_nothing() {
    let mut account = Account::new();
    let ca = Ca::root("Fleet CA");
    account.register(&ca);
    let device = ca.device("dock-1", |_| {});
    let server = Server::start(account, ClientCertificates::Required, &[]).await;
    for version in VERSIONS {
        let config = client(&server, version, aws_lc_rs::default_provider(), Some((&device, &[])));
        let mut stolen = config;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(Kind::P256.key().serialize_der()));
        stolen.client_auth_cert_resolver = Arc::new(Unchecked(device.der().to_vec(), key));
        let (seen, _) = server.handshake(stolen, "localhost").await;
        let error = seen.unwrap_err();
        assert!(error.to_string().contains("BadSignature"), "{error}");
    }
}

/// Sends a certificate and signs with a key, whether or not its own library would have them together.
#[derive(Debug)]
struct Unchecked(Vec<u8>, PrivateKeyDer<'static>);

impl rustls::client::ResolvesClientCert for Unchecked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        let key = aws_lc_rs::sign::any_supported_type(&self.1).unwrap();
        Some(Arc::new(rustls::sign::CertifiedKey::new(vec![CertificateDer::from(self.0.clone())], key)))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The guide's own openssl lines make certificates of version 1, which the rules of the web refuse.
#[tokio::test]
async fn a_certificate_of_version_1_connects() {
    let pem = include_str!("fixtures/version-1.pem");
    let mut account = Account::new();
    let request = RegisterCertificateWithoutCARequest { certificate_pem: pem.into(), status: None };
    let done = account.book.register_certificate_without_ca(&request, NOW, &account.ids).unwrap();
    account.take(done);
    let server = Server::start(account, ClientCertificates::Required, &[]).await;
    let certificate = Certificate::from_pem("it", pem).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/version-1.key")).unwrap();
    for version in VERSIONS {
        let mut config = client(&server, version, aws_lc_rs::default_provider(), None);
        config.client_auth_cert_resolver = Arc::new(Unchecked(certificate.der().to_vec(), key.clone_key()));
        let (seen, answered) = server.handshake(config, "localhost").await;
        assert_eq!(seen.unwrap().chain, [certificate.der().to_vec()]);
        assert!(answered.is_ok());
    }
}

#[tokio::test]
async fn the_server_answers_to_any_name_and_to_clients_without_ecdsa() {
    let server = Server::start(Account::new(), ClientCertificates::Optional, &[]).await;
    for name in [
        "localhost",
        "127.0.0.1",
        "::1",
        "a1b2-ats.iot.us-east-1.amazonaws.com",
        "C3D4-ATS.iot.eu-west-1.amazonaws.com",
        "anything.example",
    ] {
        let config = client(&server, &rustls::version::TLS13, aws_lc_rs::default_provider(), None);
        let (seen, answered) = server.handshake(config, name).await;
        assert!(answered.is_ok() && seen.is_ok(), "{name}: {seen:?} {answered:?}");
    }
    let mut rsa_only = aws_lc_rs::default_provider();
    rsa_only.cipher_suites.retain(|suite| format!("{suite:?}").contains("ECDHE_RSA"));
    let schemes = rsa_only.signature_verification_algorithms.mapping;
    let rsa: Vec<_> = schemes.iter().filter(|(scheme, _)| format!("{scheme:?}").starts_with("RSA")).copied().collect();
    rsa_only.signature_verification_algorithms.mapping = rsa.leak();
    let config = client(&server, &rustls::version::TLS12, rsa_only, None);
    let (seen, answered) = server.handshake(config, "localhost").await;
    assert!(answered.is_ok() && seen.is_ok(), "{seen:?} {answered:?}");
}

#[tokio::test]
async fn alpn_is_as_configured_and_nothing_is_resumed() {
    let server = Server::start(Account::new(), ClientCertificates::NotAsked, &["x-amzn-mqtt-ca", "mqtt"]).await;
    let ask = |alpn: &[&str]| {
        let mut config = client(&server, &rustls::version::TLS12, aws_lc_rs::default_provider(), None);
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.resumption = Resumption::in_memory_sessions(8);
        config
    };
    for (asked, agreed) in [(&["mqtt"][..], Some("mqtt")), (&["x-amzn-mqtt-ca"], Some("x-amzn-mqtt-ca")), (&[], None)] {
        let (seen, _) = server.handshake(ask(asked), "localhost").await;
        assert_eq!(seen.unwrap().alpn.as_deref(), agreed.map(str::as_bytes), "{asked:?}");
    }
    assert!(server.handshake(ask(&["h2"]), "localhost").await.0.is_err());

    // The same client comes twice with all that it has kept: both are whole handshakes.
    let config = Arc::new(ask(&[]));
    for _ in 0..2 {
        let address = server.listener.local_addr().unwrap();
        let client = async {
            let socket = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::clone(&config)).connect(name, socket).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            stream.get_ref().1.handshake_kind().unwrap()
        };
        let (_, kind) = tokio::join!(server.accept(), client);
        assert_eq!(kind, rustls::HandshakeKind::Full);
    }
}
