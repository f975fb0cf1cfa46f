//! The cases under `cases/`: what is normal, what cannot be a behavior, what devices may report, how alarms go, which messages
//! count. A file has a `source`, and a list by its kind; one test per case. A report is tried in JSON and in CBOR.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../gateway/core/tests/cases/files.rs"]
mod files;

use behaviors::judge::{Reference, judge};
use behaviors::report::{Format, Report};
use behaviors::statistics::{Baseline, percentile, share};
use behaviors::validate::{Known, errors};
use behaviors::{Alarm, Behavior, Criteria, Kind, Measured, MetricValue, Operator, topics};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

type Check = fn(&Value) -> Result<(), Failed>;

const KINDS: &[(&str, Check)] =
    &[("judge", judged), ("validate", validated), ("reports", reported), ("alarms", alarmed), ("topics", counted)];

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 200, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (kind, cases) in content.as_object().unwrap().iter().filter(|(kind, _)| *kind != "source") {
        let (_, check) = *KINDS.iter().find(|(name, _)| name == kind).unwrap_or_else(|| panic!("{stem}: {kind}"));
        for case in cases.as_array().unwrap() {
            let (name, case) = (case["name"].as_str().unwrap(), case.clone());
            trials.push(Trial::test(format!("{stem}::{name}"), move || check(&case)));
        }
    }
    trials
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("found {found:?}, expected {expected:?}").into()) }
}

fn behavior(value: &Value) -> Behavior {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    Some(value.as_array()?.iter().map(|number| number.as_f64().unwrap()).collect())
}

fn judged(case: &Value) -> Result<(), Failed> {
    let behavior = behavior(&case["behavior"]);
    let measured = match (case["value"]["least"].as_i64(), case["value"]["most"].as_i64()) {
        (Some(least), Some(most)) => Measured::Between { least, most },
        _ => Measured::One(serde_json::from_value(case["value"].clone()).unwrap()),
    };
    let reference = match (numbers(&case["fleet"]), numbers(&case["learnt"])) {
        (Some(mut fleet), _) => {
            let statistic = behavior.criteria.clone().unwrap().statistical_threshold.unwrap().statistic.unwrap();
            percentile(&mut fleet, share(&statistic).unwrap()).map(Reference::Percentile)
        }
        (None, Some(mut learnt)) => Baseline::learn(&mut learnt).map(Reference::Learnt),
        (None, None) => None,
    };
    let found = judge(&behavior, &measured, reference);
    same(&found.as_ref().map(|found| found.normal), &case["normal"].as_bool())?;
    match case.get("deciding") {
        Some(value) => same(&json!(found.unwrap().value), value),
        None => Ok(()),
    }
}

struct Some3;

impl Known for Some3 {
    fn custom_metric(&self, name: &str) -> Option<Kind> {
        match name {
            "battery" => Some(Kind::Number),
            "users" => Some(Kind::Strings),
            _ => None,
        }
    }

    fn has_dimension(&self, name: &str) -> bool {
        name == "auth"
    }
}

fn validated(case: &Value) -> Result<(), Failed> {
    let behaviors: Vec<Behavior> = serde_json::from_value(case["behaviors"].clone()).unwrap();
    same(&json!(errors(&behaviors, &Some3)), &case["errors"])?;
    // What is read is written again as it was.
    same(&json!(behaviors)[0]["name"], &case["behaviors"][0]["name"])
}

fn reported(case: &Value) -> Result<(), Failed> {
    let json = serde_json::to_vec(&case["report"]).unwrap();
    let mut cbor = Vec::new();
    ciborium::into_writer(&case["report"], &mut cbor).unwrap();
    for (format, payload) in [(Format::Json, json), (Format::Cbor, cbor)] {
        match (Report::read(format, &payload), case["malformed"].as_str()) {
            (Ok(report), None) => {
                same(&json!(report.id), &case["id"])?;
                let mut all: Vec<(String, MetricValue)> =
                    report.metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                all.extend(report.custom);
                let all: serde_json::Map<String, Value> =
                    all.into_iter().map(|(name, value)| (name, json!(value))).collect();
                same(&Value::Object(all), &case["is"])?;
            }
            (Err(malformed), Some(why)) => {
                same(&json!(malformed.id), &case["id"])?;
                if !malformed.why.contains(why) {
                    return Err(format!("{format:?}: {}", malformed.why).into());
                }
            }
            (found, _) => return Err(format!("{format:?}: {found:?}").into()),
        }
        // Whatever is cut off is not a report, either.
        for end in 0..payload.len().min(64) {
            if Report::read(format, &payload[..end]).is_ok() {
                return Err(format!("{format:?}: the first {end} bytes are taken").into());
            }
        }
        let mut more = payload.clone();
        more.push(b'1');
        if Report::read(format, &more).is_ok() {
            return Err(format!("{format:?}: what follows a report is taken").into());
        }
    }
    Ok(())
}

fn alarmed(case: &Value) -> Result<(), Failed> {
    let count = |name: &str| case[name].as_i64().and_then(|count| i32::try_from(count).ok());
    let criteria = Criteria {
        consecutive_datapoints_to_alarm: count("alarm"),
        consecutive_datapoints_to_clear: count("clear"),
        ..Criteria::default()
    };
    let mut alarm = Alarm::default();
    for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        let step = step.as_str().unwrap();
        let (what, expected) = step.split_once(' ').map_or((step, None), |(what, to)| (what, Some(to)));
        let found = match what {
            "gone" => alarm.invalidate(),
            _ => alarm.step(what == "good", &criteria),
        };
        if found.map(behaviors::Transition::as_str) != expected {
            return Err(format!("step {}: {found:?}, not {expected:?}", at + 1).into());
        }
    }
    Ok(())
}

fn counted(case: &Value) -> Result<(), Failed> {
    let filters: Vec<String> = serde_json::from_value(case["filters"].clone()).unwrap();
    let operator: Operator = serde_json::from_value(case["operator"].clone()).unwrap();
    same(&filters.iter().all(|filter| topics::is_filter(filter)), &true)?;
    let filters: Vec<String> = filters.iter().map(|filter| topics::filled(filter, "lamp")).collect();
    same(&Some(topics::counts(&filters, Some(operator), case["topic"].as_str().unwrap())), &case["counts"].as_bool())
}
