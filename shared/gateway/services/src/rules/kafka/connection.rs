//! One connection to one broker: TLS and SASL where the producer's properties ask for them, then a request and its answer.

use super::failure::Failure;
use super::sasl::{Sasl, Scram, plain};
use super::wire::{Reader, Writer};
use base64::Engine as _;
use drydock_core::OwnAddresses;
use drydock_rules::KafkaRecord;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// What brokers see in their logs.
const CLIENT: &str = "drydock";
const SASL_HANDSHAKE: i16 = 17;
const SASL_AUTHENTICATE: i16 = 36;

/// What a producer's properties say of its connections.
pub(super) struct Security {
    own: OwnAddresses,
    tls: Option<Arc<ClientConfig>>,
    sasl: Option<Sasl>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    address: String,
    correlation: i32,
}

impl Security {
    /// Reads it from a record's properties.
    ///
    /// # Errors
    /// What this producer cannot do, by name.
    pub(super) fn of(record: &KafkaRecord, own: &OwnAddresses) -> Result<Self, Failure> {
        let protocol = record.property("security.protocol").unwrap_or("SSL");
        let tls = if protocol.ends_with("SSL") { Some(tls(record)?) } else { None };
        if !protocol.starts_with("SASL") {
            return Ok(Self { own: own.clone(), tls, sasl: None });
        }
        let get = |name: &str| record.property(name).unwrap_or_default().to_owned();
        let sasl = match record.property("sasl.mechanism") {
            Some("PLAIN") => Sasl::Plain { user: get("sasl.plain.username"), password: get("sasl.plain.password") },
            Some("SCRAM-SHA-512") => {
                Sasl::Scram { user: get("sasl.scram.username"), password: get("sasl.scram.password") }
            }
            other => {
                let what =
                    format!("the SASL mechanism `{}` is not implemented by this gateway", other.unwrap_or_default());
                return Err(Failure::lasting(what));
            }
        };
        Ok(Self { own: own.clone(), tls, sasl: Some(sasl) })
    }
}

