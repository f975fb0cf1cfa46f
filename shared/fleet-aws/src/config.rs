//! The SDK's configuration, built once per process and shared by all clients, which so share their connections as well.

use crate::env;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

/// Where the roots are in one file: Lambda's own systems, and those of most people. What looks for the platform's roots reads
/// each file of a folder besides, which a process of milliseconds notices.
const ROOTS: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// Reads region, credentials and endpoints from the environment.
///
/// Credentials come from environment variables, which is how Lambda hands them over. The SDK is built without SSO, login
/// and credential processes; shared profiles with keys or roles, web identity, container and instance credentials remain.
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the roots are, for whoever has others.
pub async fn load() -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest());
    let named = env::optional("SSL_CERT_FILE").or_else(|| env::optional("SSL_CERT_DIR")).is_some();
    let roots = ROOTS.iter().filter(|_| !named).find_map(|path| std::fs::read(path).ok());
    let trusting = roots.and_then(|pem| {
        let store = TrustStore::empty().with_pem_certificate(pem);
        TlsContext::builder().with_trust_store(store).build().ok()
    });
    match trusting {
        Some(tls) => {
            let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls);
            loader.http_client(client.build_https()).load().await
        }
        None => loader.load().await,
    }
}
