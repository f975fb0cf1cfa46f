//! From a body to a [`Template`].

use super::error::{Malformed, Place};
use super::expression::{Expression, Known};
use super::{Certificate, Dialect, MOST_CHARACTERS, Mappings, Policy, Source, Template, Thing};
use crate::plan::{Override, ThingOverrides};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type Object = Map<String, Value>;

impl Template {
    /// Checks a template body.
    ///
    /// # Errors
    /// [`Malformed`] with the place: it is not JSON, has what the language does not know, lacks what it needs, or refers to what
    /// it does not declare.
    pub fn parse(body: &str, dialect: Dialect) -> Result<Self, Malformed> {
        let root = Place::Root;
        let characters = body.chars().count();
        if characters > MOST_CHARACTERS {
            let why = format!("it has {characters} characters, and may have {MOST_CHARACTERS}");
            return Err(Malformed::at(&root, why));
        }
        let value: Value =
            serde_json::from_str(body).map_err(|error| Malformed::at(&root, format!("it is not JSON: {error}")))?;
        let body = object(&value, &root)?;
        only(body, &["Parameters", "Mappings", "Resources", "DeviceConfiguration"], &root)?;
        let parameters = parameters(body, &root.key("Parameters"))?;
        let mappings = mappings(body, &root.key("Mappings"))?;
        let known = Known { parameters: &parameters, mappings: &mappings };
        let (mut thing, mut certificate, mut policies) = (None, None, Vec::new());
        let place = root.key("Resources");
        let resources = body.get("Resources").ok_or_else(|| Malformed::at(&root, "it has no `Resources`"))?;
        for (name, resource) in object(resources, &place)? {
            let place = place.key(name);
            let resource = Resource::read(resource, &place)?;
            let second =
                |what: &str| Malformed::at(&place, format!("it is a second {what}: a template has at most one"));
            match resource.kind {
                "AWS::IoT::Thing" if thing.is_some() => return Err(second("thing")),
                "AWS::IoT::Thing" => thing = Some((name.clone(), resource.thing(&known, &place)?)),
                "AWS::IoT::Certificate" if certificate.is_some() => return Err(second("certificate")),
                "AWS::IoT::Certificate" => {
                    certificate = Some((name.clone(), resource.certificate(dialect, &known, &place)?));
                }
                "AWS::IoT::Policy" => policies.push((name.clone(), resource.policy(&known, &place)?)),
                other => {
                    let why = format!(
                        "the type `{other}` is not known: use AWS::IoT::Thing, AWS::IoT::Certificate or AWS::IoT::Policy"
                    );
                    return Err(Malformed::at(&place, why));
                }
            }
        }
        if thing.is_none() && certificate.is_none() && policies.is_empty() {
            return Err(Malformed::at(&place, "it has no resource"));
        }
        if certificate.is_none() && (!policies.is_empty() || dialect != Dialect::Registration) {
            return Err(Malformed::at(&place, "there is no AWS::IoT::Certificate to attach the others to"));
        }
        let device_configuration = device_configuration(body, dialect, &known, &root.key("DeviceConfiguration"))?;
        Ok(Self { thing, certificate, policies, device_configuration, parameters, mappings })
    }
}

fn object<'v>(value: &'v Value, place: &Place<'_>) -> Result<&'v Object, Malformed> {
    value.as_object().ok_or_else(|| Malformed::at(place, "it has to be an object"))
}

fn only(object: &Object, known: &[&str], place: &Place<'_>) -> Result<(), Malformed> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Malformed::at(place, format!("it has no `{key}`, only {}", known.join(", ")))),
        None => Ok(()),
    }
}

fn parameters(body: &Object, place: &Place<'_>) -> Result<BTreeMap<String, Option<String>>, Malformed> {
    let mut parameters = BTreeMap::new();
    let Some(declared) = body.get("Parameters") else { return Ok(parameters) };
    for (name, declaration) in object(declared, place)? {
        let place = place.key(name);
        let declaration = object(declaration, &place)?;
        only(declaration, &["Type", "Default"], &place)?;
        if declaration.get("Type").and_then(Value::as_str) != Some("String") {
            return Err(Malformed::at(&place, "its `Type` has to be `String`"));
        }
        let default = match declaration.get("Default") {
            None => None,
            Some(Value::String(default)) => Some(default.clone()),
            Some(_) => return Err(Malformed::at(&place, "its `Default` has to be a text")),
        };
        parameters.insert(name.clone(), default);
    }
    Ok(parameters)
}

