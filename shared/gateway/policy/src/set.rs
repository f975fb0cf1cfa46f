//! The policies that apply to one principal.

use crate::compile::CompiledDocument;
use crate::error::PolicyError;
use std::sync::Arc;

/// The policies that apply to one principal. Order has no meaning: every deny outweighs every allow.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicySet {
    /// Changes whenever a policy or attachment may have changed; two sets of one book with the same number are the same.
    pub generation: u64,
    /// The policies.
    pub policies: Vec<AppliedPolicy>,
}

/// A policy that applies to a principal.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedPolicy {
    /// Its name, or what stands in for one where the document came from elsewhere (a custom authorizer).
    pub name: String,
    /// The version that is in force.
    pub version: Option<String>,
    /// What the policy is attached to that the principal is or belongs to: a certificate, thing groups.
    pub attached_to: Vec<String>,
    /// The document.
    pub document: Arc<CompiledDocument>,
}

impl PolicySet {
    /// A set of documents that are in no book, as a custom authorizer returns them; named `<name> 1`, `<name> 2` and so on.
    ///
    /// # Errors
    /// [`PolicyError`] where one of them is not a policy.
    pub fn of_documents<'t>(name: &str, documents: impl IntoIterator<Item = &'t str>) -> Result<Self, PolicyError> {
        let policy = |(i, text): (usize, &str)| {
            Ok(AppliedPolicy {
                name: format!("{name} {}", i + 1),
                version: None,
                attached_to: Vec::new(),
                document: Arc::new(CompiledDocument::parse(text)?),
            })
        };
        let policies = documents.into_iter().enumerate().map(policy).collect::<Result<_, PolicyError>>()?;
        Ok(Self { generation: 0, policies })
    }
}
