//! Provisioning carried out: plans become things, certificates and policies.
//!
//! - [`run`]: the one runner of plans, behind all four ways to provision.
//! - [`bulk`]: bulk registration, a line of a file after the other.
//! - [`certificate`], [`thing`]: its parts about the certificate, and about the thing with its groups.
//! - [`failure`]: why a device was not provisioned, in AWS's words.
//! - [`jitp`]: a certificate of a CA with a registration configuration was shown.
//! - [`mqtt`]: the MQTT API of fleet provisioning; `payload` reads and writes its JSON and CBOR, `hook` asks the
//!   pre-provisioning hook, `provider` the certificate provider.
//! - [`sweep`]: certificates that were asked for and never provisioned go.
//!
//! Follows "Device provisioning" of the AWS IoT Core developer guide.

pub mod bulk;
pub mod certificate;
pub mod failure;
mod hook;
pub mod jitp;
pub mod mqtt;
mod payload;
mod provider;
pub mod run;
pub mod sweep;
mod thing;

pub use failure::NotProvisioned;
pub use run::{Provisioned, provision};

use drydock_core::Scope;
use drydock_policy::PolicySet;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What is being provisioned at this moment: of two requests for the same thing or certificate, the later one is refused
/// rather than mixed with the first.
#[derive(Debug, Default)]
pub struct Underway(Mutex<BTreeSet<String>>);

/// A hold on resources; it ends with this.
#[derive(Debug)]
struct Claimed<'u> {
    underway: &'u Underway,
    names: Vec<String>,
}

impl Underway {
    /// Holds all of the names, or none and says which is taken.
    fn claim(&self, names: Vec<String>) -> Result<Claimed<'_>, NotProvisioned> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = names.iter().find(|name| held.contains(*name)) {
            return Err(NotProvisioned::Underway(taken.clone()));
        }
        held.extend(names.iter().cloned());
        Ok(Claimed { underway: self, names })
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        let mut held = self.underway.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            held.remove(name);
        }
    }
}

/// What a provisioning claim may do: connect, and provision by its template.
#[must_use]
pub fn claim_policies(scope: &Scope, template: &str) -> PolicySet {
    let arns = |kind: &str| {
        let topics = [
            "$aws/certificates/create/*".to_owned(),
            "$aws/certificates/create-from-csr/*".to_owned(),
            format!("$aws/provisioning-templates/{template}/provision/*"),
        ];
        topics.map(|topic| scope.arn("iot", &format!("{kind}/{topic}")).to_string())
    };
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": arns("topic") },
        { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": arns("topicfilter") },
    ]});
    // The document is made here of valid parts; without one nothing would be allowed.
    PolicySet::of_documents("ProvisioningClaim", [document.to_string().as_str()]).unwrap_or_default()
}
