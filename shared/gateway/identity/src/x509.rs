//! X.509 as AWS IoT looks at it: certificates and signing requests, who signed what, and the facts in them.

mod certificate;
pub(crate) mod der;
mod facts;
mod key;
mod pem;
mod request;
mod signature;

pub use certificate::{Certificate, Malformed, certificate_id};
pub use facts::{AlternativeNames, CertificateFacts, NameAttribute};
pub use request::SigningRequest;
pub use signature::BadSignature;

pub(crate) use certificate::{SignedDigest, public_key_info, signed_digest};
pub(crate) use pem::encode as pem_encode;
pub(crate) use signature::{algorithms, public_key};
