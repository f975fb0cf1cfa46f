//! What a device shows to an authorizer. The same parameters come as HTTP headers, in a query string, or in a query string at
//! the end of the MQTT user name.

use std::collections::BTreeMap;

/// The parameter that names the authorizer.
pub const NAME: &str = "x-amz-customauthorizer-name";
/// The parameter with the token's signature.
pub const SIGNATURE: &str = "x-amz-customauthorizer-signature";

/// The parameters of one request or connection. Where a name comes more than once, the first one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presented {
    parameters: BTreeMap<String, String>,
}

impl Presented {
    /// Out of an HTTP request: headers (their names in any case) before the query string.
    #[must_use]
    pub fn in_http<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>, query: &str) -> Self {
        let mut presented = Self::default();
        for (name, value) in headers {
            presented.add(name, value.to_owned());
        }
        presented.add_query(query);
        presented
    }

    /// Out of an MQTT user name, such as `user?x-amz-customauthorizer-name=fleet`; empty where it has no query string.
    #[must_use]
    pub fn in_user_name(user_name: &str) -> Self {
        let mut presented = Self::default();
        presented.add_query(user_name.split_once('?').map_or("", |(_, query)| query));
        presented
    }

    /// These parameters, and those of `other` that are not among them.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (name, value) in other.parameters {
            self.parameters.entry(name).or_insert(value);
        }
        self
    }

    /// The authorizer that is asked for.
    #[must_use]
    pub fn authorizer(&self) -> Option<&str> {
        self.get(NAME)
    }

    /// The token's signature.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.get(SIGNATURE)
    }

    /// The token, under the name that the authorizer has for it.
    #[must_use]
    pub fn token(&self, key_name: &str) -> Option<&str> {
        self.get(key_name)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    fn add(&mut self, name: &str, value: String) {
        self.parameters.entry(name.to_ascii_lowercase()).or_insert(value);
    }

    fn add_query(&mut self, query: &str) {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.add(&decoded(name), decoded(value));
        }
    }
}

/// Takes `%XX` back. A `+` stays what it is: it is one of base64's digits, and devices send signatures without encoding them.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((byte, after));
        out.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
