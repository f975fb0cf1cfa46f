//! A device's MQTT connection, MQTT 3.1.1 over mutual TLS. It shares no code with the broker: packets are those of
//! `mqtt-protocol-core`, read from and written to the socket here.

use bytes::{Buf as _, BytesMut};
use mqtt_protocol_core::mqtt::packet::v3_1_1::{
    Connack, Connect, Disconnect, Pingreq, Puback, Publish, Suback, Subscribe,
};
use mqtt_protocol_core::mqtt::packet::{Qos, SubEntry, SubOpts};
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, MqttError, SubackReturnCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a connection waits for any one thing that is to come at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// AWS's longest keep-alive, in seconds: [`Connection::ping`] before it is over.
pub const KEEP_ALIVE: u16 = 1_200;

/// The largest packet that is read, in bytes: twice what AWS IoT takes for a message.
const LARGEST: usize = 256 * 1024;

/// The type of a packet, as MQTT numbers them.
mod kind {
    pub(super) const CONNACK: u8 = 2;
    pub(super) const PUBLISH: u8 = 3;
    pub(super) const PUBACK: u8 = 4;
    pub(super) const SUBACK: u8 = 9;
    pub(super) const PINGRESP: u8 = 13;
}

/// Why a device did not get where it wanted.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection was refused or ended.
    #[error("the connection ended: {0}")]
    Connection(#[from] std::io::Error),
    /// The server's name is not one.
    #[error("`{0}` is not a host name")]
    Name(String, #[source] InvalidDnsNameError),
    /// The server refused the connect.
    #[error("the connect was refused: {0:?}")]
    Refused(ConnectReturnCode),
    /// The server refused the subscription.
    #[error("the subscription to {0} was refused")]
    NotSubscribed(String),
    /// Nothing came in time.
    #[error("{0} did not come in time")]
    TooLate(&'static str),
    /// Something other than what was waited for came.
    #[error("{0} was expected, and a packet of type {1} came")]
    Unexpected(&'static str, u8),
    /// A packet that cannot be sent, or that does not read.
    #[error("a packet is not valid MQTT: {0:?}")]
    Packet(MqttError),
    /// The certificate, the key or the root does not read.
    #[error("the device's certificate, key or root certificate cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// TLS cannot be set up with them.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl From<MqttError> for ClientError {
    fn from(error: MqttError) -> Self {
        Self::Packet(error)
    }
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The topic that it came on.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A packet from the server: the first byte of its fixed header, and what follows its length.
struct Frame {
    first: u8,
    body: Vec<u8>,
}

impl Frame {
    /// The packet's type, as MQTT numbers them.
    fn kind(&self) -> u8 {
        self.first >> 4
    }
}

/// What a device trusts and shows. Cheap to clone: a fleet of devices with one certificate shares it.
#[derive(Clone)]
pub struct Identity(TlsConnector);

impl Identity {
    /// Reads a device's root certificates, certificate and key, each as PEM.
    ///
    /// # Errors
    /// [`ClientError`], where one of them does not read.
    pub fn new(root: &str, certificate: &str, key: &str) -> Result<Self, ClientError> {
        Ok(Self(TlsConnector::from(Arc::new(config(root, certificate, key)?))))
    }
}

/// A connection of a device that speaks MQTT 3.1.1 over mutual TLS.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    /// What was read and is not a whole packet yet.
    read: BytesMut,
    /// Messages that arrived while something else was waited for.
    arrived: VecDeque<Arrived>,
    packet_id: u16,
}

impl Connection {
    /// Connects with a session that ends with the connection, or, where it is `lasting`, with one that waits for the client id;
    /// the first CONNACK decides.
    ///
    /// # Errors
    /// [`ClientError`]: a refusal looks to a device like a connection that ends.
    pub async fn connect(
        identity: &Identity,
        client_id: &str,
        (host, port): (&str, u16),
        lasting: bool,
    ) -> Result<Self, ClientError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| ClientError::Name(host.to_owned(), error))?;
        let stream = in_time("a TLS connection", async {
            let socket = TcpStream::connect((host, port)).await?;
            Ok(identity.0.connect(name, socket).await?)
        });
        let stream = stream.await?;
        let mut connection = Self { stream, read: BytesMut::new(), arrived: VecDeque::new(), packet_id: 0 };
        let connect =
            Connect::builder().client_id(client_id)?.clean_session(!lasting).keep_alive(KEEP_ALIVE).build()?;
        connection.send(&connect.to_continuous_buffer()).await?;
        let (connack, _) = Connack::parse(&connection.answer("CONNACK", kind::CONNACK).await?)?;
        match connack.return_code() {
            ConnectReturnCode::Accepted => Ok(connection),
            refused => Err(ClientError::Refused(refused)),
        }
    }

    /// Subscribes to filters and waits for each SUBACK.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn subscribe(&mut self, filters: &[&str]) -> Result<(), ClientError> {
        for filter in filters {
            let entry = SubEntry::new(*filter, SubOpts::new().set_qos(Qos::AtLeastOnce))?;
            let subscribe = Subscribe::builder().packet_id(self.next_packet_id()).entries(vec![entry]).build()?;
            self.send(&subscribe.to_continuous_buffer()).await?;
            let (suback, _) = Suback::parse(&self.answer("SUBACK", kind::SUBACK).await?)?;
            if suback.return_codes().contains(&SubackReturnCode::Failure) {
                return Err(ClientError::NotSubscribed((*filter).to_owned()));
            }
        }
        Ok(())
    }

    /// Publishes at QoS 1 and waits for the PUBACK.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn publish(&mut self, topic: &str, payload: String) -> Result<(), ClientError> {
        let publish = Publish::builder().topic_name(topic)?.qos(Qos::AtLeastOnce).packet_id(self.next_packet_id());
        self.send(&publish.payload(payload).build()?.to_continuous_buffer()).await?;
        Puback::parse(&self.answer("PUBACK", kind::PUBACK).await?)?;
        Ok(())
    }

    /// Waits for a message on a topic that starts with a text; those on other topics are dropped.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receive(&mut self, prefix: &str) -> Result<Arrived, ClientError> {
        in_time("a message", async {
            loop {
                while let Some(arrived) = self.arrived.pop_front() {
                    if arrived.topic.starts_with(prefix) {
                        return Ok(arrived);
                    }
                }
                let frame = self.read().await?;
                self.take(frame).await?;
            }
        })
        .await
    }

    /// Waits for the next message, however long that takes. Nothing is lost where the wait is given up.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn next(&mut self) -> Result<Arrived, ClientError> {
        loop {
            if let Some(arrived) = self.arrived.pop_front() {
                return Ok(arrived);
            }
            let frame = self.read().await?;
            self.take(frame).await?;
        }
    }

    /// Shows that it is alive.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ping(&mut self) -> Result<(), ClientError> {
        self.send(&Pingreq::new().to_continuous_buffer()).await
    }

    /// Says goodbye, as a device that is switched off in order does.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn disconnect(mut self) -> Result<(), ClientError> {
        self.send(&Disconnect::new().to_continuous_buffer()).await?;
        Ok(self.stream.shutdown().await?)
    }

    /// The body of the answer of this type; messages that come before it are kept.
    async fn answer(&mut self, what: &'static str, kind: u8) -> Result<Vec<u8>, ClientError> {
        in_time(what, async {
            loop {
                let frame = self.read().await?;
                if frame.kind() == kind {
                    return Ok(frame.body);
                }
                self.take(frame).await.map_err(|error| match error {
                    ClientError::Unexpected(_, kind) => ClientError::Unexpected(what, kind),
                    other => other,
                })?;
            }
        })
        .await
    }

    /// Keeps a message, and acknowledges it.
    async fn take(&mut self, frame: Frame) -> Result<(), ClientError> {
        if frame.kind() == kind::PINGRESP {
            return Ok(());
        }
        if frame.kind() != kind::PUBLISH {
            return Err(ClientError::Unexpected("a message", frame.kind()));
        }
        let (publish, _) = Publish::parse(frame.first & 0b1111, frame.body.into())?;
        if let Some(id) = publish.packet_id() {
            self.send(&Puback::builder().packet_id(id).build()?.to_continuous_buffer()).await?;
        }
        let payload = publish.payload().as_slice().to_vec();
        self.arrived.push_back(Arrived { topic: publish.topic_name().to_owned(), payload });
        Ok(())
    }

    fn next_packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
        self.packet_id
    }

    async fn send(&mut self, packet: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(packet).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next packet. What was read of it stays where the wait is given up.
    async fn read(&mut self) -> Result<Frame, ClientError> {
        loop {
            if let Some(frame) = whole(&mut self.read)? {
                return Ok(frame);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

/// Takes a packet from what was read, where it is whole.
fn whole(read: &mut BytesMut) -> Result<Option<Frame>, ClientError> {
    let Some((&first, rest)) = read.split_first() else { return Ok(None) };
    let mut length = 0;
    // Seven bits a byte, the lowest first; four bytes at most.
    for (digits, shift) in (1..).zip([0, 7, 14, 21]) {
        let Some(byte) = rest.get(digits - 1) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << shift;
        if length > LARGEST {
            return Err(ClientError::Packet(MqttError::PacketTooLarge));
        }
        if byte & 0x80 == 0 {
            if rest.len() < digits + length {
                return Ok(None);
            }
            read.advance(1 + digits);
            return Ok(Some(Frame { first, body: read.split_to(length).to_vec() }));
        }
    }
    Err(ClientError::Packet(MqttError::PacketTooLarge))
}

/// The TLS of a device: it trusts the root, and shows its certificate.
fn config(root: &str, certificate: &str, key: &str) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(root.as_bytes()) {
        roots.add(certificate?)?;
    }
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_client_auth_cert(chain, key)?)
}

async fn in_time<T>(what: &'static str, found: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    tokio::time::timeout(PATIENCE, found).await.map_err(|_| ClientError::TooLate(what))?
}
