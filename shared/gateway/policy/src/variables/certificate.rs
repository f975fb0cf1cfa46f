//! What a policy may ask about a client's certificate ("X.509 certificate AWS IoT Core policy variables").

use super::Lookup;
use super::name::{Holder, Index, Variable};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Of a field with several values, how many are seen.
const MAX_VALUES: usize = 5;
/// The most characters in a value that is substituted.
const MAX_CHARACTERS: usize = 1024;

/// The facts of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateFacts {
    /// The certificate id: 64 hexadecimal digits.
    pub id: String,
    /// The serial number.
    pub serial_number: String,
    /// The issuer's distinguished name and alternative names.
    pub issuer: NameFacts,
    /// The subject's distinguished name and alternative names.
    pub subject: NameFacts,
}

/// The fields of a name in a certificate, each with its values in the order of the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameFacts(pub BTreeMap<CertificateField, Vec<String>>);

macro_rules! fields {
    ($($name:ident = $text:literal,)*) => {
        /// A field of a certificate's issuer or subject.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are those of the X.509 attributes")]
        pub enum CertificateField { $($name,)* }

        impl CertificateField {
            /// Every field.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The field's name in a policy variable.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

fields! {
    DistinguishedNameQualifier = "DistinguishedNameQualifier",
    Country = "Country",
    Organization = "Organization",
    OrganizationalUnit = "OrganizationalUnit",
    State = "State",
    CommonName = "CommonName",
    SerialNumber = "SerialNumber",
    Title = "Title",
    Surname = "Surname",
    GivenName = "GivenName",
    Initials = "Initials",
    Pseudonym = "Pseudonym",
    GenerationQualifier = "GenerationQualifier",
    AlternativeRfc822Name = "AlternativeName.RFC822Name",
    AlternativeDnsName = "AlternativeName.DNSName",
    AlternativeDirectoryName = "AlternativeName.DirectoryName",
    AlternativeUniformResourceIdentifier = "AlternativeName.UniformResourceIdentifier",
    AlternativeIpAddress = "AlternativeName.IPAddress",
}

impl CertificateField {
    /// The field of a name, upper and lower case alike.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.as_str().eq_ignore_ascii_case(name))
    }
}

impl CertificateFacts {
    /// The facts from policy variables with their values, such as `iot:Certificate.Subject.CommonName`. Names that are no
    /// variable of a certificate, and `iot:Certificate.AvailableKeys`, which follows from the others, are left out.
    #[must_use]
    pub fn from_variables(id: impl Into<String>, variables: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let mut facts = Self { id: id.into(), ..Self::default() };
        for (name, values) in variables {
            match Variable::parse(&name) {
                Variable::Certificate { holder: Holder::Issuer, field, index: Index::First } => {
                    facts.issuer.0.insert(field, values);
                }
                Variable::Certificate { holder: Holder::Subject, field, index: Index::First } => {
                    facts.subject.0.insert(field, values);
                }
                Variable::CertificateSerialNumber => {
                    facts.serial_number = values.into_iter().next().unwrap_or_default();
                }
                _ => {}
            }
        }
        facts
    }

    fn name(&self, holder: Holder) -> &NameFacts {
        match holder {
            Holder::Issuer => &self.issuer,
            Holder::Subject => &self.subject,
        }
    }

    pub(super) fn lookup(&self, holder: Holder, field: CertificateField, index: Index) -> Lookup<'_> {
        let values = self.name(holder).0.get(&field).map(Vec::as_slice).unwrap_or_default();
        let values = values.get(..MAX_VALUES).unwrap_or(values);
        let one = |n: usize| match values.get(n) {
            Some(value) => Lookup::One(escape(value)),
            None if n == 0 => Lookup::Absent("the certificate has no such field"),
            None => Lookup::Absent("the certificate's field has fewer values"),
        };
        match index {
            Index::First => one(0),
            Index::Nth(n) => one(n),
            Index::List if values.is_empty() => Lookup::Absent("the certificate has no such field"),
            Index::List => Lookup::Many(values.iter().map(|v| escape(v)).collect()),
        }
    }

    /// The names of the certificate's variables that have a value.
    pub(super) fn available_keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for holder in [Holder::Issuer, Holder::Subject] {
            for (field, values) in &self.name(holder).0 {
                if !values.is_empty() {
                    keys.push(Variable::Certificate { holder, field: *field, index: Index::First }.to_string());
                }
            }
        }
        if !self.serial_number.is_empty() {
            keys.push(Variable::CertificateSerialNumber.to_string());
        }
        keys
    }
}

/// A policy sees these characters of a certificate with a backslash before them.
fn escape(value: &str) -> Cow<'_, str> {
    let special = [',', '"', '\\', '+', '=', '<', '>', ';'];
    if !value.contains(special) {
        return Cow::Borrowed(value);
    }
    let mut escaped = String::with_capacity(value.len() + 4);
    for c in value.chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Cow::Owned(escaped)
}

/// Which values of a certificate are not substituted.
pub(super) fn check_limits(value: &str) -> Result<(), &'static str> {
    if value.contains(['*', '$', '+', '?', '#']) {
        return Err("the certificate's value holds one of `*`, `$`, `+`, `?` and `#`, and is not substituted");
    }
    if value.chars().count() > MAX_CHARACTERS {
        return Err("the certificate's value is longer than 1,024 characters, and is not substituted");
    }
    Ok(())
}
