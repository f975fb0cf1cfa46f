//! A device's certificate and key, and the TLS that they make.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, ServerConfig, StreamOwned, SupportedProtocolVersion,
};
use std::net::TcpStream;
use std::sync::Arc;

/// The TLS of a device without a certificate: it trusts `root` and offers these protocols.
///
/// # Panics
/// Where the root does not read.
#[must_use]
pub fn anonymous(root: &str, alpn: &[&str]) -> Arc<ClientConfig> {
    let mut config = trusting(root, rustls::ALL_VERSIONS).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// TLS over a socket to a server of this name; a name that is not an address is sent as SNI.
///
/// # Panics
/// Where TLS cannot begin.
#[must_use]
pub fn stream(config: Arc<ClientConfig>, name: &str, socket: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from(name.to_owned()).unwrap_or_else(|e| panic!("no name: {e}"));
    let session = ClientConnection::new(config, name).unwrap_or_else(|e| panic!("no TLS: {e}"));
    StreamOwned::new(session, socket)
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    let parsed: Result<_, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    parsed.unwrap_or_else(|e| panic!("no certificate: {e}"))
}

fn trusting(
    root: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(root));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    builder.unwrap_or_else(|e| panic!("no TLS: {e}")).with_root_certificates(roots)
}

/// Who a device is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its name, which it connects under.
    pub name: String,
    /// Its certificate's id; empty as long as nobody knows it.
    pub id: String,
    /// Its certificate's ARN; empty as long as nobody knows it.
    pub arn: String,
    /// Its certificate as PEM.
    pub certificate: String,
    /// Its key as PEM.
    pub key: String,
}

impl Identity {
    /// The TLS of this device: it trusts `root`, shows its certificate, and offers these protocols.
    ///
    /// # Panics
    /// Where a PEM does not read.
    #[must_use]
    pub fn config(&self, root: &str, alpn: &[&str]) -> Arc<ClientConfig> {
        self.config_of(root, alpn, rustls::ALL_VERSIONS)
    }

    /// The same with these versions of TLS only.
    ///
    /// # Panics
    /// Where a PEM does not read.
    #[must_use]
    pub fn config_of(
        &self,
        root: &str,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap_or_else(|e| panic!("no key: {e}"));
        let config = trusting(root, versions).with_client_auth_cert(certificates(&self.certificate), key);
        let mut config = config.unwrap_or_else(|e| panic!("no TLS: {e}"));
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// The TLS of a server with this certificate, which asks nobody for one.
    ///
    /// # Panics
    /// Where a PEM does not read.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap_or_else(|e| panic!("no key: {e}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(certificates(&self.certificate), key));
        Arc::new(config.unwrap_or_else(|e| panic!("no TLS: {e}")))
    }

    /// TLS over a socket.
    ///
    /// # Panics
    /// Where TLS cannot begin; a refusal shows at the first read.
    #[must_use]
    pub fn stream(&self, root: &str, alpn: &[&str], socket: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
        stream(self.config(root, alpn), "127.0.0.1", socket)
    }
}
