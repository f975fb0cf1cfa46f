//! Policy variables: the names a policy may use, and what each stands for on a connection.
//!
//! Follows "AWS IoT Core policy variables" of the developer guide with its pages on basic, thing and X.509 certificate policy
//! variables.

mod certificate;
mod context;
mod name;

pub use certificate::{CertificateFacts, CertificateField, NameFacts};
pub use context::{ConnectFacts, Context, ThingFacts};
pub use name::{Holder, Index, Variable};

use drydock_core::Timestamp;
use std::borrow::Cow;

/// What a variable is on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<'c> {
    /// Nothing, for this reason.
    Absent(&'static str),
    /// One value.
    One(Cow<'c, str>),
    /// Several values, or none: the variable is a list.
    Many(Vec<Cow<'c, str>>),
}

/// A context as seen by one action: `iot:ConnectAttributes` and `iot:LastWillTopic` exist for `iot:Connect` alone.
#[derive(Debug, Clone, Copy)]
pub struct Variables<'c> {
    context: &'c Context,
    connecting: bool,
}

impl<'c> Variables<'c> {
    /// The variables of a connection; `connecting` where the action is `iot:Connect`.
    #[must_use]
    pub fn new(context: &'c Context, connecting: bool) -> Self {
        Self { context, connecting }
    }

    /// The time on the clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.context.now
    }

    /// The value of a variable as a condition compares it.
    #[must_use]
    pub fn lookup(&self, variable: &Variable) -> Lookup<'c> {
        const NO_THING: &str = "the connection is attributed to no thing: the thing's name has to be the client id, and the certificate attached to it";
        const NO_CERTIFICATE: &str = "the client did not authenticate with a certificate";
        let context = self.context;
        let one = |value: Option<&'c str>, why| value.map_or(Lookup::Absent(why), |v| Lookup::One(v.into()));
        match variable {
            Variable::ClientId => {
                one(context.client_id.as_deref(), "the request has no client id: it is not on an MQTT connection")
            }
            Variable::SourceIp => match context.source_ip {
                Some(ip) => Lookup::One(ip.to_canonical().to_string().into()),
                None => Lookup::Absent("the peer's address is not known"),
            },
            Variable::DomainName => one(context.domain_name.as_deref(), "the client sent no host name (SNI)"),
            Variable::CertificateId => one(context.certificate.as_deref().map(|c| c.id.as_str()), NO_CERTIFICATE),
            Variable::ConnectAttributes | Variable::LastWillTopic => self.connect(variable),
            Variable::ThingName => one(context.thing.as_ref().map(|t| t.name.as_str()), NO_THING),
            Variable::ThingTypeName => match &context.thing {
                None => Lookup::Absent(NO_THING),
                Some(thing) => one(thing.type_name.as_deref(), "the thing has no type"),
            },
            Variable::ThingAttribute(name) => match &context.thing {
                None => Lookup::Absent(NO_THING),
                Some(thing) => {
                    one(thing.attributes.get(name.as_str()).map(|v| v.as_str()), "the thing has no such attribute")
                }
            },
            Variable::ThingIsAttached if context.thing.is_none() && context.client_id.is_none() => {
                Lookup::Absent("the request is not on an MQTT connection")
            }
            Variable::ThingIsAttached => Lookup::One(if context.thing.is_some() { "true" } else { "false" }.into()),
            Variable::CertificateSerialNumber => {
                one(context.certificate.as_deref().map(|c| c.serial_number.as_str()), NO_CERTIFICATE)
            }
            Variable::Certificate { holder, field, index } => context
                .certificate
                .as_deref()
                .map_or(Lookup::Absent(NO_CERTIFICATE), |c| c.lookup(*holder, *field, *index)),
            Variable::CertificateAvailableKeys => {
                context.certificate.as_deref().map_or(Lookup::Absent(NO_CERTIFICATE), |c| {
                    Lookup::Many(c.available_keys().into_iter().map(Cow::Owned).collect())
                })
            }
            Variable::CurrentTime => Lookup::One(context.now.to_string().into()),
            Variable::EpochTime => Lookup::One(context.now.seconds().to_string().into()),
            Variable::Other(name) => match context.keys.get(&name.to_ascii_lowercase()).map(Vec::as_slice) {
                None => Lookup::Absent("no such variable exists here"),
                Some([value]) => Lookup::One(value.into()),
                Some(values) => Lookup::Many(values.iter().map(Cow::from).collect()),
            },
        }
    }

    fn connect(&self, variable: &Variable) -> Lookup<'c> {
        let facts = match &self.context.connect {
            Some(facts) if self.connecting => facts,
            _ => return Lookup::Absent("it exists for `iot:Connect` alone"),
        };
        match (variable, &facts.last_will_topic) {
            (Variable::LastWillTopic, None) => Lookup::Absent("the client connects without a will"),
            (Variable::LastWillTopic, Some(topic)) => {
                Lookup::One(String::from(self.context.scope.arn("iot", &format!("topic/{topic}"))).into())
            }
            (_, will) => {
                let used = [("PersistentConnect", facts.persistent), ("LastWill", will.is_some())];
                Lookup::Many(used.into_iter().filter(|(_, used)| *used).map(|(name, _)| name.into()).collect())
            }
        }
    }

    /// The value of a variable as it is put into a resource or a condition's value.
    ///
    /// # Errors
    /// Why there is nothing to put: no value, several values, or a certificate's value beyond the limits of "X.509 certificate
    /// policy variable limitations" (a wildcard character in it, or more than 1,024 characters).
    pub fn substitute(&self, variable: &Variable) -> Result<Cow<'c, str>, &'static str> {
        match self.lookup(variable) {
            Lookup::Absent(why) => Err(why),
            Lookup::Many(_) => Err("it is a list: only a condition can use it"),
            Lookup::One(value) => {
                if variable.is_of_certificate() {
                    certificate::check_limits(&value)?;
                }
                Ok(value)
            }
        }
    }
}
