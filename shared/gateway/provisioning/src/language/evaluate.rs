//! From a template and the parameters of a device to a [`Plan`].

use super::error::Failure;
use super::expression::{Expression, Scope};
use super::read::active;
use super::{Certificate, Policy, Source, Template, Thing};
use crate::plan::{CertificatePlan, CertificateSource, Plan, PolicyPlan, ThingPlan, policy_name};
use drydock_core::{AttributeName, AttributeValue, InvalidName, PolicyName, ThingGroupName};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::str::FromStr;

impl Template {
    /// Evaluates the template for a device.
    ///
    /// # Errors
    /// [`Failure`] where a declared parameter has no value, a function has nothing to give, or a result is not a valid name.
    pub fn plan(&self, given: &BTreeMap<String, String>) -> Result<Plan, Failure> {
        let without = |(name, default): &(&String, &Option<String>)| default.is_none() && !given.contains_key(*name);
        if let Some((name, _)) = self.parameters.iter().find(without) {
            return Err(Failure::new(format!("the parameter `{name}` has no value, and no default in the template")));
        }
        let scope = Scope { template: self, given };
        let thing = self.thing.as_ref().map(|(name, thing)| scope.thing(name, thing)).transpose()?;
        let certificate = self.certificate.as_ref().map(|(name, it)| scope.certificate(name, it)).transpose()?;
        let policies =
            self.policies.iter().map(|(name, policy)| scope.policy(name, policy)).collect::<Result<_, _>>()?;
        let mut device_configuration = BTreeMap::new();
        for (key, value) in &self.device_configuration {
            let value = scope.text(value).map_err(|failure| failure.at(&format!("DeviceConfiguration.{key}")))?;
            device_configuration.insert(key.clone(), value);
        }
        Ok(Plan { thing, certificate, policies, device_configuration })
    }
}

/// The place of a property of a resource.
fn property(resource: &str, property: &str) -> String {
    format!("Resources.{resource}.Properties.{property}")
}

impl Scope<'_> {
    fn named<T: FromStr<Err = InvalidName>>(
        &self,
        resource: &str,
        name: &str,
        value: &Expression,
    ) -> Result<T, Failure> {
        let read = self
            .text(value)
            .and_then(|text| text.parse().map_err(|error: InvalidName| Failure::new(error.to_string())));
        read.map_err(|failure| failure.at(&property(resource, name)))
    }

    fn thing(&self, resource: &str, thing: &Thing) -> Result<ThingPlan, Failure> {
        let mut groups = Vec::new();
        if let Some(list) = &thing.groups {
            let place = property(resource, "ThingGroups");
            for name in self.texts(list).map_err(|failure| failure.at(&place))? {
                let group = ThingGroupName::new(&name).map_err(|error| Failure::new(error.to_string()).at(&place))?;
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
        }
        // A billing group's name follows the pattern of a thing group's.
        let billing = thing.billing_group.as_ref();
        let billing: Option<ThingGroupName> =
            billing.map(|name| self.named(resource, "BillingGroup", name)).transpose()?;
        Ok(ThingPlan {
            logical_name: resource.to_owned(),
            name: self.named(resource, "ThingName", &thing.name)?,
            attributes: thing
                .attributes
                .as_ref()
                .map(|attributes| self.attributes(resource, attributes))
                .transpose()?,
            thing_type: thing
                .thing_type
                .as_ref()
                .map(|name| self.named(resource, "ThingTypeName", name))
                .transpose()?,
            groups,
            billing_group: billing.map(SmolStr::from),
            overrides: thing.overrides,
        })
    }

    fn attributes(
        &self,
        resource: &str,
        attributes: &BTreeMap<String, Expression>,
    ) -> Result<BTreeMap<SmolStr, SmolStr>, Failure> {
        let mut read = BTreeMap::new();
        for (name, value) in attributes {
            let place = format!("AttributePayload.{name}");
            let value: AttributeValue = self.named(resource, &place, value)?;
            let name = AttributeName::new(name);
            let name = name.map_err(|error| Failure::new(error.to_string()).at(&property(resource, &place)))?;
            // An empty value is how an attribute is removed: a thing that is made has none of it.
            if !value.as_str().is_empty() {
                read.insert(name.into(), value.into());
            }
        }
        Ok(read)
    }

    fn certificate(&self, resource: &str, certificate: &Certificate) -> Result<CertificatePlan, Failure> {
        let text =
            |name: &str, value: &Expression| self.text(value).map_err(|failure| failure.at(&property(resource, name)));
        let source = match &certificate.source {
            Source::Request(request) => CertificateSource::Request(text("CertificateSigningRequest", request)?),
            Source::Id(id) => CertificateSource::Id(self.named(resource, "CertificateId", id)?),
            Source::Pem { certificate, ca } => CertificateSource::Pem {
                certificate: text("CertificatePem", certificate)?,
                ca: ca.as_ref().map(|ca| text("CACertificatePem", ca)).transpose()?,
            },
        };
        let active = match &certificate.status {
            None => true,
            Some(status) => {
                let status = text("Status", status)?;
                let wrong = || Failure::new(format!("it is `ACTIVE` or `INACTIVE`, not `{status:.80}`"));
                active(&status).ok_or_else(|| wrong().at(&property(resource, "Status")))?
            }
        };
        let status_override = certificate.status_override;
        Ok(CertificatePlan { logical_name: resource.to_owned(), source, active, status_override })
    }

    fn policy(&self, resource: &str, policy: &Policy) -> Result<PolicyPlan, Failure> {
        let (name, document) = match policy {
            Policy::Named(name) => (self.named(resource, "PolicyName", name)?, None),
            Policy::Document(document) => {
                let document = match self.value(document) {
                    Ok(Value::String(text)) => text,
                    Ok(other) => other.to_string(),
                    Err(failure) => return Err(failure.at(&property(resource, "PolicyDocument"))),
                };
                let name = PolicyName::new(policy_name(&document)).map_err(|error| Failure::new(error.to_string()))?;
                (name, Some(document))
            }
        };
        Ok(PolicyPlan { logical_name: resource.to_owned(), name, document })
    }
}
