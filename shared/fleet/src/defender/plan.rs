//! What is to be done about findings and violations: rows that people write into the table of response plans.
//!
//! | attribute | meaning |
//! |---|---|
//! | `about` | the key: `check#NAME` or `check` (all others); `behavior#PROFILE#NAME`, `behavior#PROFILE` or `behavior` |
//! | `respond` | `nothing`, `notify`, `mitigate` and `suppress` (checks), `quarantine` (behaviors), or `remedy` |
//! | `actions` | with `mitigate`: names of mitigation actions, 1 to 5, separated by commas |
//! | `percent` | with `mitigate` and `remedy` of a check: so many in a hundred of the fleet's things at most, with those that earlier checks of the audit took; 5 if not given |
//! | `days` | with `suppress`: for how long, 1 to 365; 30 if not given |
//! | `remedy` | with `remedy`, and beside `quarantine`: `{"name": "reboot", "parameters": {…}}` as a release has it |
//!
//! Where no row applies, people are told.

use super::audit::MOST_ACTIONS;
use crate::conditional::Item;
use crate::release::definition::Remedy;
use serde::{Deserialize, Serialize};

/// The key of a plan's row.
pub const ABOUT: &str = "about";
/// The share of the fleet that an audit may change by itself, in hundredths, where a row does not say.
const PERCENT: i64 = 5;
/// How long findings are suppressed, in days, where a row does not say.
const DAYS: i64 = 30;

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "respond", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Respond {
    /// Nothing: it is kept, and that is all.
    Nothing,
    /// People are told.
    #[default]
    Notify,
    /// Mitigation actions are applied to what was found.
    Mitigate {
        /// Their names.
        actions: Vec<String>,
        /// So many in a hundred of the fleet's things at most.
        percent: u8,
    },
    /// What was found is to be found no more for a while.
    Suppress {
        /// For how long.
        days: u16,
    },
    /// The devices are to do something.
    Remedy {
        /// What.
        remedy: Remedy,
        /// So many in a hundred of the fleet's things at most.
        percent: u8,
    },
    /// The device comes into quarantine.
    Quarantine {
        /// What it is to do there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remedy: Option<Remedy>,
    },
}

impl Respond {
    /// The word that people write.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Notify => "notify",
            Self::Mitigate { .. } => "mitigate",
            Self::Suppress { .. } => "suppress",
            Self::Remedy { .. } => "remedy",
            Self::Quarantine { .. } => "quarantine",
        }
    }
}

/// What is to be done, and what is wrong with the row that says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What.
    pub respond: Respond,
    /// Why a row could not be followed: people are told instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

/// What a plan is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// A check of audits.
    Check(&'a str),
    /// A behavior of a security profile: the profile, the behavior.
    Behavior(&'a str, &'a str),
}

impl About<'_> {
    /// The keys of the rows that apply, the nearest first.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        match self {
            Self::Check(name) => vec![format!("check#{name}"), "check".to_owned()],
            Self::Behavior(profile, name) => {
                vec![format!("behavior#{profile}#{name}"), format!("behavior#{profile}"), "behavior".to_owned()]
            }
        }
    }

    /// Reads a row.
    #[must_use]
    pub fn read(&self, row: &Item) -> Plan {
        match self.respond(row) {
            Ok(respond) => Plan { respond, wrong: None },
            Err(why) => {
                let about = row.text(ABOUT).unwrap_or_default();
                Plan { respond: Respond::Notify, wrong: Some(format!("the response plan `{about}`: {why}")) }
            }
        }
    }

    fn respond(&self, row: &Item) -> Result<Respond, String> {
        let is_check = matches!(self, Self::Check(_));
        let respond = row.text("respond").ok_or("`respond` is not given")?;
        match respond {
            "nothing" => Ok(Respond::Nothing),
            "notify" => Ok(Respond::Notify),
            "mitigate" if is_check => Ok(Respond::Mitigate { actions: actions(row)?, percent: percent(row)? }),
            "suppress" if is_check => {
                let days = row.number("days").unwrap_or(DAYS);
                let days = u16::try_from(days).ok().filter(|days| (1..=365).contains(days));
                Ok(Respond::Suppress { days: days.ok_or("`days` is 1 to 365")? })
            }
            "remedy" => {
                let remedy = remedy(row)?.ok_or("`remedy` is not given")?;
                Ok(Respond::Remedy { remedy, percent: percent(row)? })
            }
            "quarantine" if !is_check => Ok(Respond::Quarantine { remedy: remedy(row)? }),
            _ if is_check => Err("`respond` is one of nothing, notify, mitigate, suppress and remedy".to_owned()),
            _ => Err("`respond` is one of nothing, notify, quarantine and remedy".to_owned()),
        }
    }
}

