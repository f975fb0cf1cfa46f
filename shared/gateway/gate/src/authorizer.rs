//! Asking the function of a custom authorizer, in one place: for a connection, for a request over HTTPS, when an answer is to
//! be refreshed, and for "TestInvokeAuthorizer".
//!
//! What is asked and how an answer is read is for [`drydock_identity::authorizer`]; here is the call. Follows "Custom
//! authentication and authorization" of the AWS IoT Core developer guide.

use drydock_cloud::lambda::{Lambda, LambdaError};
use drydock_core::Arn;
use drydock_host::books::Books;
use drydock_identity::authorizer::{Answer, Authorized, BadAnswer, BadToken, Occasion, Presented, token};
use drydock_identity::book::authorizers::AuthorizerRow;
use drydock_policy::{PolicyError, PolicySet};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub mod kept;
pub mod renewal;

/// AWS waits 5 seconds for the function.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Who AWS IoT is to a function's resource policy.
const PRINCIPAL: &str = "iot.amazonaws.com";

/// What asking takes.
#[derive(Clone)]
pub struct AuthorizerClient {
    books: Arc<Books>,
    lambda: Arc<Lambda>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The token that the authorizer wants signed is not.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// The function does not let AWS IoT call it.
    #[error("{0}: add a permission for the authorizer's ARN to the function")]
    NotPermitted(LambdaError),
    /// The function cannot be called.
    #[error("the function `{function}` cannot be called: {error}")]
    Call {
        /// The function.
        function: String,
        /// Why.
        error: LambdaError,
    },
    /// The function failed.
    #[error("the function `{function}` failed: {payload}")]
    Failed {
        /// The function.
        function: String,
        /// What it says of it.
        payload: String,
    },
    /// The function takes too long.
    #[error("the function `{0}` took more than 5 s")]
    Late(String),
    /// The answer is none.
    #[error(transparent)]
    Answer(#[from] BadAnswer),
    /// A policy document in the answer is none.
    #[error("a policy document of the authorizer's answer cannot be used: {0}")]
    Policy(#[from] PolicyError),
    /// With a certificate, the principal has to be the certificate.
    #[error(
        "the authorizer's answer has the principal `{0}`: with a client certificate it must be the certificate's id"
    )]
    Principal(String),
}

impl Unanswered {
    /// The reason of the log entry `Connection.AuthNError`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token(BadToken::Forged) => "NOT_AUTHENTICATED",
            Self::Token(_) => "CUSTOM_AUTHORIZER_PARAMETER_INVALID",
            _ => "CUSTOM_AUTHORIZER_LAMBDA_EXECUTION_ERROR",
        }
    }

    /// Whether it is the device's fault rather than the function's.
    #[must_use]
    pub fn is_the_devices(&self) -> bool {
        matches!(self, Self::Token(_))
    }
}

/// An answer that lets a device in.
#[derive(Debug, Clone)]
pub struct Granted {
    /// What the function answered.
    pub authorized: Authorized,
    /// Its policy documents, compiled.
    pub policies: PolicySet,
}

impl AuthorizerClient {
    /// Asks on behalf of these books.
    #[must_use]
    pub fn new(books: Arc<Books>, lambda: Arc<Lambda>) -> Self {
        Self { books, lambda }
    }

    /// Checks the token where the authorizer wants it signed, calls its function, and checks what it answers; `None` where the
    /// function says that the device is not who it claims to be.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn ask(
        &self,
        name: &str,
        row: &AuthorizerRow,
        signature: Option<&str>,
        occasion: &Occasion,
    ) -> Result<Option<Granted>, Unanswered> {
        token::check_sizes(occasion.token.as_deref(), signature)?;
        if !row.signing_disabled {
            token::verify(occasion.token.as_deref(), signature, row.keys.values().map(String::as_str))?;
        }
        let source = self.books.scope.arn("iot", &format!("authorizer/{name}"));
        let payload = self.invoke(&source, &row.function_arn, &occasion.event()).await?;
        let authorized = match Answer::read(&payload)? {
            Answer::NotAuthenticated => return Ok(None),
            Answer::Authorized(authorized) => authorized,
        };
        if occasion.certificate.as_ref().is_some_and(|certificate| certificate.id != authorized.principal_id) {
            return Err(Unanswered::Principal(authorized.principal_id));
        }
        let policies = PolicySet::of_documents(name, authorized.policy_documents.iter().map(String::as_str))?;
        Ok(Some(Granted { authorized, policies }))
    }

    /// Asks the function of a domain configuration about a client certificate ("Custom client certificate validation"); whether
    /// the device may go on.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn ask_about_certificate(
        &self,
        domain: &Arn,
        function: &str,
        chain: &[String],
        id: &str,
        server_name: Option<&str>,
    ) -> Result<bool, Unanswered> {
        let event = json!({
            "connectionMetadata": { "id": self.books.ids.uuid().to_string() },
            "principalId": id,
            "serverName": server_name,
            "clientCertificateChain": chain,
        });
        let payload = self.invoke(domain, function, &event).await?;
        let answer: Value = serde_json::from_slice(&payload).map_err(|_| BadAnswer::NotAnObject)?;
        // The guide shows the answer's value as text.
        match answer.get("isAuthenticated") {
            Some(Value::Bool(yes)) => Ok(*yes),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(BadAnswer::Field { field: "isAuthenticated", rule: "true or false" }.into()),
        }
    }

    async fn invoke(&self, source: &Arn, function: &str, event: &Value) -> Result<bytes::Bytes, Unanswered> {
        let call = self.lambda.invoke_from_sync(PRINCIPAL, source, function, event.to_string().into());
        let invoked = match tokio::time::timeout(PATIENCE, call).await {
            Err(_) => return Err(Unanswered::Late(function.to_owned())),
            Ok(Err(error @ LambdaError::AccessDenied { .. })) => return Err(Unanswered::NotPermitted(error)),
            Ok(Err(error)) => return Err(Unanswered::Call { function: function.to_owned(), error }),
            Ok(Ok(invoked)) => invoked,
        };
        if invoked.function_error.is_some() {
            let payload = String::from_utf8_lossy(&invoked.payload).into_owned();
            return Err(Unanswered::Failed { function: function.to_owned(), payload });
        }
        Ok(invoked.payload)
    }
}

/// An authorizer that is to be asked about a device, and what it is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The authorizer.
    pub name: String,
    /// What the device showed for it.
    pub occasion: Occasion,
    /// The signature of the token.
    pub signature: Option<String>,
}

impl Question {
    /// The question that a device's parameters make for an authorizer.
    #[must_use]
    pub fn new(name: &str, row: &AuthorizerRow, presented: &Presented, mut occasion: Occasion) -> Self {
        // Without a name for it there is no token to look for; the function finds what it needs by itself.
        let key_name = row.token_key_name.as_deref();
        occasion.token = key_name.and_then(|key_name| presented.token(key_name)).map(str::to_owned);
        occasion.signature_verified = !row.signing_disabled;
        Self { name: name.to_owned(), occasion, signature: presented.signature().map(str::to_owned) }
    }
}
