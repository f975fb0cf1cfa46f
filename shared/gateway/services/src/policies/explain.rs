//! Why a client may do something, or may not: the question of `drydock explain`, answered by the evaluator that the broker asks.

use crate::policies::supposed::{Supposed, suppose};
use drydock_core::topic::fault::{self, TopicFault, TopicLimits};
use drydock_core::topic::of_share;
use drydock_core::{ApiError, ThingName};
use drydock_host::books::Books;
use drydock_model::iot::ListThingPrincipalsRequest;
use drydock_policy::variables::{ThingFacts, Variable};
use drydock_policy::{Action, CertificateFacts, ConnectFacts, Context, Explanation, PolicySet, SessionPolicies};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Question {
    /// The client id.
    pub client_id: Option<String>,
    /// The action, with or without its service, hyphens allowed: `iot:RetainPublish`, `publish`, `retain-publish`.
    pub action: String,
    /// The topic, topic filter, or whatever the action is about; for a connect the client id where it is left out.
    pub name: Option<String>,
    /// The ARN of a certificate or thing group, or a Cognito identity id.
    pub principal: Option<String>,
    /// A thing: its certificate is the principal where none is named.
    pub thing: Option<String>,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// The host name that the client connects to (SNI).
    pub domain_name: Option<String>,
    /// Whether the session is to outlive the connection; for a connect.
    pub persistent: bool,
    /// The will's topic; for a connect.
    pub will_topic: Option<String>,
    /// Values of policy variables, which take the place of what is known otherwise.
    pub variables: BTreeMap<String, Vec<String>>,
}

impl Question {
    /// The action.
    ///
    /// # Errors
    /// `InvalidRequestException`, which names all actions.
    pub fn action(&self) -> Result<Action, ApiError> {
        self.action.replace('-', "").parse().map_err(|_| {
            let all: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
            ApiError::invalid(format!("`{}` is not an action of a device; those are {}", self.action, all.join(", ")))
        })
    }

    fn name<'a>(&'a self, action: Action, context: &'a Context) -> Result<&'a str, ApiError> {
        let of_client = context.client_id.as_deref().filter(|_| action == Action::Connect);
        let everything = (action == Action::ListRetainedMessages).then_some("*");
        self.name.as_deref().or(of_client).or(everything).ok_or_else(|| {
            ApiError::invalid(format!("{action} needs to know on what: give a topic, filter, client id or other name"))
        })
    }

    /// Puts what the question says of the connection into a context.
    fn complete(&self, action: Action, context: &mut Context) {
        context.client_id = self.client_id.as_deref().map(Into::into).or(context.client_id.take());
        context.source_ip = self.source_ip.or(context.source_ip);
        context.domain_name = self.domain_name.as_deref().map(Into::into).or(context.domain_name.take());
        if action == Action::Connect {
            let last_will_topic = self.will_topic.as_deref().map(Into::into);
            context.connect = Some(ConnectFacts { persistent: self.persistent, last_will_topic });
        }
        for (name, values) in &self.variables {
            give(context, name, values);
        }
    }

    /// The answer where these are all the policies there are, and nothing is known but what the question says. `limits` are the
    /// broker's for topics.
    ///
    /// # Errors
    /// `InvalidRequestException` where the question is not whole.
    pub fn answer_with(
        &self,
        policies: PolicySet,
        mut context: Context,
        limits: TopicLimits,
    ) -> Result<Explanation, ApiError> {
        let action = self.action()?;
        self.complete(action, &mut context);
        let name = self.name(action, &context)?.to_owned();
        let mut explanation = SessionPolicies::new(Arc::new(policies), Arc::new(context)).explain(action, &name);
        if let Some(fault) = broken_rule(action, &name, limits) {
            explanation.refused = Some(fault.to_string());
            if !fault.help().is_empty() {
                explanation.help.insert(0, fault.help().to_owned());
            }
        }
        Ok(explanation)
    }

