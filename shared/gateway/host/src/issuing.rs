//! Keys and certificates for devices, from the gateway's own authority. A key of 2,048 bits takes tens of milliseconds, so they
//! are made off the async threads.

use crate::books::Books;
use drydock_core::{ApiError, ErrorCode};
use drydock_identity::{Authority, Issued};
use std::sync::Arc;

/// Makes keys and certificates. Cheap to clone.
#[derive(Clone)]
pub struct Issuer {
    authority: Arc<Authority>,
    books: Arc<Books>,
}

impl Issuer {
    /// An issuer with the authority for devices; the books have its clock and its randomness.
    #[must_use]
    pub fn new(authority: Arc<Authority>, books: Arc<Books>) -> Self {
        Self { authority, books }
    }

    /// Makes the certificate that a signing request asks for, on this thread.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub fn issue_for(&self, request: &str) -> Result<Issued, ApiError> {
        self.authority.sign_request(request, self.books.now(), self.books.ids.as_ref())
    }

    /// Makes the certificate that a signing request asks for.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub async fn sign(&self, request: String) -> Result<Issued, ApiError> {
        let issuer = self.clone();
        let signed = tokio::task::spawn_blocking(move || issuer.issue_for(&request)).await;
        signed.map_err(|error| failed(&error))?
    }

    /// Makes keys and a certificate for them.
    ///
    /// # Errors
    /// `InternalFailureException` where the cryptographic library cannot.
    pub async fn make_keys(&self) -> Result<Issued, ApiError> {
        let Self { authority, books } = self.clone();
        let made = tokio::task::spawn_blocking(move || authority.new_keys(books.now(), books.ids.as_ref())).await;
        made.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

fn failed(why: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InternalFailureException, why.to_string())
}
