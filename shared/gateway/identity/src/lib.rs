//! Certificates: who may connect, and how that is proven.
//!
//! - [`x509`]: certificates and signing requests as AWS IoT looks at them, who signed what, the facts that policies see.
//! - [`issuer`]: the local authorities: one signs the server's certificate, one signs device certificates.
//! - [`book`]: the rulebook [`Identity`]: CAs and device certificates, their operations, just-in-time registration.
//! - [`authorizer`]: custom authorizers in use: tokens and their signatures, the function's event and its answer.
//! - [`sigv4`]: Signature Version 4: what a request claims, whether it holds, whose the keys are; temporary credentials.
//! - [`trust`]: which services an IAM role may be assumed by.
//! - [`tls`]: the TLS half: server certificates for any name, and client certificates checked as AWS does.
//!
//! All but `tls` and the files of the authorities, which are machinery, read no clock and open no socket; what they need of
//! time and randomness is passed in, but for the keys themselves, which the cryptographic library makes.

pub mod authorizer;
pub mod book;
pub mod issuer;
pub mod sigv4;
pub mod tls;
pub mod trust;
pub mod x509;

pub use book::Identity;
pub use book::present::{Admitted, Reason, Refusal};
pub use issuer::{Authority, AuthorityError, Issued};
pub use x509::{Certificate, CertificateFacts, certificate_id};
