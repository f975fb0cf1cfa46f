//! A device maker: a CA of its own, and the certificates that it signs.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use crate::tls::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use std::time::SystemTime;

/// A CA.
pub struct Maker {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What devices show behind their own certificate, as PEM.
    chain: String,
}

impl Maker {
    /// Makes a CA.
    ///
    /// # Panics
    /// Where the cryptographic library does not.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let issuer = KeyPair::generate().and_then(|key| CertifiedIssuer::self_signed(authority(name), key));
        Self { issuer: issuer.unwrap_or_else(|e| panic!("no CA: {e}")), chain: String::new() }
    }

    /// A CA below this one; its devices show its certificate behind their own.
    ///
    /// # Panics
    /// Where the cryptographic library does not.
    #[must_use]
    pub fn intermediate(&self, name: &str) -> Self {
        let signed = |key| CertifiedIssuer::signed_by(authority(name), key, &self.issuer);
        let issuer = KeyPair::generate().and_then(signed).unwrap_or_else(|e| panic!("no CA: {e}"));
        let chain = format!("{}{}", issuer.pem(), self.chain);
        Self { issuer, chain }
    }

    /// Its certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate with this common name, signed by the CA.
    ///
    /// # Panics
    /// Where the cryptographic library does not.
    #[must_use]
    pub fn sign(&self, common_name: &str) -> Identity {
        self.signed(common_name, params(common_name))
    }

    /// The same, valid until a time.
    ///
    /// # Panics
    /// Where the cryptographic library does not.
    #[must_use]
    pub fn sign_until(&self, common_name: &str, end: SystemTime) -> Identity {
        let mut params = params(common_name);
        params.not_after = end.into();
        self.signed(common_name, params)
    }

    /// A server's certificate for `localhost` and `127.0.0.1`, signed by the CA.
    ///
    /// # Panics
    /// Where the cryptographic library does not.
    #[must_use]
    pub fn sign_server(&self) -> Identity {
        let mut params = params("localhost");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        params.subject_alt_names = match CertificateParams::new(names) {
            Ok(named) => named.subject_alt_names,
            Err(error) => panic!("no names: {error}"),
        };
        self.signed("localhost", params)
    }

    fn signed(&self, common_name: &str, params: CertificateParams) -> Identity {
        let signed = KeyPair::generate().and_then(|key| {
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok((format!("{}{}", certificate.pem(), self.chain), key.serialize_pem()))
        });
        let (certificate, key) = signed.unwrap_or_else(|e| panic!("no certificate: {e}"));
        Identity { name: common_name.to_owned(), id: String::new(), arn: String::new(), certificate, key }
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}
