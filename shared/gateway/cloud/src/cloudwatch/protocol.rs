//! The protocols that CloudWatch's clients speak: Smithy RPC v2 CBOR (boto3, the AWS CLI), AWS JSON 1.0, and the older query
//! protocol with its XML (rule actions, older SDKs). What is asked comes out of each as the same JSON; what is answered goes into
//! each out of the same tree.
//!
//! Follows "Smithy RPC v2 CBOR protocol", "AWS JSON 1.0 protocol", "AWS query protocol" and "AWS Query Compatible trait" of the Smithy
//! documentation.

use super::fault::{Code, Fault};
use super::value::Out;
use crate::wire::query::{self, Params, Xml};
use crate::wire::{self, set_header};
use bytes::Bytes;
use ciborium::Value as Cbor;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response};
use serde_json::{Map, Value};
use std::io::Read;

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
/// What `X-Amz-Target` begins with, and what the service is called in the paths of RPC v2.
pub(super) const TARGET: &str = "GraniteServiceVersion20100801";
/// The most bytes of a body when it is unpacked ("PutMetricData": 1 MB).
const UNPACKED: u64 = 1024 * 1024;
/// How deep what is asked may be nested.
const DEPTH: usize = 16;

/// Which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Cbor,
    Json,
    Query,
}

/// What is asked.
pub(super) struct Asked {
    pub(super) operation: String,
    pub(super) parameters: Map<String, Value>,
}

impl Protocol {
    /// The one that a request speaks.
    pub(super) fn of(headers: &HeaderMap, path: &str) -> Self {
        let is = |name: &str, value: &str| {
            headers.get(name).is_some_and(|held| held.as_bytes().starts_with(value.as_bytes()))
        };
        if is("smithy-protocol", "rpc-v2-cbor") || path.starts_with("/service/") {
            Self::Cbor
        } else if headers.contains_key("x-amz-target") || is(CONTENT_TYPE.as_str(), "application/x-amz-json") {
            Self::Json
        } else {
            Self::Query
        }
    }

    /// Reads a request.
    pub(super) fn read(self, request: Request<Bytes>) -> Result<Asked, Fault> {
        let request = unpacked(request)?;
        match self {
            Self::Cbor => {
                let prefix = format!("/service/{TARGET}/operation/");
                let operation = request.uri().path().strip_prefix(&prefix).filter(|_| request.method() == Method::POST);
                let unknown = || Fault::new(Code::InvalidAction, "The path names no operation of CloudWatch.");
                let operation = operation.ok_or_else(unknown)?.to_owned();
                let parameters = match request.body().is_empty() {
                    true => Map::new(),
                    false => cbor_in(request.body())?,
                };
                Ok(Asked { operation, parameters })
            }
            Self::Json => {
                let operation = wire::json::operation(&request, &[&format!("{TARGET}.")]);
                let unknown = || Fault::new(Code::InvalidAction, "X-Amz-Target names no operation of CloudWatch.");
                let operation = operation.ok_or_else(unknown)?.to_owned();
                let parameters = match request.body().is_empty() {
                    true => Map::new(),
                    false => serde_json::from_slice(request.body())
                        .map_err(|error| Fault::validation(format!("The body is not a JSON object: {error}")))?,
                };
                Ok(Asked { operation, parameters })
            }
            Self::Query => {
                let params = Params::read(&request);
                let operation = params.get("Action").unwrap_or_default().to_owned();
                if operation.is_empty() {
                    return Err(Fault::new(Code::InvalidAction, "The request names no Action."));
                }
                Ok(Asked { operation, parameters: nested(&params)? })
            }
        }
    }

    /// The answer to an operation.
    pub(super) fn answer(self, operation: &str, out: &Out, request_id: &str) -> Response<Bytes> {
        match self {
            Self::Cbor => {
                let mut response = wire::response(200, "application/cbor", cbor_bytes(&cbor_out(out)));
                set_header(&mut response, "smithy-protocol", "rpc-v2-cbor");
                response
            }
            Self::Json => wire::response(200, wire::json::CONTENT_TYPE, json_out(out).to_string()),
            Self::Query => query::answer(NAMESPACE, operation, request_id, |xml| members(xml, out)),
        }
    }

    /// An error.
    pub(super) fn error(self, fault: &Fault, request_id: &str) -> Response<Bytes> {
        let (name, shape, status) = fault.code.names();
        self.refusal(status, name, shape, &fault.message, request_id)
    }

