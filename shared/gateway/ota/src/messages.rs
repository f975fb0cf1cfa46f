//! What a device is told, in the format that it asked in.
//!
//! Source: "Using AWS IoT MQTT-based file delivery in devices" of the developer guide.

use crate::book::Ota;
use crate::request::{Format, Refusal, Refused};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciborium::Value as Cbor;

/// An answer as it is built: names and values in the order of the guide's samples.
#[derive(Debug, Default)]
struct Answer(Vec<(Cbor, Cbor)>);

impl Answer {
    /// With the client token, where there is one.
    fn new(token: Option<&str>) -> Self {
        Self::default().with_some("c", token)
    }

    fn with(mut self, name: &str, value: impl Into<Cbor>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    fn with_some(self, name: &str, value: Option<impl Into<Cbor>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn write(self, format: Format) -> Vec<u8> {
        let mut bytes = Vec::new();
        let value = Cbor::Map(self.0);
        // Writing plain values to memory does not fail.
        match format {
            Format::Cbor => drop(ciborium::into_writer(&value, &mut bytes)),
            Format::Json => drop(serde_json::to_writer(&mut bytes, &of_cbor(value))),
        }
        bytes
    }
}

/// The same in JSON: bytes are in base64.
fn of_cbor(value: Cbor) -> serde_json::Value {
    match value {
        Cbor::Integer(number) => i64::try_from(number).unwrap_or_default().into(),
        Cbor::Text(text) => text.into(),
        Cbor::Bytes(bytes) => STANDARD.encode(bytes).into(),
        Cbor::Array(items) => items.into_iter().map(of_cbor).collect(),
        Cbor::Map(members) => {
            let members =
                members.into_iter().filter_map(|(name, value)| Some((name.into_text().ok()?, of_cbor(value))));
            serde_json::Value::Object(members.collect())
        }
        _ => serde_json::Value::Null,
    }
}

/// A block of a file.
#[must_use]
pub fn block(format: Format, token: Option<&str>, file: i32, block: u64, bytes: Vec<u8>) -> Vec<u8> {
    let length = u64::try_from(bytes.len()).unwrap_or_default();
    Answer::new(token).with("f", file).with("l", length).with("i", block).with("p", Cbor::Bytes(bytes)).write(format)
}

/// A request that was refused.
#[must_use]
pub fn rejected(format: Format, token: Option<&str>, refused: &Refused) -> Vec<u8> {
    Answer::default()
        .with("o", refused.refusal.as_str())
        .with("m", refused.message.as_str())
        .with_some("c", token)
        .write(format)
}

impl Ota {
    /// "DescribeStream": its version, its description and its files.
    ///
    /// # Errors
    /// `ResourceNotFound`.
    pub fn description(&self, stream: &str, format: Format, token: Option<&str>) -> Result<Vec<u8>, Refused> {
        let row = self
            .streams
            .get(stream)
            .ok_or_else(|| Refused::new(Refusal::ResourceNotFound, format!("there is no stream `{stream}`")))?;
        let file = |file: &crate::streams::FileRow| {
            Cbor::Map(vec![("f".into(), file.id.into()), ("z".into(), file.size.into())])
        };
        let files = Cbor::Array(row.files.iter().map(file).collect());
        let answer = Answer::new(token).with("s", row.version).with_some("d", row.description.as_deref());
        Ok(answer.with("r", files).write(format))
    }
}
