//! What all stories stand on: who is asked, and what a story comes to.

use super::error::DemoError;
use crate::client::Api;
use drydock_gateway::Gateway;
use drydock_identity::sigv4::Signer;
use serde_json::Value;

/// What a story came to: what is printed below its timeline, as people and as machines read it.
pub(super) struct Seen {
    pub(super) table: String,
    pub(super) json: Value,
    pub(super) last: String,
}

/// The name of the stack that a story's template comes up as where nobody is to find it again.
pub(super) const STACK: &str = "demo";

/// The gateway's API, called with keys of its own.
pub(super) fn api(gateway: &Gateway) -> Api {
    let scope = &gateway.host.books.scope;
    let role = format!("arn:{}:iam::{}:role/demo", scope.partition(), scope.account);
    let keys = gateway.credentials.issue(&role, "demo", None, gateway.host.books.ids.as_ref());
    let signer = Signer {
        access_key: keys.access_key_id,
        secret: keys.secret_access_key,
        token: Some(keys.session_token),
        region: scope.region.to_string(),
    };
    Api::signed_by(format!("http://{}", gateway.addresses().api), signer)
}

/// A text of an answer.
pub(super) fn text(answer: &Value, operation: &'static str, name: &'static str) -> Result<String, DemoError> {
    answer.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(DemoError::Lacks(operation, name))
}
