//! `kafka`: sends the payload as a record to an Apache Kafka cluster ("Apache Kafka" rule action).
//!
//! AWS takes the protocols `SSL` and `SASL_SSL`. Here `PLAINTEXT` and `SASL_PLAINTEXT` are taken too where all brokers are on
//! loopback addresses.

use super::outgoing::KafkaRecord;
use super::{Act, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::KafkaAction;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The properties that a rule may set, whether they take templates, and the values they may have; all where there are none.
const PROPERTIES: &[(&str, bool, &[&str])] = &[
    ("acks", false, &["0", "1"]),
    ("bootstrap.servers", false, &[]),
    ("compression.type", false, &["none", "gzip", "snappy", "lz4", "zstd"]),
    ("security.protocol", false, &["SSL", "SASL_SSL", "PLAINTEXT", "SASL_PLAINTEXT"]),
    ("key.serializer", false, &["StringSerializer"]),
    ("value.serializer", false, &["ByteBufferSerializer"]),
    ("ssl.truststore", true, &[]),
    ("ssl.truststore.password", true, &[]),
    ("ssl.keystore", true, &[]),
    ("ssl.keystore.password", true, &[]),
    ("ssl.key.password", true, &[]),
    ("sasl.mechanism", false, &["PLAIN", "SCRAM-SHA-512", "GSSAPI"]),
    ("sasl.plain.username", true, &[]),
    ("sasl.plain.password", true, &[]),
    ("sasl.scram.username", true, &[]),
    ("sasl.scram.password", true, &[]),
    ("sasl.kerberos.keytab", true, &[]),
    ("sasl.kerberos.service.name", false, &[]),
    ("sasl.kerberos.krb5.kdc", false, &[]),
    ("sasl.kerberos.krb5.realm", false, &[]),
    ("sasl.kerberos.principal", false, &[]),
];

/// What a mechanism needs besides.
const NEEDED: &[(&str, &[&str])] = &[
    ("PLAIN", &["sasl.plain.username", "sasl.plain.password"]),
    ("SCRAM-SHA-512", &["sasl.scram.username", "sasl.scram.password"]),
    (
        "GSSAPI",
        &[
            "sasl.kerberos.keytab",
            "sasl.kerberos.service.name",
            "sasl.kerberos.krb5.kdc",
            "sasl.kerberos.krb5.realm",
            "sasl.kerberos.principal",
        ],
    ),
];

#[derive(Debug)]
struct Kafka {
    destination: String,
    topic: Template,
    key: Option<Template>,
    partition: Option<Template>,
    headers: Vec<(Template, Template)>,
    properties: BTreeMap<&'static str, Template>,
}

pub(super) fn compile(action: &KafkaAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.destination(&action.destination_arn, "vpc")?;
    let given = &action.client_properties;
    let mut properties = BTreeMap::new();
    for (name, text) in given {
        let field = format!("clientProperties.{name}");
        let Some((name, templates, values)) = PROPERTIES.iter().find(|(known, ..)| known == name) else {
            return Err(compiler.invalid(&field, "the rules engine does not let this property be set"));
        };
        if !values.is_empty() && !values.contains(&text.as_str()) {
            return Err(compiler.invalid(&field, format!("`{text}` is none of {}", values.join(", "))));
        }
        if !templates {
            compiler.verbatim(&field, text)?;
        }
        properties.insert(*name, compiler.template(&field, text)?);
    }
    let get = |name: &str| given.get(name).map(String::as_str);
    for (name, here) in [("compression.type", "none"), ("sasl.mechanism", "PLAIN SCRAM-SHA-512")] {
        if let Some(value) = get(name).filter(|value| !here.split(' ').any(|known| known == *value)) {
            return Err(ApiError::not_implemented(&format!("`{value}` as `{name}` of the rule action `kafka`")));
        }
    }
    let need = |name: &str| match get(name) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(compiler.invalid(&format!("clientProperties.{name}"), "it is needed")),
    };
    let brokers = need("bootstrap.servers")?;
    let local =
        brokers.split(',').map(|broker| local(broker.trim())).collect::<Option<Vec<bool>>>().ok_or_else(|| {
            let what = format!(
                "`{brokers}` is not a list of host and port, such as `b-1.example.com:9092,b-2.example.com:9092`"
            );
            compiler.invalid("clientProperties.bootstrap.servers", what)
        })?;
    let protocol = get("security.protocol").unwrap_or("SSL");
    if protocol.ends_with("PLAINTEXT") && !local.iter().all(|local| *local) {
        let what = format!("`{protocol}` is not encrypted, and goes to loopback addresses only");
        return Err(compiler.invalid("clientProperties.security.protocol", what));
    }
    if protocol.starts_with("SASL") {
        let mechanism = need("sasl.mechanism")?;
        for (_, names) in NEEDED.iter().filter(|(known, _)| *known == mechanism) {
            names.iter().try_for_each(|name| need(name).map(|_| ()))?;
        }
    }
    let mut headers = Vec::new();
    for (index, header) in action.headers.iter().flatten().enumerate() {
        let field = format!("headers[{index}]");
        let key = compiler.template(&format!("{field}.key"), &header.key)?;
        headers.push((key, compiler.template(&format!("{field}.value"), &header.value)?));
    }
    let partition = match &action.partition {
        Some(text) => Some(compiler.checked("partition", text, |text| partition(text).map(|_| ()))?),
        None => None,
    };
    Ok(Box::new(Kafka {
        destination: action.destination_arn.clone(),
        topic: compiler.filled("topic", &action.topic)?,
        key: compiler.optional("key", action.key.as_ref())?,
        partition,
        headers,
        properties,
    }))
}

/// Whether a broker, `host:port`, is on a loopback address; nothing where it is no such pair.
fn local(broker: &str) -> Option<bool> {
    let (host, port) = broker.rsplit_once(':')?;
    port.parse::<u16>().ok().filter(|_| !host.is_empty())?;
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    Some(host == "localhost" || address.is_ok_and(|address| address.is_loopback()))
}

fn partition(text: &str) -> Result<i32, String> {
    match text.parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(format!("`{text}` is not a number of a partition")),
    }
}

impl Act for Kafka {
    fn kind(&self) -> &'static str {
        "KafkaAction"
    }

    fn resource(&self) -> &Template {
        &self.topic
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let partition = match render.fill_optional(self.partition.as_ref())? {
            Some(text) => Some(partition(&text).map_err(Problem::Failed)?),
            None => None,
        };
        let mut headers = Vec::with_capacity(self.headers.len());
        for (key, value) in &self.headers {
            headers.push((render.fill(key)?, render.fill(value)?));
        }
        let mut properties = BTreeMap::new();
        for (name, value) in &self.properties {
            properties.insert(*name, render.fill(value)?);
        }
        Ok(vec![Outgoing::Kafka(Box::new(KafkaRecord {
            destination: self.destination.clone(),
            topic: resource.to_owned(),
            key: render.fill_optional(self.key.as_ref())?,
            partition,
            headers,
            value: render.bytes(),
            properties,
        }))])
    }
}