/// A store as PEM, plain or in base64.
fn pem(record: &KafkaRecord, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(text) = record.property(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let bytes = if text.contains("-----BEGIN") {
        text.as_bytes().to_vec()
    } else {
        let decoded = base64::engine::general_purpose::STANDARD.decode(text.trim());
        decoded.map_err(|_| Failure::lasting(format!("`{name}` is neither PEM nor base64")))?
    };
    if !bytes.windows(10).any(|window| window == b"-----BEGIN") {
        let what = format!("`{name}` is not PEM: a Java key store is not implemented by this gateway");
        return Err(Failure::lasting(what));
    }
    Ok(Some(bytes))
}

fn tls(record: &KafkaRecord) -> Result<Arc<ClientConfig>, Failure> {
    let wrong = |name: &str, error: &dyn std::fmt::Display| Failure::lasting(format!("`{name}`: {error}"));
    let mut roots = RootCertStore::empty();
    match pem(record, "ssl.truststore")? {
        Some(store) => {
            for certificate in CertificateDer::pem_slice_iter(&store) {
                let certificate = certificate.map_err(|error| wrong("ssl.truststore", &error))?;
                roots.add(certificate).map_err(|error| wrong("ssl.truststore", &error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::lasting(error.to_string()))?
        .with_root_certificates(roots);
    let config = match pem(record, "ssl.keystore")? {
        Some(store) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&store).collect();
            let chain = chain.map_err(|error| wrong("ssl.keystore", &error))?;
            let key = PrivateKeyDer::from_pem_slice(&store).map_err(|error| wrong("ssl.keystore", &error))?;
            config.with_client_auth_cert(chain, key).map_err(|error| wrong("ssl.keystore", &error))?
        }
        None => config.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

impl Connection {
    /// Connects, and proves who it is.
    pub(super) async fn open(address: &str, security: &Security) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::passing(format!("cannot connect to `{address}`: {error}"));
        let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
        let (local, peer) =
            stream.local_addr().and_then(|local| Ok((local, stream.peer_addr()?))).map_err(|e| failed(&e))?;
        if security.own.are_reached(local.ip(), peer) {
            return Err(Failure::lasting(format!(
                "`{address}` is a port of this gateway itself, which it does not send to"
            )));
        }
        // Requests are small, and each is waited for.
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let stream: Box<dyn Stream> = match &security.tls {
            None => Box::new(stream),
            Some(config) => {
                let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
                let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
                let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
                Box::new(connected.map_err(|error| failed(&error))?)
            }
        };
        let mut connection = Self { stream, address: address.to_owned(), correlation: 0 };
        if let Some(sasl) = &security.sasl {
            connection.authenticate(sasl).await?;
        }
        Ok(connection)
    }

    async fn authenticate(&mut self, sasl: &Sasl) -> Result<(), Failure> {
        let mut request = Writer::default();
        request.string(sasl.mechanism());
        let answer = self.ask(SASL_HANDSHAKE, 1, &request.bytes).await?;
        if Reader(&answer).int16() != Some(0) {
            let what = format!("`{}` does not take the SASL mechanism {}", self.address, sasl.mechanism());
            return Err(Failure::lasting(what));
        }
        match sasl {
            Sasl::Plain { user, password } => self.token(&plain(user, password)).await.map(drop),
            Sasl::Scram { user, password } => {
                let scram = Scram::new(user, password);
                let first = self.token(scram.first().as_bytes()).await?;
                let (last, signature) = scram.finish(String::from_utf8_lossy(&first).into_owned()).await?;
                let proof = self.token(last.as_bytes()).await?;
                if proof == signature.as_bytes() {
                    return Ok(());
                }
                Err(Failure::lasting(format!("`{}` did not prove that it knows the password", self.address)))
            }
        }
    }

    /// Sends a message of the mechanism; the broker's one.
    async fn token(&mut self, token: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut request = Writer::default();
        request.sized(token);
        let answer = self.ask(SASL_AUTHENTICATE, 0, &request.bytes).await?;
        let mut read = Reader(&answer);
        let mut parts = || Some((read.int16()?, read.nullable()?.unwrap_or_default(), read.sized()?));
        match parts() {
            Some((0, _, token)) => Ok(token.to_vec()),
            Some((_, why, _)) => Err(Failure::lasting(format!("`{}` refused the credentials: {why}", self.address))),
            None => Err(Failure::lasting(format!("`{}` gave no answer that can be read", self.address))),
        }
    }

    /// Sends a request that has no answer.
    pub(super) async fn tell(&mut self, key: i16, version: i16, body: &[u8]) -> Result<(), Failure> {
        self.correlation = self.correlation.wrapping_add(1);
        let mut head = Writer::default();
        head.int16(key);
        head.int16(version);
        head.int32(self.correlation);
        head.string(CLIENT);
        let mut request = Writer::default();
        request.sized(&[&head.bytes, body].concat());
        let written = self.stream.write_all(&request.bytes).await;
        let flushed = if written.is_ok() { self.stream.flush().await } else { written };
        flushed.map_err(|error| self.lost(&error))
    }

    /// Sends a request and reads its answer.
    pub(super) async fn ask(&mut self, key: i16, version: i16, body: &[u8]) -> Result<Vec<u8>, Failure> {
        self.tell(key, version, body).await?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).await.map_err(|error| self.lost(&error))?;
        let length = usize::try_from(i32::from_be_bytes(length)).ok().filter(|length| *length <= MAX_ANSWER);
        let length =
            length.ok_or_else(|| Failure::lasting(format!("`{}` does not speak Kafka's protocol", self.address)))?;
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await.map_err(|error| self.lost(&error))?;
        let mut read = Reader(&answer);
        if read.int32() != Some(self.correlation) {
            return Err(Failure::passing(format!("`{}` answered another request", self.address)));
        }
        Ok(read.0.to_vec())
    }

    fn lost(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::passing(format!("the connection to `{}` is lost: {error}", self.address))
    }
}
