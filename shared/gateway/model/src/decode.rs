//! From a request to the input of its operation: the members are gathered from path, query, headers and body into one
//! document, which is checked against the model and then read into the typed input.

use crate::http::Request;
use crate::operation::{Operation, OperationMeta};
use crate::schema::{Kind, Location, Member, Shape};
use crate::validate::validate;
use crate::wire::{self, At, Wire};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use drydock_core::ApiError;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

/// The input of an operation from a request whose path led to it with these labels.
///
/// # Errors
/// `InvalidRequestException` (or the operation's `ValidationException`) that says which member is malformed, or which
/// constraints are violated.
pub fn decode<O: Operation>(labels: &[(&'static str, String)], request: &Request) -> Result<O::Input, ApiError> {
    let (document, payload) = checked(O::META, labels, request)?;
    let mut input = O::Input::read(&document, &At::ROOT)
        .map_err(|error| invalid(O::META, &format!("the request cannot be deserialized: {error}")))?;
    if let Some(payload) = payload {
        input.put_payload(payload);
    }
    Ok(input)
}

/// The document and the blob that is the body, checked.
fn checked(
    operation: &OperationMeta,
    labels: &[(&'static str, String)],
    request: &Request,
) -> Result<(Value, Option<Bytes>), ApiError> {
    let (document, payload) = gather(operation.input_shape, labels, request).map_err(|why| invalid(operation, &why))?;
    validate(operation.input_shape, &document).map_err(|why| invalid(operation, &why))?;
    Ok((document, payload))
}

fn invalid(operation: &OperationMeta, message: &str) -> ApiError {
    ApiError::new(operation.invalid_code(), message.to_owned())
}

/// Gathers the members from where they travel.
fn gather(
    shape: &'static Shape,
    labels: &[(&'static str, String)],
    request: &Request,
) -> Result<(Value, Option<Bytes>), String> {
    let members = shape.members();
    let mut document = Map::new();
    let mut payload = None;
    if members.iter().any(|member| member.location == Location::Body) {
        let body = json_body(&request.body)?;
        for member in members.iter().filter(|member| member.location == Location::Body) {
            wire::put(&mut document, member.name, wire::fetch(&body, member.name).clone());
        }
    }
    let query = parse_query(&request.query)?;
    for member in members {
        let value = match member.location {
            Location::Body | Location::Status => continue,
            Location::Payload if matches!(member.shape.kind, Kind::Blob) => {
                if request.body.is_empty() {
                    continue;
                }
                payload = Some(request.body.clone());
                // The member is there, and as an empty blob it costs no encoding; the bytes are put in at the end.
                Value::String(String::new())
            }
            Location::Payload if request.body.is_empty() => continue,
            Location::Payload => Value::Object(json_body(&request.body)?),
            Location::Label(name) => match labels.iter().find(|(label, _)| *label == name) {
                Some((_, text)) => from_text(member, text)?,
                None => continue,
            },
            Location::Query(name) => match from_query(member, name, &query, members)? {
                Some(value) => value,
                None => continue,
            },
            Location::Header(name) => match request.header(name) {
                Some(text) => from_text(member, text)?,
                None => continue,
            },
            Location::JsonHeader(name) => match request.header(name) {
                Some(text) => Value::String(json_header(name, text)?),
                None => continue,
            },
        };
        document.insert(member.name.to_owned(), value);
    }
    Ok((Value::Object(document), payload))
}

/// The body as a JSON object; an empty body stands for an empty object.
fn json_body(body: &Bytes) -> Result<Map<String, Value>, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(format!("the request body must be a JSON object, found {}", wire::kind(&other))),
        Err(why) => Err(format!("the request body is not JSON: {why}")),
    }
}

/// The query's parameters, decoded, in order.
fn parse_query(query: &str) -> Result<Vec<(String, String)>, String> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode(spaced.as_bytes())
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| format!("`{text}` in the query is not UTF-8 once it is decoded"))
    };
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// A member from the query: a list from every parameter of its name, a map from every parameter that is not a member's.
fn from_query(
    member: &'static Member,
    name: &str,
    query: &[(String, String)],
    members: &'static [Member],
) -> Result<Option<Value>, String> {
    let of_member =
        |other: &str| members.iter().any(|member| matches!(member.location, Location::Query(known) if known == other));
    match member.shape.kind {
        Kind::List(element) => {
            let values = query
                .iter()
                .filter(|(other, _)| other == name)
                .map(|(_, text)| plain(element, name, text))
                .collect::<Result<Vec<_>, String>>()?;
            Ok((!values.is_empty()).then_some(Value::Array(values)))
        }
        Kind::Map(_, element) => {
            let values = query
                .iter()
                .filter(|(other, _)| !of_member(other))
                .map(|(other, text)| Ok((other.clone(), plain(element, other, text)?)))
                .collect::<Result<Map<_, _>, String>>()?;
            Ok((!values.is_empty()).then_some(Value::Object(values)))
        }
        _ => query.iter().find(|(other, _)| other == name).map(|(_, text)| from_text(member, text)).transpose(),
    }
}

/// A member from a text.
fn from_text(member: &Member, text: &str) -> Result<Value, String> {
    plain(member.shape, member.name, text)
}

/// A plain value from a text, of the JSON type that its shape has.
fn plain(shape: &Shape, name: &str, text: &str) -> Result<Value, String> {
    let wrong =
        |expected: &str| format!("the request cannot be deserialized: expected {expected}, found `{text}` at `{name}`");
    match shape.kind {
        Kind::Integer | Kind::Long => text.parse::<i64>().map(Value::from).map_err(|_| wrong("an integer")),
        Kind::Double { .. } => text.parse::<f64>().map(Value::from).map_err(|_| wrong("a number")),
        Kind::Boolean => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wrong("`true` or `false`")),
        },
        Kind::Timestamp => wire::parse_time(text).map(|time| time.write()).ok_or_else(|| wrong("a timestamp")),
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// The text of a header that holds JSON in base64.
fn json_header(name: &str, text: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|why| format!("header `{name}` is not base64: {why}"))?;
    let json = String::from_utf8(bytes).map_err(|_| format!("header `{name}` is not UTF-8 once it is decoded"))?;
    serde_json::from_str::<Value>(&json).map_err(|why| format!("header `{name}` is not JSON: {why}"))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    //! Lists and maps in a query: no operation of today's models has one, the protocol has.

    use super::*;
    use crate::schema::{integer, list, map, member, string, structure};
    use serde_json::json;

    static TEXT: Shape = string("Text");
    static NUMBER: Shape = integer("Number");
    static NUMBERS: Shape = list("Numbers", &NUMBER);
    static TAGS: Shape = map("Tags", &TEXT, &TEXT);
    static INPUT: Shape = structure(
        "Input",
        &[
            member("numbers", &NUMBERS).query("n"),
            member("tags", &TAGS).query("tags"),
            member("name", &TEXT).query("name"),
        ],
    );

    fn query(text: &str) -> Result<Value, String> {
        let request = Request { query: text.to_owned(), ..Request::default() };
        gather(&INPUT, &[], &request).map(|(document, _)| document)
    }

    #[test]
    fn a_list_is_every_parameter_of_its_name() {
        assert_eq!(query("n=1&name=a&n=2"), Ok(json!({"numbers": [1, 2], "name": "a"})));
        assert_eq!(
            query("n=1&n=x"),
            Err("the request cannot be deserialized: expected an integer, found `x` at `n`".to_owned())
        );
    }

    #[test]
    fn a_map_is_every_parameter_that_is_no_members() {
        assert_eq!(query("a=1&name=x&b+c=%26"), Ok(json!({"tags": {"a": "1", "b c": "&"}, "name": "x"})));
    }

    #[test]
    fn the_first_of_several_values_counts() {
        assert_eq!(query("name=a&name=b"), Ok(json!({"name": "a"})));
    }
}
