//! The demo's own CA, as a device maker has one, and the certificates that it signs.

use drydock_core::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use time::Duration;

/// A CA that signs device certificates.
pub struct DeviceMaker {
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: Timestamp,
}

/// A certificate with its key, both as PEM.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl DeviceMaker {
    /// Makes a CA.
    ///
    /// # Errors
    /// Where the cryptographic library cannot make a key or a signature.
    pub fn create(name: &str, now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut params = params(name, now);
        params.distinguished_name.push(DnType::OrganizationName, "Drydock demo");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_after = now.utc() + Duration::days(365);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer, now })
    }

    /// The CA's certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The certificate that proves to AWS IoT that the CA's key is ours: its common name is the registration code.
    ///
    /// # Errors
    /// Where the cryptographic library cannot make a key or a signature.
    pub fn verification(&self, registration_code: &str) -> Result<Signed, rcgen::Error> {
        self.sign(params(registration_code, self.now))
    }

    /// A device's certificate: its common name is the thing's name, its organizational unit the model.
    ///
    /// # Errors
    /// Where the cryptographic library cannot make a key or a signature.
    pub fn device(&self, name: &str, model: &str, serial: &str) -> Result<Signed, rcgen::Error> {
        let mut params = params(name, self.now);
        params.distinguished_name.push(DnType::OrganizationalUnitName, model);
        // 2.5.4.5 is `serialNumber` of a distinguished name.
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
        self.sign(params)
    }

    /// A device's certificate that ends at a time.
    ///
    /// # Errors
    /// Where the cryptographic library cannot make a key or a signature.
    pub fn device_until(&self, name: &str, end: time::OffsetDateTime) -> Result<Signed, rcgen::Error> {
        let mut params = params(name, self.now);
        params.not_after = end;
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Result<Signed, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn params(common_name: &str, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = now.utc() - Duration::hours(1);
    params.not_after = now.utc() + Duration::days(90);
    params
}
