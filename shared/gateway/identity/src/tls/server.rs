//! The server's side of TLS.

use super::names::ServerNames;
use super::verifier::{DeviceVerifier, Directory};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use std::sync::Arc;

/// Whether a listener asks for client certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Clients without one fail the handshake.
    Required,
    /// Clients may have one; what they send is checked.
    Optional,
    /// They are not asked for.
    NotAsked,
}

/// How a listener speaks TLS.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Whether it asks for client certificates.
    pub client_certificates: ClientCertificates,
    /// The protocols offered by ALPN, most wanted first. Where there are none, ALPN is ignored; where there are, a client
    /// that asks only for others fails the handshake, and one that does not ask at all passes.
    pub alpn: Vec<Vec<u8>>,
}

/// A configuration that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsError(#[from] rustls::Error);

/// A configuration for TLS 1.2 and 1.3, without session tickets and resumption, which AWS IoT does not support.
///
/// # Errors
/// [`TlsError`] where the library refuses the combination.
pub fn server_config(
    names: Arc<ServerNames>,
    directory: Arc<dyn Directory>,
    options: ServerOptions,
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let mandatory = options.client_certificates == ClientCertificates::Required;
    let builder = match options.client_certificates {
        ClientCertificates::NotAsked => builder.with_no_client_auth(),
        ClientCertificates::Required | ClientCertificates::Optional => {
            builder.with_client_cert_verifier(Arc::new(DeviceVerifier::new(directory, mandatory)))
        }
    };
    let mut config = builder.with_cert_resolver(names);
    config.alpn_protocols = options.alpn;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