fn actions(row: &Item) -> Result<Vec<String>, String> {
    let names = row.text("actions").unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if !(1..=MOST_ACTIONS).contains(&names.len()) {
        return Err(format!("`actions` names 1 to {MOST_ACTIONS} mitigation actions"));
    }
    let valid = |name: &String| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) && name.len() <= 128
    };
    match names.iter().find(|name| !valid(name)) {
        Some(name) => Err(format!("`{name}` is not a valid name of a mitigation action")),
        None => Ok(names),
    }
}

fn percent(row: &Item) -> Result<u8, String> {
    let percent = row.number("percent").unwrap_or(PERCENT);
    let percent = u8::try_from(percent).ok().filter(|percent| (1..=100).contains(percent));
    percent.ok_or_else(|| "`percent` is 1 to 100".to_owned())
}

fn remedy(row: &Item) -> Result<Option<Remedy>, String> {
    if !row.0.contains_key("remedy") {
        return Ok(None);
    }
    let remedy = row.document("remedy").ok_or("`remedy` is not a map")?;
    let remedy = serde_json::from_value(serde_json::Value::Object(remedy.clone()));
    remedy.map(Some).map_err(|error| format!("`remedy`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditional::Value;
    use serde_json::json;

    fn row(attributes: serde_json::Value) -> Item {
        let attributes = attributes.as_object().unwrap().clone();
        Item(
            attributes
                .into_iter()
                .map(|(name, value)| {
                    let value = match value {
                        serde_json::Value::String(text) => Value::Text(text),
                        serde_json::Value::Number(number) => Value::Number(number.as_i64().unwrap()),
                        other => Value::Document(other),
                    };
                    (name, value)
                })
                .collect(),
        )
    }

    #[test]
    fn a_row_says_what_is_done() {
        let (check, behavior) = (About::Check("C"), About::Behavior("p", "b"));
        for (about, attributes, expected) in [
            (check, json!({"respond": "nothing"}), Respond::Nothing),
            (behavior, json!({"respond": "notify"}), Respond::Notify),
            (
                check,
                json!({"respond": "mitigate", "actions": "a, b", "percent": 10}),
                Respond::Mitigate { actions: vec!["a".into(), "b".into()], percent: 10 },
            ),
            (
                check,
                json!({"respond": "mitigate", "actions": "a"}),
                Respond::Mitigate { actions: vec!["a".into()], percent: 5 },
            ),
            (check, json!({"respond": "suppress"}), Respond::Suppress { days: 30 }),
            (behavior, json!({"respond": "quarantine"}), Respond::Quarantine { remedy: None }),
        ] {
            assert_eq!(about.read(&row(attributes.clone())), Plan { respond: expected, wrong: None }, "{attributes}");
        }
        let remedy = behavior.read(&row(json!({"respond": "quarantine", "remedy": {"name": "reboot"}})));
        assert!(matches!(remedy.respond, Respond::Quarantine { remedy: Some(_) }), "{remedy:?}");
    }

    #[test]
    fn a_row_that_cannot_be_followed_has_people_told() {
        let (check, behavior) = (About::Check("C"), About::Behavior("p", "b"));
        for (about, attributes, wrong) in [
            (check, json!({}), "`respond` is not given"),
            (check, json!({"respond": "quarantine"}), "nothing, notify, mitigate"),
            (behavior, json!({"respond": "mitigate", "actions": "a"}), "nothing, notify, quarantine"),
            (check, json!({"respond": "mitigate"}), "1 to 5"),
            (check, json!({"respond": "mitigate", "actions": "a b"}), "`a b` is not a valid name"),
            (check, json!({"respond": "mitigate", "actions": "a", "percent": 101}), "1 to 100"),
            (check, json!({"respond": "suppress", "days": 0}), "1 to 365"),
            (behavior, json!({"respond": "remedy"}), "`remedy` is not given"),
            (behavior, json!({"respond": "remedy", "remedy": {"name": "dance"}}), "dance"),
            (behavior, json!({"respond": "quarantine", "remedy": "reboot"}), "not a map"),
        ] {
            let plan = about.read(&row(attributes.clone()));
            assert_eq!(plan.respond, Respond::Notify, "{attributes}");
            assert!(plan.wrong.as_ref().is_some_and(|why| why.contains(wrong)), "{attributes}: {plan:?}");
        }
    }

    #[test]
    fn the_nearest_row_comes_first() {
        assert_eq!(About::Check("C").keys(), ["check#C", "check"]);
        assert_eq!(About::Behavior("p", "b").keys(), ["behavior#p#b", "behavior#p", "behavior"]);
    }
}
