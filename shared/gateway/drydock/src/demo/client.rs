//! A device's MQTT connection, made with a client that knows nothing of the gateway.

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS, TlsConfiguration, Transport};
use std::net::SocketAddr;
use std::time::Duration;

/// How long the demo waits for any one thing.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why the device did not get where it wanted.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection was refused or ended.
    #[error("the connection ended: {0}")]
    Connection(String),
    /// Nothing came in time.
    #[error("{0} did not come in time")]
    TooLate(&'static str),
    /// The client would not send.
    #[error("the client does not send: {0}")]
    Client(#[from] rumqttc::ClientError),
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A device that speaks MQTT 3.1.1 over mutual TLS.
pub struct Device {
    client: AsyncClient,
    events: EventLoop,
}

impl Device {
    /// Connects; the first CONNACK decides.
    ///
    /// # Errors
    /// [`ClientError`]: a refusal looks to a device like a connection that ends.
    pub async fn connect(
        client_id: &str,
        server: SocketAddr,
        root: &str,
        certificate: &str,
        key: &str,
    ) -> Result<Self, ClientError> {
        let mut options = MqttOptions::new(client_id, server.ip().to_string(), server.port());
        options.set_keep_alive(Duration::from_secs(30));
        options.set_clean_session(true);
        let tls = TlsConfiguration::Simple {
            ca: root.as_bytes().to_vec(),
            alpn: None,
            client_auth: Some((certificate.as_bytes().to_vec(), key.as_bytes().to_vec())),
        };
        options.set_transport(Transport::tls_with_config(tls));
        let (client, events) = AsyncClient::new(options, 64);
        let mut device = Self { client, events };
        device.until("CONNACK", |event| matches!(event, Event::Incoming(Packet::ConnAck(_)))).await?;
        Ok(device)
    }

    /// Subscribes to filters and waits for each SUBACK.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn subscribe(&mut self, filters: &[&str]) -> Result<(), ClientError> {
        for filter in filters {
            self.client.subscribe(*filter, QoS::AtLeastOnce).await?;
            self.until("SUBACK", |event| matches!(event, Event::Incoming(Packet::SubAck(_)))).await?;
        }
        Ok(())
    }

    /// Publishes at QoS 1 and waits for the PUBACK.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn publish(&mut self, topic: &str, payload: String) -> Result<(), ClientError> {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).await?;
        self.until("PUBACK", |event| matches!(event, Event::Incoming(Packet::PubAck(_)))).await.map(|_| ())
    }

    /// Waits for a message on a topic that starts with a text.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receive(&mut self, prefix: &str) -> Result<Arrived, ClientError> {
        let wanted =
            |event: &Event| matches!(event, Event::Incoming(Packet::Publish(p)) if p.topic.starts_with(prefix));
        match self.until("a message", wanted).await? {
            Event::Incoming(Packet::Publish(publish)) => {
                Ok(Arrived { topic: publish.topic, payload: publish.payload.to_vec() })
            }
            other => Err(ClientError::Connection(format!("{other:?} instead of a message"))),
        }
    }

    /// Says goodbye, as a device that is switched off in order does.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn disconnect(mut self) -> Result<(), ClientError> {
        self.client.disconnect().await?;
        self.until("DISCONNECT", |event| matches!(event, Event::Outgoing(Outgoing::Disconnect))).await.map(|_| ())
    }

    async fn until(&mut self, what: &'static str, wanted: impl Fn(&Event) -> bool) -> Result<Event, ClientError> {
        let found = async {
            loop {
                match self.events.poll().await {
                    Ok(event) if wanted(&event) => return Ok(event),
                    Ok(_) => {}
                    Err(error) => return Err(ClientError::Connection(error.to_string())),
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.map_err(|_| ClientError::TooLate(what))?
    }
}
