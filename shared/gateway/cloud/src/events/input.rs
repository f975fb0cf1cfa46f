//! What a target gets of an event: all of it, a part, a text of its own, or a template that is filled in.
//!
//! Follows "Amazon EventBridge input transformation" of the user guide.

use crate::scheduler::whole_seconds;
use drydock_core::Timestamp;
use serde_json::{Map, Value};

/// What a target gets of an event.
pub(super) fn of(target: &Map<String, Value>, event: &Value, arn: &str, rule: &str, now: Timestamp) -> String {
    if let Some(input) = target.get("Input").and_then(Value::as_str) {
        return input.to_owned();
    }
    if let Some(path) = target.get("InputPath").and_then(Value::as_str) {
        return at(event, path).map_or_else(|| "{}".to_owned(), ToString::to_string);
    }
    let Some(transformer) = target.get("InputTransformer") else { return event.to_string() };
    let template = transformer.get("InputTemplate").and_then(Value::as_str).unwrap_or_default();
    let mut values: Vec<(String, Value)> = vec![
        ("aws.events.rule-arn".to_owned(), arn.into()),
        ("aws.events.rule-name".to_owned(), rule.into()),
        ("aws.events.event.ingestion-time".to_owned(), whole_seconds(now).into()),
        ("aws.events.event.json".to_owned(), event.clone()),
        ("aws.events.event".to_owned(), event.clone()),
    ];
    for (name, path) in transformer.get("InputPathsMap").and_then(Value::as_object).into_iter().flatten() {
        // What the event does not have is left empty.
        let found = path.as_str().and_then(|path| at(event, path)).cloned().unwrap_or_else(|| "".into());
        values.push((name.clone(), found));
    }
    filled(template, &values)
}

/// A template with its variables, `<name>`, filled in: within a text as they are, elsewhere as JSON.
fn filled(template: &str, values: &[(String, Value)]) -> String {
    let (mut out, mut rest, mut quoted) = (String::new(), template, false);
    while let Some(next) = rest.chars().next() {
        let found = rest.strip_prefix('<').and_then(|after| {
            let (name, behind) = after.split_once('>')?;
            let (_, value) = values.iter().find(|(known, _)| known == name)?;
            Some((value, behind))
        });
        if let Some((value, behind)) = found {
            let json = value.to_string();
            match value {
                Value::String(_) if quoted => {
                    out.push_str(json.trim_start_matches('"').strip_suffix('"').unwrap_or_default())
                }
                _ if quoted => out.push_str(&json.replace('\\', "\\\\").replace('"', "\\\"")),
                _ => out.push_str(&json),
            }
            rest = behind;
            continue;
        }
        quoted ^= next == '"' && !out.ends_with('\\');
        out.push(next);
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    out
}

/// A path such as `$.detail.items[0].name`, taken apart; `None` where it is not one.
pub(super) fn steps(path: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    for level in path.strip_prefix('$')?.split('.').skip(1) {
        let (name, mut indexes) = level.split_once('[').map_or((level, None), |(name, rest)| (name, Some(rest)));
        if name.is_empty() {
            return None;
        }
        steps.push(name.to_owned());
        while let Some(rest) = indexes {
            let (index, behind) = rest.split_once(']')?;
            index.parse::<usize>().ok()?;
            steps.push(index.to_owned());
            indexes = match behind {
                "" => None,
                behind => Some(behind.strip_prefix('[')?),
            };
        }
    }
    (path == "$" || path.starts_with("$.")).then_some(steps)
}

fn at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    steps(path)?.iter().try_fold(event, |value, step| match value {
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of_target(target: Value) -> String {
        let event = json!({ "source": "shop", "detail": { "name": "a \"b\"", "count": 3, "items": [{ "id": "x" }] } });
        of(target.as_object().unwrap(), &event, "arn:rule", "r", Timestamp(0))
    }

    /// The forms of "Amazon EventBridge input transformation".
    #[test]
    fn a_target_gets_what_it_says() {
        assert_eq!(of_target(json!({ "Input": "{}" })), "{}");
        assert_eq!(of_target(json!({ "InputPath": "$.detail.items[0]" })), r#"{"id":"x"}"#);
        let transformed = |template: &str| {
            let paths =
                json!({ "n": "$.detail.name", "c": "$.detail.count", "i": "$.detail.items", "none": "$.detail.none" });
            of_target(json!({ "InputTransformer": { "InputPathsMap": paths, "InputTemplate": template } }))
        };
        assert_eq!(transformed(r#"{"n": <n>, "c": <c>, "i": <i>}"#), r#"{"n": "a \"b\"", "c": 3, "i": [{"id":"x"}]}"#);
        assert_eq!(transformed(r#""<c> of <n> by <aws.events.rule-name>, <none>""#), r#""3 of a \"b\" by r, ""#);
        assert_eq!(
            transformed(r#"{"s": "<i>", "left": "<unknown>"}"#),
            r#"{"s": "[{\"id\":\"x\"}]", "left": "<unknown>"}"#
        );
    }

    #[test]
    fn paths_are_read_or_refused() {
        assert_eq!(steps("$"), Some(vec![]));
        assert_eq!(steps("$.a[1][2].b"), Some(["a", "1", "2", "b"].map(str::to_owned).to_vec()));
        for wrong in ["", "a", "$a", "$.", "$..a", "$.a[x]", "$.a[1]b", "$['a']"] {
            assert_eq!(steps(wrong), None, "{wrong}");
        }
    }
}
