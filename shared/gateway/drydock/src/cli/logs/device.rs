//! Which events are about a device: those that name it or one of its certificates, and of functions the lines of Lambda's own around
//! them, so that one sees which invocation it was and how it ended.

use super::event::Event;
use crate::client::{Api, CallError};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeSet;

/// How many certificates are looked for: as many as a filter pattern has room for.
const CERTIFICATES: usize = 10;

/// How a device is called in logs.
pub(super) struct Device {
    /// Its name, and the ids of its certificates.
    names: Vec<String>,
}

impl Device {
    /// Asks the registry for the certificates of a thing; one that is not there may be in logs by its name.
    pub(super) async fn ask(api: &Api, thing: &str) -> Result<Self, CallError> {
        let path = format!("/things/{}/principals", utf8_percent_encode(thing, NON_ALPHANUMERIC));
        let mut names = vec![thing.to_owned()];
        match api.iot("ListThingPrincipals", Method::GET, &path, &[], &Value::Null).await {
            Ok(answer) => {
                let arns = answer.get("principals").and_then(Value::as_array).into_iter().flatten();
                let ids = arns.filter_map(|arn| arn.as_str()?.split_once(":cert/").map(|(_, id)| id.to_owned()));
                names.extend(ids.take(CERTIFICATES));
            }
            Err(CallError::Refused { code, .. }) if code == "ResourceNotFoundException" => {}
            Err(error) => return Err(error),
        }
        Ok(Self { names })
    }

    /// A filter pattern that finds all that may be about it.
    pub(super) fn pattern(&self) -> String {
        let each = self.names.iter().map(|name| format!("?\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")));
        each.collect::<Vec<_>>().join(" ")
    }

    /// Whether a message names it: as a whole word, so that `dock-1` is not `dock-10`.
    pub(super) fn is_named(&self, message: &str) -> bool {
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
        self.names.iter().any(|name| {
            message.match_indices(name.as_str()).any(|(at, found)| {
                let (before, behind) = (message.get(..at), message.get(at + found.len()..));
                !part(before.and_then(|text| text.chars().next_back()))
                    && !part(behind.and_then(|text| text.chars().next()))
            })
        })
    }
}

/// The request that a line of Lambda's own is of: `START RequestId: ID Version: …`.
fn request(message: &str) -> Option<&str> {
    let (kind, rest) = message.split_once(" RequestId: ")?;
    let id = rest.split([' ', '\t', '\n']).next()?;
    matches!(kind, "START" | "END" | "REPORT").then_some(id)
}

/// Of the lines of one function's environment, in their order, Lambda's own of those invocations in which one of `found` is.
pub(super) fn around(stream: Vec<Event>, found: &BTreeSet<String>) -> Vec<Event> {
    let mut wanted = BTreeSet::new();
    let mut running: Option<String> = None;
    for event in &stream {
        match request(&event.message) {
            Some(id) if event.message.starts_with("START") => running = Some(id.to_owned()),
            Some(_) if event.message.starts_with("REPORT") => running = None,
            _ if found.contains(&event.id) => wanted.extend(running.clone()),
            _ => {}
        }
    }
    let is_wanted = |event: &Event| request(&event.message).is_some_and(|id| wanted.contains(id));
    stream.into_iter().filter(is_wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_as_a_whole_word() {
        let device = Device { names: vec!["dock-1".to_owned(), "abc".to_owned()] };
        for named in ["dock-1", "$aws/things/dock-1/shadow", r#"{"clientId":"dock-1"}"#, "cert abc!", "dock-10 dock-1"]
        {
            assert!(device.is_named(named), "{named}");
        }
        for other in ["dock-10", "my-dock-1", "dock-1_a", "xabc", "dock"] {
            assert!(!device.is_named(other), "{other}");
        }
        assert_eq!(device.pattern(), r#"?"dock-1" ?"abc""#);
    }

    #[test]
    fn an_invocation_is_around_what_it_wrote() {
        let event = |id: &str, message: &str| Event {
            at: 0,
            id: id.to_owned(),
            group: String::new(),
            stream: String::new(),
            message: message.to_owned(),
        };
        let stream = vec![
            event("1", "START RequestId: a Version: $LATEST"),
            event("2", "other"),
            event("3", "END RequestId: a"),
            event("4", "REPORT RequestId: a\tDuration: 1 ms"),
            event("5", "START RequestId: b Version: $LATEST"),
            event("6", "dock-1"),
            event("7", "END RequestId: b"),
            event("8", "REPORT RequestId: b\tDuration: 1 ms"),
        ];
        let ids: Vec<String> = around(stream, &BTreeSet::from(["6".to_owned()])).into_iter().map(|e| e.id).collect();
        assert_eq!(ids, ["5", "7", "8"]);
    }
}
