//! Strips a service model to what has meaning on the wire. Every trait is either kept, known and dropped, or an error:
//! a trait that AWS adds later must not be lost silently.

use serde_json::{Map, Value};

/// Traits kept as they are, at any level of a shape or of a member.
const KEPT: [&str; 25] = [
    "type",
    "members",
    "member",
    "key",
    "value",
    "required",
    "shape",
    "location",
    "locationName",
    "streaming",
    "payload",
    "min",
    "max",
    "pattern",
    "enum",
    "jsonvalue",
    "timestampFormat",
    "error",
    "exception",
    "union",
    "document",
    "eventstream",
    "sensitive",
    "idempotencyToken",
    "box",
];

/// Traits that change nothing on the wire.
const DROPPED: [&str; 6] =
    ["documentation", "deprecated", "deprecatedMessage", "deprecatedSince", "fault", "retryable"];

/// The stripped model as text, with where it is from: one line per operation and shape, sorted, so that a new version
/// reads well as a diff.
pub(super) fn strip(model: &Value, source: &str) -> Result<String, String> {
    let mut out = format!("{{\n\"source\": \"{source}\",\n");
    let metadata = pick(&model["metadata"], &["endpointPrefix", "signingName", "protocol", "apiVersion", "serviceId"]);
    out.push_str(&format!("\"metadata\": {metadata},\n"));
    let operations = object(&model["operations"], "operations")?
        .iter()
        .map(|(name, operation)| {
            let mut kept = pick(operation, &["http", "input", "output"]);
            if let (Some(errors), Value::Object(kept)) = (operation["errors"].as_array(), &mut kept) {
                let names = errors.iter().map(|error| error["shape"].clone()).collect();
                kept.insert("errors".to_owned(), Value::Array(names));
            }
            let inner = [("input", &operation["input"]), ("output", &operation["output"])];
            for (what, reference) in inner {
                let foreign = reference
                    .as_object()
                    .into_iter()
                    .flatten()
                    .find(|(key, _)| *key != "shape" && *key != "documentation");
                if let Some((key, _)) = foreign {
                    return Err(format!("{name}: unknown trait `{key}` of its {what}"));
                }
            }
            Ok((name.clone(), kept))
        })
        .collect::<Result<Vec<_>, String>>()?;
    section(&mut out, "operations", operations, ",");
    let shapes = object(&model["shapes"], "shapes")?
        .iter()
        .map(|(name, shape)| Ok((name.clone(), traits(shape).map_err(|why| format!("{name}: {why}"))?)))
        .collect::<Result<Vec<_>, String>>()?;
    section(&mut out, "shapes", shapes, "");
    out.push_str("}\n");
    Ok(out)
}

fn section(out: &mut String, title: &str, mut entries: Vec<(String, Value)>, end: &str) {
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    let lines: Vec<String> = entries.iter().map(|(name, value)| format!("  \"{name}\": {value}")).collect();
    out.push_str(&format!("\"{title}\": {{\n{}\n}}{end}\n", lines.join(",\n")));
}

/// A shape's or a member's known traits.
fn traits(shape: &Value) -> Result<Value, String> {
    let mut kept = Map::new();
    for (key, value) in object(shape, "a shape")? {
        match key.as_str() {
            "members" => {
                let members = object(value, "members")?
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), traits(member)?)))
                    .collect::<Result<Map<_, _>, String>>()?;
                kept.insert(key.clone(), Value::Object(members));
            }
            "member" | "key" | "value" => {
                kept.insert(key.clone(), traits(value)?);
            }
            known if KEPT.contains(&known) => {
                kept.insert(key.clone(), value.clone());
            }
            known if DROPPED.contains(&known) => {}
            unknown => return Err(format!("unknown trait `{unknown}`")),
        }
    }
    Ok(Value::Object(kept))
}

fn pick(value: &Value, keys: &[&str]) -> Value {
    let kept = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone()))).collect();
    without_documentation(Value::Object(kept))
}

fn without_documentation(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(key, _)| key != "documentation")
            .map(|(key, value)| (key, without_documentation(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{what} is not an object"))
}