fn mappings(body: &Object, place: &Place<'_>) -> Result<Mappings, Malformed> {
    let mut maps = Mappings::new();
    let Some(declared) = body.get("Mappings") else { return Ok(maps) };
    for (map, firsts) in object(declared, place)? {
        let place = place.key(map);
        for (first, seconds) in object(firsts, &place)? {
            let place = place.key(first);
            for (second, value) in object(seconds, &place)? {
                let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
                if !(plain(value) || value.as_array().is_some_and(|items| items.iter().all(plain))) {
                    let why = "a map's value is a text or a list of texts; functions are not allowed here";
                    return Err(Malformed::at(&place.key(second), why));
                }
                let keys = maps.entry(map.clone()).or_default().entry(first.clone()).or_default();
                keys.insert(second.clone(), value.clone());
            }
        }
    }
    Ok(maps)
}

fn device_configuration(
    body: &Object,
    dialect: Dialect,
    known: &Known<'_>,
    place: &Place<'_>,
) -> Result<BTreeMap<String, Expression>, Malformed> {
    let mut configuration = BTreeMap::new();
    let Some(given) = body.get("DeviceConfiguration") else { return Ok(configuration) };
    if dialect != Dialect::Fleet {
        return Err(Malformed::at(place, "only a template for fleet provisioning answers the device"));
    }
    for (key, value) in object(given, place)? {
        let place = place.key(key);
        let read = Expression::read(value, known, &place)?;
        if matches!(read, Expression::Object(_) | Expression::List(_)) {
            return Err(Malformed::at(&place, "the device configuration is flat: a value is a text"));
        }
        configuration.insert(key.clone(), read);
    }
    Ok(configuration)
}

/// A resource before its properties are looked at.
struct Resource<'v> {
    kind: &'v str,
    properties: &'v Object,
    overrides: Option<&'v Object>,
}

impl<'v> Resource<'v> {
    fn read(value: &'v Value, place: &Place<'_>) -> Result<Self, Malformed> {
        let resource = object(value, place)?;
        only(resource, &["Type", "Properties", "OverrideSettings"], place)?;
        let kind = resource.get("Type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| Malformed::at(place, "it has no `Type`"))?;
        let properties = resource.get("Properties").ok_or_else(|| Malformed::at(place, "it has no `Properties`"))?;
        let properties = object(properties, &place.key("Properties"))?;
        let overrides = resource.get("OverrideSettings");
        let overrides = overrides.map(|value| object(value, &place.key("OverrideSettings"))).transpose()?;
        Ok(Self { kind, properties, overrides })
    }

    /// A property's value; one that is null counts as left out.
    fn property(&self, name: &str, known: &Known<'_>, place: &Place<'_>) -> Result<Option<Expression>, Malformed> {
        match self.properties.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => Expression::read(value, known, &place.key("Properties").key(name)).map(Some),
        }
    }

    fn thing(&self, known: &Known<'_>, place: &Place<'_>) -> Result<Thing, Malformed> {
        let properties = place.key("Properties");
        if self.properties.contains_key("PackageVersions") {
            let missing = Some("a provisioning template with `PackageVersions`".to_owned());
            return Err(Malformed { missing, ..Malformed::at(&properties, "`PackageVersions`") });
        }
        let names = ["ThingName", "AttributePayload", "ThingTypeName", "ThingGroups", "BillingGroup"];
        only(self.properties, &names, &properties)?;
        let name = self.property("ThingName", known, place)?;
        let name = name.ok_or_else(|| Malformed::at(&properties, "it has no `ThingName`"))?;
        let attributes = match self.property("AttributePayload", known, place)? {
            None => None,
            Some(Expression::Object(attributes)) => Some(attributes),
            Some(_) => {
                let why = "it has to be an object of names and values";
                return Err(Malformed::at(&properties.key("AttributePayload"), why));
            }
        };
        let settings = place.key("OverrideSettings");
        if let Some(overrides) = self.overrides {
            only(overrides, &["AttributePayload", "ThingTypeName", "ThingGroups"], &settings)?;
        }
        Ok(Thing {
            name,
            attributes,
            thing_type: self.property("ThingTypeName", known, place)?,
            groups: self.property("ThingGroups", known, place)?,
            billing_group: self.property("BillingGroup", known, place)?,
            overrides: ThingOverrides {
                attributes: self.setting("AttributePayload", true, &settings)?,
                thing_type: self.setting("ThingTypeName", false, &settings)?,
                groups: self.setting("ThingGroups", true, &settings)?,
            },
        })
    }

