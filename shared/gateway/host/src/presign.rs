//! Links to objects, for whoever has them.

use crate::books::Books;
use drydock_core::Clock;
use drydock_identity::sigv4::{Credentials, Signer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// What is encoded of a key: all but what signatures leave as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Makes presigned URLs of S3. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    books: Arc<Books>,
    credentials: Arc<Credentials>,
    /// Where the AWS API is: host and port.
    api: String,
    /// What the signature is checked against, which is the machine's clock.
    clock: Arc<dyn Clock>,
}

impl Links {
    /// Links to the API at an address, with keys that `credentials` issues.
    #[must_use]
    pub fn new(books: Arc<Books>, credentials: Arc<Credentials>, api: String, clock: Arc<dyn Clock>) -> Self {
        Self { books, credentials, api, clock }
    }

    /// A presigned URL of an object, for whoever has it; it holds for `seconds`.
    #[must_use]
    pub fn link(&self, bucket: &str, key: &str, seconds: u32) -> String {
        self.signed("GET", bucket, key, None, seconds)
    }

    fn signed(&self, method: &str, bucket: &str, key: &str, version: Option<&str>, seconds: u32) -> String {
        let books = &self.books;
        let scope = &books.scope;
        let role = format!(
            "arn:{}:iam::{}:role/aws-service-role/iot.amazonaws.com/ThingRegistration",
            scope.partition(),
            scope.account
        );
        let issued = self.credentials.issue(&role, "ThingRegistration", None, books.ids.as_ref());
        let signer = Signer {
            access_key: issued.access_key_id,
            secret: issued.secret_access_key,
            token: Some(issued.session_token),
            region: scope.region.to_string(),
        };
        let host = &self.api;
        let path = format!("/{bucket}/{}", utf8_percent_encode(key, KEPT));
        let query = signer.presign_version(method, host, &path, version, seconds, self.clock.now());
        format!("http://{host}{path}?{query}")
    }
}

impl drydock_jobs::Links for Links {
    fn link(&self, upload: bool, bucket: &str, key: &str, version: Option<&str>, seconds: u32) -> String {
        self.signed(if upload { "PUT" } else { "GET" }, bucket, key, version, seconds)
    }
}
