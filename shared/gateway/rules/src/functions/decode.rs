//! `decode(value, decodingScheme)`.

use super::{Body, Call, Function, example, example_on, optional, required};
use crate::externals::External;
use crate::sql::SqlVersion;
use crate::value::Value;
use crate::eval::Interrupt;
use crate::externals::ExternalCall;
use crate::sql::ast::{Expr, Kind};
use crate::value::json;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) static FUNCTION: Function = Function {
    name: "decode",
    since: SqlVersion::V2016,
    summary: "Decodes base64: a JSON document becomes its value, anything else a text, what is not base64 `Null`. With the scheme `proto`, decodes a protobuf message by a descriptor in S3.",
    parameters: &[required("value", "String"), required("scheme", "String"), optional("bucket", "String"), optional("key", "String"), optional("protoName", "String"), optional("messageType", "String")],
    returns: "Any",
    examples: &[
        example_on(r#"{"encoded_temp":"eyAidGVtcGVyYXR1cmUiOiAzMyB9Cg=="}"#, r#"decode(encoded_temp, 'base64').temperature"#, r#"33"#),
        example(r#"decode('aGVsbG8=', 'base64')"#, r#""hello""#),
        example("decode('%', 'base64')", "null"),
        example("decode('/w==', 'base64')", "null"),
        example_on(r#"80"#, r#"decode(encode(*, 'base64'), 'base64')"#, r#"80"#),
        example("decode(missing, 'base64')", ""),
        example("decode('aGk=', 'hex')", ""),
    ],
    body: Body::Decode,
};

/// What a call asks outside for: the scheme is a literal text.
pub(super) fn reaches(arguments: &[Expr]) -> Option<External> {
    match arguments.get(1).map(|scheme| &scheme.kind) {
        Some(Kind::String(scheme)) if scheme == "proto" => Some(External::DecodeProto),
        _ => None,
    }
}

pub(super) fn evaluate(call: &Call<'_>) -> Result<Value, Interrupt> {
    let scheme = call.text(1).unwrap_or_default();
    match (scheme.as_str(), call.arguments) {
        ("base64", [Value::String(text), _]) => Ok(from_base64(text, call)),
        ("proto", [data, _, place @ ..]) if place.len() == 4 => {
            let arguments = std::iter::once(data).chain(place).cloned().collect();
            call.context.ask(ExternalCall { function: External::DecodeProto, arguments })
        }
        _ => Ok(Value::Undefined),
    }
}

fn from_base64(text: &str, call: &Call<'_>) -> Value {
    let Ok(bytes) = ENGINE.decode(text) else { return Value::Null };
    match json::parse_for(call.context.version, &bytes) {
        Ok(value) => value,
        Err(_) => String::from_utf8(bytes).map_or(Value::Null, Value::from),
    }
}
