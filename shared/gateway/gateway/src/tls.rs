//! The gateway's TLS: its root, the server's certificates, and who may pass the handshake.

use drydock_core::{Ids, Scope, Timestamp};
use drydock_identity::book::domains::endpoint_name;
use drydock_identity::tls::{ClientCertificates, Directory, ServerNames, ServerOptions, TlsError, server_config};
use drydock_identity::{Authority, AuthorityError};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// ALPN names of AWS IoT's device endpoint ("Device communication protocols").
pub const ALPN: [&[u8]; 4] = [b"x-amzn-mqtt-ca", b"mqtt", b"x-amzn-http-ca", b"http/1.1"];

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// An authority's files cannot be made or read.
    #[error("the gateway's own certificates cannot be made or read")]
    Authority(#[from] AuthorityError),
    /// The TLS library refuses.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The authorities of a data folder.
pub struct Authorities {
    /// Signs the server's certificates; devices trust it.
    pub root: Authority,
    /// Signs device certificates.
    pub device: Authority,
}

impl Authorities {
    /// Reads them from a folder, or makes them there.
    ///
    /// # Errors
    /// [`TlsSetupError::Authority`].
    pub fn open(folder: &Path, now: Timestamp, ids: &dyn Ids) -> Result<Self, TlsSetupError> {
        Ok(Self {
            root: Authority::load_or_create_root(folder, now, ids)?,
            device: Authority::load_or_create_device(folder, now, ids)?,
        })
    }
}

/// The TLS configurations of the listeners.
pub struct Tls {
    /// MQTT: a client certificate is a must.
    pub mqtt: TlsAcceptor,
    /// HTTPS and MQTT on one port: a client certificate may come.
    pub https: TlsAcceptor,
}

/// The server's certificates for a gateway that has these names: one for them and `own`'s endpoint is made now, others when they
/// are asked for.
///
/// # Errors
/// [`TlsSetupError`].
pub fn server_names(
    root: Authority,
    own: &Scope,
    mut names: Vec<String>,
    now: Timestamp,
    ids: &Arc<dyn Ids>,
) -> Result<ServerNames, TlsSetupError> {
    names.push(endpoint_name(own));
    Ok(ServerNames::new(root, names, now, Arc::clone(ids))?)
}

impl Tls {
    /// Sets TLS up with the server's certificates and who admits those of clients.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(directory: Arc<dyn Directory>, names: Arc<ServerNames>) -> Result<Self, TlsSetupError> {
        let config = |client_certificates, alpn: &[&[u8]]| {
            let options = ServerOptions { client_certificates, alpn: alpn.iter().map(|name| name.to_vec()).collect() };
            server_config(Arc::clone(&names), Arc::clone(&directory), options)
        };
        Ok(Self {
            mqtt: TlsAcceptor::from(config(ClientCertificates::Required, &[])?),
            https: TlsAcceptor::from(config(ClientCertificates::Optional, &ALPN)?),
        })
    }
}
