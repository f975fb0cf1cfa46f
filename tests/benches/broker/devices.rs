//! The devices of the fleet, and the CA that has signed their certificates.

use drydock_tests::maker::Maker;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Certificates that the connections take turns with.
const CERTIFICATES: usize = 20;

/// A device's certificate and key, as PEM.
pub(crate) struct Device {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// All of them.
pub(crate) struct Devices {
    pub(crate) ca: Maker,
    pub(crate) all: Vec<Device>,
}

impl Devices {
    /// Makes the CA and signs.
    pub(crate) fn new() -> Self {
        let ca = Maker::new("Benchmark CA");
        let all = (0..CERTIFICATES)
            .map(|n| {
                let signed = ca.sign(&format!("bench-{n}"));
                Device { certificate: signed.certificate, key: signed.key }
            })
            .collect();
        Self { ca, all }
    }

    /// A server's certificate and key, as PEM.
    pub(crate) fn server(&self) -> (String, String) {
        let signed = self.ca.sign_server();
        (signed.certificate, signed.key)
    }

    /// The TLS of each device. It trusts `root`, and offers one suite, so that every server does the same cryptography; as on
    /// AWS no session is resumed.
    pub(crate) fn tls(&self, root: &str) -> Vec<Arc<ClientConfig>> {
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate(root)).unwrap();
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384];
        let provider = Arc::new(provider);
        let config = |device: &Device| {
            let key = PrivateKeyDer::from_pem_slice(device.key.as_bytes()).unwrap();
            let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_client_auth_cert(vec![certificate(&device.certificate)], key)
                .unwrap();
            config.resumption = Resumption::disabled();
            Arc::new(config)
        };
        self.all.iter().map(config).collect()
    }
}