    /// An error by its name in the query protocol and its shape in the others.
    pub(super) fn refusal(
        self,
        status: u16,
        name: &str,
        shape: &str,
        message: &str,
        request_id: &str,
    ) -> Response<Bytes> {
        let full = format!("com.amazonaws.cloudwatch#{shape}");
        let mut response = match self {
            Self::Query => return query::error(NAMESPACE, status, name, message, request_id),
            Self::Cbor => {
                let text = |text: &str| Cbor::Text(text.to_owned());
                let body = Cbor::Map(vec![(text("__type"), text(&full)), (text("message"), text(message))]);
                let mut response = wire::response(status, "application/cbor", cbor_bytes(&body));
                set_header(&mut response, "smithy-protocol", "rpc-v2-cbor");
                response
            }
            Self::Json => {
                let body = serde_json::json!({ "__type": full, "message": message });
                wire::response(status, wire::json::CONTENT_TYPE, body.to_string())
            }
        };
        let fault = if status < 500 { "Sender" } else { "Receiver" };
        set_header(&mut response, "x-amzn-query-error", &format!("{name};{fault}"));
        response
    }
}

/// The request with its body as it was before it was packed: SDKs pack that of PutMetricData where it is large.
fn unpacked(request: Request<Bytes>) -> Result<Request<Bytes>, Fault> {
    let packed = match request.headers().get(CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
        None | Some(b"identity" | b"aws-chunked") => return Ok(request),
        Some(b"gzip") => request.body().clone(),
        Some(_) => return Err(Fault::validation("The body is packed otherwise than by gzip.")),
    };
    let mut body = Vec::new();
    let read = flate2::read::GzDecoder::new(packed.as_ref()).take(UNPACKED + 1).read_to_end(&mut body);
    read.map_err(|error| Fault::validation(format!("The body cannot be unpacked: {error}")))?;
    if body.len() as u64 > UNPACKED {
        return Err(Fault::new(
            Code::InvalidParameterValue,
            format!("The body has more than {UNPACKED} bytes when unpacked."),
        ));
    }
    let (parts, _) = request.into_parts();
    Ok(Request::from_parts(parts, body.into()))
}

fn cbor_in(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    let read = ciborium::de::from_reader_with_recursion_limit::<Cbor, _>(body, DEPTH);
    let value = read.map_err(|error| Fault::validation(format!("The body is not CBOR: {error}")))?;
    match from_cbor(value)? {
        Value::Object(map) => Ok(map),
        _ => Err(Fault::validation("The body is not a map.")),
    }
}

fn from_cbor(value: Cbor) -> Result<Value, Fault> {
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(truth) => truth.into(),
        Cbor::Integer(number) => match i64::try_from(number) {
            Ok(number) => number.into(),
            #[expect(clippy::cast_precision_loss, reason = "as a double it is what the operations take")]
            Err(_) => (i128::from(number) as f64).into(),
        },
        // JSON has no number for what is none.
        Cbor::Float(number) => {
            serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        Cbor::Text(text) => text.into(),
        // A time, in seconds.
        Cbor::Tag(1, time) => from_cbor(*time)?,
        Cbor::Array(items) => items.into_iter().map(from_cbor).collect::<Result<Vec<_>, _>>()?.into(),
        Cbor::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let Cbor::Text(key) = key else { return Err(Fault::validation("A key of a map is not a text.")) };
                map.insert(key, from_cbor(value)?);
            }
            map.into()
        }
        _ => return Err(Fault::validation("The body has a value of a kind that no parameter has.")),
    })
}

fn cbor_out(out: &Out) -> Cbor {
    match out {
        Out::Text(text) => Cbor::Text(text.clone()),
        Out::Number(number) => Cbor::Float(*number),
        Out::Integer(number) => Cbor::Integer((*number).into()),
        Out::Truth(truth) => Cbor::Bool(*truth),
        Out::Time(at) => Cbor::Tag(1, Box::new(Cbor::Float(at.seconds_f64()))),
        Out::List(items) => Cbor::Array(items.iter().map(cbor_out).collect()),
        Out::Map(members) => {
            let member = |(name, value): &(&'static str, Out)| (Cbor::Text((*name).to_owned()), cbor_out(value));
            Cbor::Map(members.iter().map(member).collect())
        }
        Out::Entries(entries) => {
            Cbor::Map(entries.iter().map(|(key, value)| (Cbor::Text(key.clone()), cbor_out(value))).collect())
        }
    }
}

fn cbor_bytes(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

fn json_out(out: &Out) -> Value {
    match out {
        Out::Text(text) => text.as_str().into(),
        Out::Number(number) => (*number).into(),
        Out::Integer(number) => (*number).into(),
        Out::Truth(truth) => (*truth).into(),
        Out::Time(at) => at.seconds_f64().into(),
        Out::List(items) => items.iter().map(json_out).collect(),
        Out::Map(members) => {
            members.iter().map(|(name, value)| ((*name).to_owned(), json_out(value))).collect::<Map<_, _>>().into()
        }
        Out::Entries(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), json_out(value))).collect::<Map<_, _>>().into()
        }
    }
}

