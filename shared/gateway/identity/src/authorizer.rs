//! Custom authorizers in use: a Lambda function decides who a device is and what it may do.
//!
//! - [`presented`]: what a device shows: the authorizer's name, the token and its signature, out of headers and query strings.
//! - [`token`]: the public keys of an authorizer, and signatures checked against them.
//! - [`event`]: what the function is asked.
//! - [`answer`]: what it answers, checked.
//!
//! All of it is pure: who calls the function is elsewhere. Follows "Custom authentication and authorization" of the AWS IoT
//! Core developer guide.

pub mod answer;
pub mod event;
pub mod presented;
pub mod token;

pub use crate::book::authorizers::NoAuthorizer;
pub use answer::{Answer, Authorized, BadAnswer};
pub use event::{Occasion, ShownCertificate};
pub use presented::Presented;
pub use token::{BadKey, BadToken};
