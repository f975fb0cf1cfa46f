//! A connection that there could be: whose policies would decide, and what they would know. For simulation and explanation.

use super::operations::check as check_target;
use drydock_core::{ApiError, Arn, CertificateId, ThingName};
use drydock_host::books::Books;
use drydock_policy::book::{Kind, Simulated, Target};
use drydock_policy::{CertificateFacts, Context, ThingFacts};
use std::sync::Arc;

/// What is known of the connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Supposed<'a> {
    /// The ARN of a certificate or thing group, or an Amazon Cognito identity id.
    pub principal: Option<&'a str>,
    /// An Amazon Cognito identity pool, where an identity is used without having signed in.
    pub identity_pool: Option<&'a str>,
    /// The thing that it is for; without it the one that the certificate and the client id lead to.
    pub thing: Option<&'a str>,
    /// The client id.
    pub client_id: Option<&'a str>,
}

/// Whose policies would decide on a connection, and what they would know.
///
/// # Errors
/// `InvalidRequestException` for a principal that is none, `ResourceNotFoundException` for one that does not exist, and for a
/// thing that does not exist.
pub fn suppose(books: &Books, wanted: Supposed<'_>) -> Result<Simulated, ApiError> {
    let mut context = Context::new(books.scope.clone(), books.now());
    context.client_id = wanted.client_id.map(Into::into);
    let mut targets: Vec<String> = Vec::new();
    let target = wanted.principal.map(Target::parse).transpose()?;
    let mut thing = wanted.thing.map(ThingName::new).transpose()?;
    if let Some(target) = &target {
        // In the order of the locks.
        books
            .identity
            .read(|identity| books.registry.read(|registry| check_target(&books.scope, identity, registry, target)))?;
        targets.push(target.as_str().to_owned());
        match target.kind() {
            Kind::Certificate => {
                let id = CertificateId::new(target.name())?;
                context.certificate = Some(Arc::new(facts_of(books, &id)?));
                if thing.is_none() {
                    let client_id = wanted.client_id.unwrap_or_default();
                    let found = books.registry.read(|registry| registry.attribute(target.as_str(), client_id));
                    thing = found.map(|attributed| attributed.thing);
                }
            }
            Kind::ThingGroup => {
                let above = books.registry.read(|registry| registry.groups_above(target.name()));
                targets.extend(above.into_iter().map(String::from));
            }
            Kind::CognitoIdentity => {}
        }
    }
    if let Some(thing) = &thing {
        let facts = books.registry.read(|registry| registry.facts(thing));
        let facts = facts.ok_or_else(|| ApiError::not_found(format!("thing `{thing}` does not exist")))?;
        let groups = books.registry.read(|registry| registry.groups_of(thing.as_str()));
        targets.extend(groups.into_iter().map(Arn::into));
        context.thing = Some(Arc::new(ThingFacts {
            name: thing.as_str().into(),
            type_name: facts.thing_type.map(|name| name.as_str().into()),
            attributes: facts.attributes.into_iter().collect(),
        }));
    }
    Ok(Simulated { targets, context })
}

/// What policies may ask about a certificate that is registered.
fn facts_of(books: &Books, id: &CertificateId) -> Result<CertificateFacts, ApiError> {
    let facts = books.identity.read(|identity| identity.certificate(id.as_str()).map(|row| row.facts()));
    let facts = facts.ok_or_else(|| ApiError::not_found(format!("certificate `{id}` does not exist")))?;
    Ok(CertificateFacts::from_variables(id.as_str(), facts.variables()))
}