fn members(xml: &mut Xml, out: &Out) {
    if let Out::Map(members) = out {
        for (name, value) in members {
            element(xml, name, value);
        }
    }
}

fn element(xml: &mut Xml, name: &str, out: &Out) {
    match out {
        Out::Text(text) => xml.text(name, text),
        Out::Number(number) => xml.text(name, &number.to_string()),
        Out::Integer(number) => xml.text(name, &number.to_string()),
        Out::Truth(truth) => xml.text(name, if *truth { "true" } else { "false" }),
        Out::Time(at) => xml.text(name, &at.to_string()),
        Out::List(items) => xml.nest(name, |xml| items.iter().for_each(|item| element(xml, "member", item))),
        Out::Map(_) => xml.nest(name, |xml| members(xml, out)),
        Out::Entries(entries) => xml.nest(name, |xml| {
            for (key, value) in entries {
                xml.nest("entry", |xml| {
                    xml.text("key", key);
                    element(xml, "value", value);
                });
            }
        }),
    };
}

/// The parameters of the query protocol as a tree: `A.member.1.B` is the `B` of the first in the list `A`.
fn nested(params: &Params) -> Result<Map<String, Value>, Fault> {
    let mut root = Value::Object(Map::new());
    for (name, value) in params.all() {
        if matches!(name, "Action" | "Version") {
            continue;
        }
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() > DEPTH * 2 {
            return Err(Fault::validation(format!("The parameter {name:.100} is nested too deeply.")));
        }
        place(&mut root, &parts, value);
    }
    let root = listed(root);
    match root {
        Value::Object(map) => Ok(map),
        _ => Err(Fault::validation("The request has a list where its parameters are to be.")),
    }
}

fn place(into: &mut Value, parts: &[&str], value: &str) {
    let Some((first, rest)) = parts.split_first() else {
        *into = value.into();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Value::Object(map) = into {
        place(map.entry((*first).to_owned()).or_insert(Value::Null), rest, value);
    }
}

/// Makes lists of what has nothing but `member`, in the order of its numbers.
fn listed(value: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    if map.len() == 1
        && let Some(items) = map.remove("member")
    {
        let Value::Object(items) = items else { return items };
        let mut items: Vec<(u32, Value)> =
            items.into_iter().filter_map(|(number, item)| Some((number.parse().ok()?, listed(item)))).collect();
        items.sort_by_key(|(number, _)| *number);
        return items.into_iter().map(|(_, item)| item).collect();
    }
    map.into_iter().map(|(name, value)| (name, listed(value))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_the_query_protocol_are_in_the_order_of_their_numbers() {
        let form = "Action=PutMetricData&Namespace=a.b&MetricData.member.10.Value=3&MetricData.member.2.Value=2\
                    &MetricData.member.2.Dimensions.member.1.Name=n&MetricData.member.2.Dimensions.member.1.Value=v";
        let asked = Protocol::Query.read(Request::new(Bytes::from(form))).unwrap();
        assert_eq!(asked.operation, "PutMetricData");
        let expected = json!({
            "Namespace": "a.b",
            "MetricData": [{"Value": "2", "Dimensions": [{"Name": "n", "Value": "v"}]}, {"Value": "3"}],
        });
        assert_eq!(Value::Object(asked.parameters), expected);
    }

    #[test]
    fn what_is_unpacked_is_bounded() {
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&vec![b' '; 2 * 1024 * 1024]).unwrap();
        let mut request = Request::new(Bytes::from(packed.finish().unwrap()));
        request.headers_mut().insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        let Err(fault) = Protocol::Query.read(request) else { panic!("a body of 2 MiB was taken") };
        assert_eq!(fault.message, "The body has more than 1048576 bytes when unpacked.");
    }
}
