//! What `drydock.toml` may set.

use crate::http::door::Allowed;
use crate::http::faults::Asked;
use drydock_audit::keys::Blocklist;
use drydock_broker::Limits;
use drydock_cloud::http_api::issuers::Issuers;
use drydock_identity::sigv4::Secret;
use drydock_services::rules::outbound::endpoints::Configured;
use std::path::PathBuf;
use std::sync::Arc;

/// What a configuration says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// The file it was read from; `None` where there was none.
    pub file: Option<PathBuf>,
    /// `[api]`: the names that the API is called by, and the pages that may call it.
    pub api: Allowed,
    /// `[audit]`: keys that are known to be predictable.
    pub weak_keys: Arc<Blocklist>,
    /// `[limits]`: the limits of the message broker.
    pub limits: Limits,
    /// `[[credentials]]`: the keys that requests have to be signed with; any key will do where there are none.
    pub credentials: Vec<AccountKey>,
    /// `[endpoints]`: where the services are that rules send to.
    pub endpoints: Configured,
    /// `[faults]`: what services of the API do wrong.
    pub faults: Asked,
    /// `[issuers]`: where the keys of those are who issue tokens for HTTP APIs.
    pub issuers: Issuers,
    /// `[parameters]`: values for the template's parameters, where the command line gives none.
    pub parameters: Vec<(String, String)>,
}

/// A key of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountKey {
    /// The access key id, for example `AKIAIOSFODNN7EXAMPLE`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
    /// The session token that its requests have to carry, where it is temporary.
    pub session_token: Option<Secret>,
}
