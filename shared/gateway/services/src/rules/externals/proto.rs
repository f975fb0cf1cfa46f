//! `decode(data, 'proto', bucket, key, protoName, messageType)`: a protobuf message by the descriptors of an S3 object
//! ("Decoding protobuf message payloads" in the guide), as `protoc --include_imports --descriptor_set_out` writes them.
//!
//! The result is the message in protobuf's own JSON mapping: names in lowerCamelCase, 64-bit numbers and bytes as texts, fields
//! that have their default left out.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use drydock_cloud::Cloud;
use drydock_rules::value::json;
use drydock_rules::{ExternalCall, Value};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

/// The most bytes of descriptors, and of a payload and its result ("Limitations").
const DESCRIPTORS: u64 = 32 * 1024;
const PAYLOAD: usize = 128 * 1024;

pub(super) async fn decode(cloud: &Cloud, call: &ExternalCall) -> Result<Value, String> {
    let data = match call.arguments.first() {
        Some(Value::Raw(bytes)) => bytes.to_vec(),
        Some(Value::String(text)) => {
            BASE64_STANDARD.decode(text).map_err(|error| format!("the data is not base64: {error}"))?
        }
        other => {
            let kind = other.map_or("Undefined", Value::type_name);
            return Err(format!("the data is {kind}: pass `*` of a binary payload, or a base64 text"));
        }
    };
    if data.len() > PAYLOAD {
        return Err(format!("the message has {} bytes, at most {PAYLOAD} are decoded", data.len()));
    }
    let (bucket, key) = (call.text(1), call.text(2));
    let descriptors = cloud.s3().get(&bucket, &key, DESCRIPTORS).await.map_err(|error| error.to_string())?;
    let descriptors = descriptors.ok_or_else(|| format!("there is no object `{key}` in the bucket `{bucket}`"))?;
    let pool =
        DescriptorPool::decode(descriptors).map_err(|error| format!("`{key}` is not a FileDescriptorSet: {error}"))?;
    let kind = find(&pool, &call.text(3), &call.text(4))?;
    let name = kind.full_name().to_owned();
    let message = DynamicMessage::decode(kind, data.as_slice())
        .map_err(|error| format!("the data is not a `{name}`: {error}"))?;
    let text = serde_json::to_vec(&message).map_err(|error| format!("`{name}` has no JSON form: {error}"))?;
    if text.len() > PAYLOAD {
        return Err(format!("the decoded `{name}` has {} bytes, at most {PAYLOAD} are taken", text.len()));
    }
    json::parse(&text).map_err(|error| error.to_string())
}

/// A message of a file: by its name there, or with its package; the file with its extension or without it.
fn find(pool: &DescriptorPool, file: &str, name: &str) -> Result<MessageDescriptor, String> {
    let found = pool.files().find(|known| known.name() == file || known.name().strip_suffix(".proto") == Some(file));
    let Some(found) = found else {
        let known: Vec<_> = pool.files().map(|known| format!("`{}`", known.name())).collect();
        return Err(format!("the descriptors have no file `{file}`; they have {}", known.join(", ")));
    };
    let full =
        if found.package_name().is_empty() { name.to_owned() } else { format!("{}.{name}", found.package_name()) };
    let by_name = |name: &str| pool.get_message_by_name(name).filter(|message| message.parent_file() == found);
    by_name(&full).or_else(|| by_name(name)).ok_or_else(|| {
        let known: Vec<_> = found.messages().map(|message| format!("`{}`", message.name())).collect();
        format!("`{}` has no message `{name}`; it has {}", found.name(), known.join(", "))
    })
}
