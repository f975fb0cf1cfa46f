//! What a certificate says about its subject and issuer, as the X.509 policy variables and the parameters of just-in-time
//! provisioning name it ("X.509 certificate AWS IoT Core policy variables").

use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

/// The attributes of a distinguished name that AWS knows: object identifier and name in policy variables.
const ATTRIBUTES: [(&str, &str); 13] = [
    ("2.5.4.46", "DistinguishedNameQualifier"),
    ("2.5.4.6", "Country"),
    ("2.5.4.10", "Organization"),
    ("2.5.4.11", "OrganizationalUnit"),
    ("2.5.4.8", "State"),
    ("2.5.4.3", "CommonName"),
    ("2.5.4.5", "SerialNumber"),
    ("2.5.4.12", "Title"),
    ("2.5.4.4", "Surname"),
    ("2.5.4.42", "GivenName"),
    ("2.5.4.43", "Initials"),
    ("2.5.4.65", "Pseudonym"),
    ("2.5.4.44", "GenerationQualifier"),
];

/// One attribute of a distinguished name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAttribute {
    /// AWS's name for it, for example `CommonName`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// The alternative names of a subject or an issuer, each kind in the certificate's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlternativeNames {
    /// E-mail addresses.
    pub rfc822: Vec<String>,
    /// Host names.
    pub dns: Vec<String>,
    /// Distinguished names, written `CN=…, O=…`.
    pub directory: Vec<String>,
    /// URIs.
    pub uri: Vec<String>,
    /// IP addresses.
    pub ip: Vec<String>,
}

/// What a certificate says. Attributes that AWS has no variable for are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateFacts {
    /// The subject's attributes, in the certificate's order.
    pub subject: Vec<NameAttribute>,
    /// The issuer's attributes, in the certificate's order.
    pub issuer: Vec<NameAttribute>,
    /// The subject's alternative names.
    pub subject_alternative: AlternativeNames,
    /// The issuer's alternative names.
    pub issuer_alternative: AlternativeNames,
    /// The certificate's serial number in hexadecimal digits, lower case, two per byte.
    pub serial_number: String,
}

impl CertificateFacts {
    /// What a certificate in DER says; nothing where the bytes are none.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        X509Certificate::from_der(der).map(|(_, parsed)| Self::read(&parsed)).unwrap_or_default()
    }

    pub(crate) fn read(certificate: &X509Certificate<'_>) -> Self {
        let tbs = &certificate.tbs_certificate;
        let mut facts = Self {
            subject: attributes(&tbs.subject),
            issuer: attributes(&tbs.issuer),
            serial_number: hex::encode(tbs.serial.to_bytes_be()),
            ..Self::default()
        };
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    facts.subject_alternative = alternatives(&names.general_names);
                }
                ParsedExtension::IssuerAlternativeName(names) => {
                    facts.issuer_alternative = alternatives(&names.general_names);
                }
                _ => {}
            }
        }
        facts
    }

    /// The values of one attribute of the subject, for example `CommonName`.
    pub fn subject_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.subject.iter().filter(move |attribute| attribute.name == name).map(|attribute| attribute.value.as_str())
    }

    /// Every X.509 policy variable that this certificate sets, such as `iot:Certificate.Subject.CommonName`, with its values,
    /// sorted by name. `iot:Certificate.AvailableKeys` is the list of the names.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, Vec<String>)> {
        let mut variables: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
        let sides =
            [("Subject", &self.subject, &self.subject_alternative), ("Issuer", &self.issuer, &self.issuer_alternative)];
        for (side, attributes, alternative) in sides {
            for attribute in attributes {
                let name = format!("iot:Certificate.{side}.{}", attribute.name);
                variables.entry(name).or_default().push(attribute.value.clone());
            }
            let kinds = [
                ("RFC822Name", &alternative.rfc822),
                ("DNSName", &alternative.dns),
                ("DirectoryName", &alternative.directory),
                ("UniformResourceIdentifier", &alternative.uri),
                ("IPAddress", &alternative.ip),
            ];
            for (kind, values) in kinds.into_iter().filter(|(_, values)| !values.is_empty()) {
                variables.insert(format!("iot:Certificate.{side}.AlternativeName.{kind}"), values.clone());
            }
        }
        variables.insert("iot:Certificate.SerialNumber".into(), vec![self.serial_number.clone()]);
        let names = variables.keys().cloned().collect();
        variables.insert("iot:Certificate.AvailableKeys".into(), names);
        variables.into_iter().collect()
    }
}

fn attributes(name: &X509Name<'_>) -> Vec<NameAttribute> {
    let known = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        let oid = attribute.attr_type().to_id_string();
        let (_, name) = ATTRIBUTES.iter().find(|(known, _)| *known == oid)?;
        Some(NameAttribute { name, value: text(attribute.attr_value())? })
    };
    name.iter_attributes().filter_map(known).collect()
}

/// The text of a directory string, whichever of its forms it has.
fn text(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
            String::from_utf8(value.data.to_vec()).ok()
        }
        // In practice Latin-1.
        Tag::T61String => Some(value.data.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units: Vec<u16> = value
                .data
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
                .collect();
            String::from_utf16(&units).ok()
        }
        Tag::UniversalString => value
            .data
            .chunks_exact(4)
            .map(|four| char::from_u32(four.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))))
            .collect(),
        _ => None,
    }
}

fn alternatives(names: &[GeneralName<'_>]) -> AlternativeNames {
    let mut found = AlternativeNames::default();
    for name in names {
        match name {
            GeneralName::RFC822Name(text) => found.rfc822.push((*text).to_owned()),
            GeneralName::DNSName(text) => found.dns.push((*text).to_owned()),
            GeneralName::DirectoryName(name) => found.directory.push(name.to_string()),
            GeneralName::URI(text) => found.uri.push((*text).to_owned()),
            GeneralName::IPAddress(bytes) => found.ip.extend(address(bytes)),
            _ => {}
        }
    }
    found
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|b| Ipv4Addr::from(b).to_string());
    let sixteen = <[u8; 16]>::try_from(bytes).map(|b| Ipv6Addr::from(b).to_string());
    four.or(sixteen).ok()
}
