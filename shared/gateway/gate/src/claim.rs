//! What a provisioning claim may do: connect, and provision by its template.

use drydock_core::Scope;
use drydock_policy::PolicySet;
use serde_json::json;

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
