//! AWS's query protocol, as SNS, STS and CloudWatch speak it: a form with an `Action` in, XML out.

use crate::stand_in::Refusal;
use bytes::Bytes;
use http::{Request, Response};
use std::collections::BTreeMap;

/// The parameters of a query request.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads the form in a request's query string and body.
    pub(crate) fn read(request: &Request<Bytes>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let mut params = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(request.body())) {
            params.insert(name.into_owned(), value.into_owned());
        }
        Self(params)
    }

    /// A parameter that is given and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All parameters.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter that is given, empty or not.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The prefixes of the members of a list, in order: `Tags.member.1.`, `Tags.member.2.`, …
    pub(crate) fn members(&self, list: &str) -> Vec<String> {
        let start = format!("{list}.");
        let mut numbers: Vec<u32> = self
            .0
            .range(start.clone()..)
            .take_while(|(name, _)| name.starts_with(&start))
            .filter_map(|(name, _)| name.get(start.len()..)?.split('.').next()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|number| format!("{start}{number}")).collect()
    }

    /// The entries of a map: `Attributes.entry.1.key` and `.value`.
    pub(crate) fn entries(&self, map: &str) -> BTreeMap<String, String> {
        self.members(&format!("{map}.entry"))
            .iter()
            .filter_map(|entry| {
                let key = self.get(&format!("{entry}.key"))?;
                Some((key.to_owned(), self.given(&format!("{entry}.value")).unwrap_or_default().to_owned()))
            })
            .collect()
    }
}

/// XML that is written from the outside in.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// An element with a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.0.push_str(&format!("<{name}>"));
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\r' => self.0.push_str("&#xD;"),
                c => self.0.push(c),
            }
        }
        self.0.push_str(&format!("</{name}>"));
        self
    }

    /// An element with elements in it.
    pub(crate) fn nest(&mut self, name: &str, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.push_str(&format!("<{name}>"));
        inner(self);
        self.0.push_str(&format!("</{name}>"));
        self
    }

    /// Elements that were written elsewhere.
    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// A map as the protocol writes it: `entry` elements of `key` and `value`.
    pub(crate) fn map<'a>(&mut self, name: &str, entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> &mut Self {
        self.nest(name, |xml| {
            for (key, value) in entries {
                xml.nest("entry", |xml| {
                    xml.text("key", key).text("value", value);
                });
            }
        })
    }
}

/// The answer to an operation: its result, if it has one, and the request's id.
pub(crate) fn answer(
    namespace: &str,
    operation: &str,
    request_id: &str,
    result: impl FnOnce(&mut Xml),
) -> Response<Bytes> {
    let mut body = Xml::default();
    body.nest(&format!("{operation}Result"), result);
    body.nest("ResponseMetadata", |xml| {
        xml.text("RequestId", request_id);
    });
    let body = body.0;
    let text = format!("<{operation}Response xmlns=\"{namespace}\">{body}</{operation}Response>");
    super::response(200, "text/xml", text)
}

/// An error.
pub(crate) fn error(namespace: &str, status: u16, code: &str, message: &str, request_id: &str) -> Response<Bytes> {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let mut body = Xml::default();
    body.nest("Error", |xml| {
        xml.text("Type", fault).text("Code", code).text("Message", message);
    });
    body.text("RequestId", request_id);
    let body = body.0;
    super::response(status, "text/xml", format!("<ErrorResponse xmlns=\"{namespace}\">{body}</ErrorResponse>"))
}

/// The answer to a request that is not carried out.
pub(crate) fn refusal(namespace: &str, refusal: &Refusal<'_>) -> Response<Bytes> {
    error(namespace, refusal.status(403), refusal.query_code, refusal.message, refusal.request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_maps_are_found_by_number() {
        let form = "Tags.member.10.Key=j&Tags.member.2.Key=b&Tags.member.1.Key=a%20b\
                    &Attributes.entry.1.key=k&Attributes.entry.1.value=&Other=1";
        let params = Params::read(&Request::new(Bytes::from(form)));
        assert_eq!(params.members("Tags.member"), ["Tags.member.1", "Tags.member.2", "Tags.member.10"]);
        assert_eq!(params.get("Tags.member.1.Key"), Some("a b"));
        assert_eq!(params.entries("Attributes"), BTreeMap::from([("k".to_owned(), String::new())]));
    }

    #[test]
    fn text_is_escaped() {
        let body = answer("ns", "Op", "id", |xml| {
            xml.text("A", "<&>\"");
        });
        assert_eq!(
            body.body(),
            "<OpResponse xmlns=\"ns\"><OpResult><A>&lt;&amp;&gt;&quot;</A></OpResult>\
             <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></OpResponse>"
        );
    }
}
