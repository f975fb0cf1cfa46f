//! AWS Signature Version 4, from the server's side: what a request claims, whether its signature holds, who its keys belong to.
//!
//! Follows "Signature Version 4 signing process" of the IAM user guide, and for MQTT over WebSocket "Using the WebSocket protocol
//! with AWS IoT Core" of the AWS IoT Core developer guide. Everything here is pure: the time is passed in.
//!
//! - [`claim`]: the `Authorization` header, or the query of a presigned request, taken apart.
//! - [`canonical`]: the texts that are signed.
//! - [`key`]: secrets, and signing with them.
//! - [`verify`](mod@verify): the judgement.
//! - [`credentials`]: the keys that are known: configured, or issued for a role.

pub mod canonical;
pub mod claim;
pub mod credentials;
pub mod key;
pub mod verify;

pub use claim::{Claim, CredentialScope, Form, Stated};
pub use credentials::{Credentials, IssuedCredentials, Known};
pub use key::{Chunks, Secret, Signer};
pub use verify::{Denied, is_timely, stated_hash, verify, verify_head};

/// The one algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last part of a credential scope.
pub const TERMINATOR: &str = "aws4_request";

/// A request, as far as it is signed.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path as it came, still percent-encoded.
    pub path: &'a str,
    /// The query as it came, without its question mark.
    pub query: &'a str,
    /// Names in lower case, and values. `host` has to be among them.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

impl SignedRequest<'_> {
    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