    fn setting(&self, name: &str, merges: bool, place: &Place<'_>) -> Result<Option<Override>, Malformed> {
        let Some(value) = self.overrides.and_then(|overrides| overrides.get(name)) else { return Ok(None) };
        match value.as_str().and_then(Override::parse) {
            Some(setting) if merges || setting != Override::Merge => Ok(Some(setting)),
            _ => {
                let merge = if merges { ", MERGE" } else { "" };
                Err(Malformed::at(&place.key(name), format!("it is one of DO_NOTHING, REPLACE, FAIL{merge}")))
            }
        }
    }

    fn certificate(&self, dialect: Dialect, known: &Known<'_>, place: &Place<'_>) -> Result<Certificate, Malformed> {
        let properties = place.key("Properties");
        let names = ["CertificateSigningRequest", "CertificateId", "CertificatePem", "CACertificatePem", "Status"];
        only(self.properties, &names, &properties)?;
        let request = self.property("CertificateSigningRequest", known, place)?;
        let id = self.property("CertificateId", known, place)?;
        let pem = self.property("CertificatePem", known, place)?;
        let ca = self.property("CACertificatePem", known, place)?;
        let source = match (request, id, pem) {
            (Some(request), None, None) if ca.is_none() => Source::Request(request),
            (None, Some(id), None) if ca.is_none() => Source::Id(id),
            (None, None, Some(certificate)) => Source::Pem { certificate, ca },
            _ => {
                let why = "it has exactly one of `CertificateSigningRequest`, `CertificateId` and `CertificatePem`, the last with \
                           or without `CACertificatePem`";
                return Err(Malformed::at(&properties, why));
            }
        };
        if dialect != Dialect::Registration && !matches!(source, Source::Id(_)) {
            let why = "the certificate is the device's own: use {\"CertificateId\": {\"Ref\": \"AWS::IoT::Certificate::Id\"}}";
            return Err(Malformed::at(&properties, why));
        }
        let status = self.property("Status", known, place)?;
        if let Some(Expression::Literal(literal)) = &status
            && literal.as_str().and_then(active).is_none()
        {
            return Err(Malformed::at(&properties.key("Status"), "it is `ACTIVE` or `INACTIVE`"));
        }
        let settings = place.key("OverrideSettings");
        if let Some(overrides) = self.overrides {
            only(overrides, &["Status"], &settings)?;
        }
        Ok(Certificate { source, status, status_override: self.setting("Status", false, &settings)? })
    }

    fn policy(&self, known: &Known<'_>, place: &Place<'_>) -> Result<Policy, Malformed> {
        let properties = place.key("Properties");
        only(self.properties, &["PolicyName", "PolicyDocument"], &properties)?;
        if self.overrides.is_some() {
            return Err(Malformed::at(place, "a policy has no `OverrideSettings`"));
        }
        let name = self.property("PolicyName", known, place)?;
        match (name, self.property("PolicyDocument", known, place)?) {
            (Some(name), None) => Ok(Policy::Named(name)),
            (None, Some(document)) => Ok(Policy::Document(document)),
            _ => Err(Malformed::at(&properties, "it has either `PolicyName` or `PolicyDocument`")),
        }
    }
}

/// Whether a status is the active one; case does not count.
pub(super) fn active(status: &str) -> Option<bool> {
    if status.eq_ignore_ascii_case("ACTIVE") {
        Some(true)
    } else if status.eq_ignore_ascii_case("INACTIVE") {
        Some(false)
    } else {
        None
    }
}
