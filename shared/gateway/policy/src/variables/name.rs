//! The names of policy variables and condition keys. As in IAM, upper and lower case are the same in a name; the name of a
//! thing's attribute is the exception.

use super::certificate::CertificateField;
use std::fmt;

/// A policy variable or condition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is documented by its AWS name in `Display`")]
pub enum Variable {
    ClientId,
    SourceIp,
    DomainName,
    CertificateId,
    ConnectAttributes,
    LastWillTopic,
    ThingName,
    ThingTypeName,
    ThingAttribute(String),
    ThingIsAttached,
    CertificateSerialNumber,
    CertificateAvailableKeys,
    Certificate {
        holder: Holder,
        field: CertificateField,
        index: Index,
    },
    CurrentTime,
    EpochTime,
    /// Any other name, looked up in [`Context::keys`](super::Context::keys).
    Other(String),
}

/// Whose name in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the two names a certificate holds")]
pub enum Holder {
    Issuer,
    Subject,
}

/// Which of the values of a certificate's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// No suffix: the first.
    First,
    /// `.N`: counted from zero, so `.1` is the second.
    Nth(usize),
    /// `.List`: all of them.
    List,
}

const PLAIN: [(&str, Variable); 12] = [
    ("iot:ClientId", Variable::ClientId),
    ("aws:SourceIp", Variable::SourceIp),
    ("iot:DomainName", Variable::DomainName),
    ("iot:CertificateId", Variable::CertificateId),
    ("iot:ConnectAttributes", Variable::ConnectAttributes),
    ("iot:LastWillTopic", Variable::LastWillTopic),
    ("iot:Connection.Thing.ThingName", Variable::ThingName),
    ("iot:Connection.Thing.ThingTypeName", Variable::ThingTypeName),
    ("iot:Connection.Thing.IsAttached", Variable::ThingIsAttached),
    ("iot:Certificate.SerialNumber", Variable::CertificateSerialNumber),
    ("iot:Certificate.AvailableKeys", Variable::CertificateAvailableKeys),
    ("aws:CurrentTime", Variable::CurrentTime),
];
const ATTRIBUTES: &str = "iot:Connection.Thing.Attributes[";
const CERTIFICATE: &str = "iot:Certificate.";
const EPOCH_TIME: &str = "aws:EpochTime";

impl Variable {
    /// The variable of a name. A name that AWS IoT does not have is [`Variable::Other`].
    #[must_use]
    pub fn parse(name: &str) -> Self {
        if let Some((_, variable)) = PLAIN.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return variable.clone();
        }
        if name.eq_ignore_ascii_case(EPOCH_TIME) {
            return Self::EpochTime;
        }
        let attribute = strip_prefix(name, ATTRIBUTES).and_then(|rest| rest.strip_suffix(']'));
        if let Some(attribute) = attribute {
            return Self::ThingAttribute(attribute.to_owned());
        }
        strip_prefix(name, CERTIFICATE).and_then(of_certificate).unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// Whether its value comes out of the certificate, so that the limits of certificate variables hold for it.
    #[must_use]
    pub fn is_of_certificate(&self) -> bool {
        matches!(self, Self::Certificate { .. } | Self::CertificateSerialNumber | Self::CertificateAvailableKeys)
    }
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..)).flatten()
}

fn of_certificate(rest: &str) -> Option<Variable> {
    let (holder, rest) = rest.split_once('.')?;
    let holder = [Holder::Issuer, Holder::Subject].into_iter().find(|h| h.as_str().eq_ignore_ascii_case(holder))?;
    let (field, index) = match rest.rsplit_once('.') {
        Some((field, suffix)) if suffix.eq_ignore_ascii_case("List") => (field, Index::List),
        Some((field, suffix)) if suffix.bytes().all(|b| b.is_ascii_digit()) => {
            (field, Index::Nth(suffix.parse().ok()?))
        }
        _ => (rest, Index::First),
    };
    Some(Variable::Certificate { holder, field: CertificateField::parse(field)?, index })
}

impl Holder {
    /// `Issuer` or `Subject`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "Issuer",
            Self::Subject => "Subject",
        }
    }
}

impl fmt::Display for Variable {
    /// The name as AWS writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThingAttribute(name) => write!(f, "{ATTRIBUTES}{name}]"),
            Self::Certificate { holder, field, index } => {
                write!(f, "{CERTIFICATE}{}.{}", holder.as_str(), field.as_str())?;
                match index {
                    Index::First => Ok(()),
                    Index::Nth(n) => write!(f, ".{n}"),
                    Index::List => f.write_str(".List"),
                }
            }
            Self::EpochTime => f.write_str(EPOCH_TIME),
            Self::Other(name) => f.write_str(name),
            plain => f.write_str(PLAIN.iter().find(|(_, v)| v == plain).map_or("", |(name, _)| name)),
        }
    }
}