    /// The answer from the things, certificates and policies there are. `connected` is the principal that the client is
    /// connected with, if it is.
    ///
    /// # Errors
    /// `InvalidRequestException` where the question is not whole, or leaves open whose policies are meant;
    /// `ResourceNotFoundException` for a principal or thing that does not exist.
    pub fn answer(
        &self,
        books: &Books,
        connected: Option<String>,
        limits: TopicLimits,
    ) -> Result<Explanation, ApiError> {
        self.action()?;
        let principal = match self.principal.clone().or(connected) {
            Some(principal) => principal,
            None => self.of_thing(books)?,
        };
        let client_id = self.client_id.as_deref().or(self.thing.as_deref());
        let of = suppose(
            books,
            Supposed { principal: Some(&principal), identity_pool: None, thing: self.thing.as_deref(), client_id },
        )?;
        let policies = books.policies.read(|policies| policies.policies_for(&of.targets));
        self.answer_with(policies, of.context, limits)
    }

    /// The only principal of the thing that the question names, or that is called as the client id.
    fn of_thing(&self, books: &Books) -> Result<String, ApiError> {
        let open = |why: String| ApiError::invalid(format!("{why}: name the certificate with --principal"));
        let thing = self.thing.as_deref().or(self.client_id.as_deref());
        let thing = thing.ok_or_else(|| open("neither a thing nor a client is named".to_owned()))?;
        let request = ListThingPrincipalsRequest {
            thing_name: ThingName::new(thing)?.to_string(),
            ..ListThingPrincipalsRequest::default()
        };
        let found = books.registry.read(|registry| registry.list_thing_principals(&request));
        let found = match found {
            Ok(found) => found.reply.principals.unwrap_or_default(),
            Err(error) if self.thing.is_some() => return Err(error),
            Err(_) => return Err(open(format!("client `{thing}` is not connected, and no thing is called so"))),
        };
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(open(format!("thing `{thing}` has no certificate"))),
            several => Err(open(format!("thing `{thing}` has several certificates: {}", several.join(", ")))),
        }
    }
}

/// The rule of AWS's broker that a topic or filter breaks, whoever asks for it.
fn broken_rule(action: Action, name: &str, limits: TopicLimits) -> Option<TopicFault> {
    match action {
        Action::Publish => fault::of_publish(name, false, limits),
        Action::RetainPublish => fault::of_publish(name, true, limits),
        Action::Subscribe => fault::of_subscribe(of_share(name).map_or(name, |(_, filter)| filter), limits),
        Action::Receive => fault::of_topic(name, limits),
        _ => None,
    }
}

/// The explanation as a program reads it, beside the text that a person does.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn both(explanation: &Explanation) -> Result<serde_json::Value, serde_json::Error> {
    Ok(serde_json::json!({ "explanation": serde_json::to_value(explanation)?, "text": explanation.to_string() }))
}

/// Gives a policy variable a value.
fn give(context: &mut Context, name: &str, values: &[String]) {
    let first = values.first().map(String::as_str).unwrap_or_default();
    let thing = |context: &mut Context, change: &dyn Fn(&mut ThingFacts)| {
        change(Arc::make_mut(context.thing.get_or_insert_default()));
    };
    match Variable::parse(name) {
        Variable::ClientId => context.client_id = Some(first.into()),
        Variable::SourceIp => context.source_ip = first.parse().ok(),
        Variable::DomainName => context.domain_name = Some(first.into()),
        Variable::CertificateId => Arc::make_mut(context.certificate.get_or_insert_default()).id = first.to_owned(),
        Variable::ThingName => thing(context, &|thing| thing.name = first.into()),
        Variable::ThingTypeName => thing(context, &|thing| thing.type_name = Some(first.into())),
        Variable::ThingAttribute(attribute) => thing(context, &|thing| {
            thing.attributes.insert(attribute.as_str().into(), first.into());
        }),
        Variable::ThingIsAttached if first == "true" => thing(context, &|_| ()),
        Variable::ThingIsAttached => context.thing = None,
        Variable::CertificateSerialNumber => {
            Arc::make_mut(context.certificate.get_or_insert_default()).serial_number = first.to_owned();
        }
        Variable::Certificate { .. } => {
            let one = CertificateFacts::from_variables("", [(name.to_owned(), values.to_vec())]);
            let facts = Arc::make_mut(context.certificate.get_or_insert_default());
            facts.issuer.0.extend(one.issuer.0);
            facts.subject.0.extend(one.subject.0);
        }
        // `iot:ConnectAttributes` and `iot:LastWillTopic` come from the question itself, the time from the clock.
        _ => {
            context.keys.insert(name.to_ascii_lowercase(), values.to_vec());
        }
    }
}
