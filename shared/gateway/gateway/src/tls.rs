//! The gateway's TLS: its root, the server's certificates, and who may pass the handshake.

use drydock_core::{Ids, Timestamp};
use drydock_host::books::Books;
use drydock_identity::book::domains::endpoint_name;
use drydock_identity::tls::{ClientCertificates, Directory, ServerNames, ServerOptions, TlsError, server_config};
use drydock_identity::{Authority, AuthorityError, Refusal};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// ALPN names of AWS IoT's device endpoint ("Device communication protocols").
pub const ALPN: [&[u8]; 5] = [b"x-amzn-mqtt-ca", b"mqtt", b"x-amzn-http-ca", b"http/1.1", b"h2"];

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
    root_path: PathBuf,
}

impl Tls {
    /// Sets TLS up for a host.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(books: &Arc<Books>, root: Authority, host: IpAddr, folder: &Path) -> Result<Self, TlsSetupError> {
        let mut names = vec![host.to_string(), endpoint_name(&books.scope)];
        names.retain(|name| name != "0.0.0.0" && name != "::");
        let names = Arc::new(ServerNames::new(root, names, books.time.machine_now(), Arc::clone(&books.ids))?);
        let directory: Arc<dyn Directory> = Arc::new(BookDirectory(Arc::clone(books)));
        let config = |client_certificates, alpn: &[&[u8]]| {
            let options = ServerOptions { client_certificates, alpn: alpn.iter().map(|name| name.to_vec()).collect() };
            server_config(Arc::clone(&names), Arc::clone(&directory), options)
        };
        Ok(Self {
            mqtt: TlsAcceptor::from(config(ClientCertificates::Required, &[])?),
            https: TlsAcceptor::from(config(ClientCertificates::Optional, &ALPN)?),
            root_path: Authority::root_path(folder),
        })
    }

    /// The file of the root certificate.
    #[must_use]
    pub fn root_path(&self) -> &Path {
        &self.root_path
    }
}

/// Asks the identity book about a certificate in the handshake.
struct BookDirectory(Arc<Books>);

impl fmt::Debug for BookDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BookDirectory")
    }
}

impl Directory for BookDirectory {
    fn admits(&self, end_entity: &[u8], intermediates: &[&[u8]]) -> Result<(), Refusal> {
        let chain: Vec<&[u8]> = std::iter::once(end_entity).chain(intermediates.iter().copied()).collect();
        self.0.identity.read(|identity| identity.admits(&chain, self.0.now()))
    }
}
