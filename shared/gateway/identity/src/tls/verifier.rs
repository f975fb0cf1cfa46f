//! Client certificates at the handshake: the key must be proven, and the certificate must be one that may go further.

use crate::book::present::Refusal;
use crate::x509;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerMisbehaved, SignatureScheme,
};
use std::fmt::Debug;
use std::sync::Arc;

/// Who knows which client certificates may pass the handshake: those that are registered, and those that a CA with
/// auto-registration has signed. [`Identity::admits`](crate::Identity::admits) is the answer to give. Called on the thread
/// that runs the handshake, so it must not block for long.
pub trait Directory: Debug + Send + Sync {
    /// Whether a certificate, with the chain the client sent after it, may pass.
    ///
    /// # Errors
    /// The [`Refusal`]: the handshake then fails with the alert `certificate_unknown`, as on AWS.
    fn admits(&self, end_entity: &[u8], intermediates: &[&[u8]]) -> Result<(), Refusal>;
}

/// The check of client certificates. No names of CAs are sent to the client, so that it sends whatever it has.
#[derive(Debug)]
pub(crate) struct DeviceVerifier {
    directory: Arc<dyn Directory>,
    mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl DeviceVerifier {
    pub(crate) fn new(directory: Arc<dyn Directory>, mandatory: bool) -> Self {
        Self { directory, mandatory, algorithms: x509::algorithms() }
    }
}

impl ClientCertVerifier for DeviceVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let intermediates: Vec<&[u8]> = intermediates.iter().map(AsRef::as_ref).collect();
        match self.directory.admits(end_entity, &intermediates) {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => Err(CertificateError::Other(OtherError(Arc::new(refusal))).into()),
        }
    }

    // The library's own check reads the certificate by the rules of the web, which refuse X.509 version 1; certificates
    // signed with `openssl x509 -req` as AWS's guide shows it are of that version. So the key is taken out here.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = public_key(cert)?;
        let (key_algorithm, key) =
            x509::public_key(spki).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let candidates = self
            .algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == dss.scheme)
            .map(|(_, algorithms)| *algorithms)
            .ok_or(Error::from(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme))?;
        // In TLS 1.2 a scheme names the hash alone: the curve is the key's.
        let holds = candidates
            .iter()
            .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == key_algorithm)
            .any(|algorithm| algorithm.verify_signature(key, message, dss.signature()).is_ok());
        if holds { Ok(HandshakeSignatureValid::assertion()) } else { Err(CertificateError::BadSignature.into()) }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(public_key(cert)?);
        verify_tls13_signature_with_raw_key(message, &spki, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn public_key<'c>(cert: &'c CertificateDer<'_>) -> Result<&'c [u8], Error> {
    x509::public_key_info(cert).ok_or_else(|| CertificateError::BadEncoding.into())
}

/// Why the directory refused a certificate, where that is what ended a handshake. Takes the error of the handshake itself or the
/// I/O error around it.
#[must_use]
pub fn refusal<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Refusal> {
    if let Some(Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) = error.downcast_ref::<Error>() {
        return inner.downcast_ref::<Refusal>();
    }
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    refusal(inner)
}
