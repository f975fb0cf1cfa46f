//! Cases of the rulebook, step by step. A case has a `name`, optionally a `source` of its own, optionally `enabled`, the checks that the
//! account has from the beginning, and `steps`. A step has `do`, optionally `after`, the seconds that pass before it, and is one of:
//! - an operation of the API, such as `StartOnDemandAuditTask`, whose `in` is its request, and comes to `is` or `error`, a code
//!   and a part of a message; `keeps` names a member of the answer, which stands for `$NAME` in later steps, `as` the name. `findingId`
//!   and the like are members of its first finding;
//! - `check`: carries the next check out, which finds the `policies` by name and version, of `total` resources;
//! - `half`: the same, but is interrupted before it is over;
//! - `apply`: the next action is applied, to what `subject` names, and comes to the `outcome` COMPLETED, SKIPPED or FAILED;
//! - `violation`: a violation with this `id` of the `thing` is known from then on;
//! - `due`: what time has brought is done; `begun` is how many audits it begins;
//! - `told`: the next audit that is over is told of; `is` is the message.
//!
//! An answer has to have what is expected, and may have more; what is expected as null must not be there, and a text that is expected
//! with `~` in front is only a part of the one that comes. After each step the book is loaded anew from its rows, and has to be the same.

use super::texts;
use drydock_audit::checks::policy_permissive;
use drydock_audit::mitigation::{Outcome, Subject, Violation};
use drydock_audit::{Audit, Found, Verdict, resources};
use drydock_core::{ApiError, Done, ErrorCode, Ids, Rulebook, Scope, Timestamp, Write};
use drydock_model::{Operation, iot, validate};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Monday, 30 November 2026, 00:00 UTC.
const BEGIN: i64 = 1_795_996_800_000;
const STEP: &[&str] = &[
    "subject", "outcome", "id", "thing", "do", "after", "in", "is", "error", "keeps", "as", "policies", "total",
    "begun", "times", "of",
];

pub(crate) fn only(stem: &str, case: &Value, name: &str) {
    texts::only(stem, case, &["name", "source", "enabled", "steps"], name);
    case["steps"].as_array().unwrap().iter().for_each(|step| texts::only(stem, step, STEP, name));
}

pub(crate) fn run(case: &Value) -> Result<(), Failed> {
    let book = Audit::new(Scope::new("123456789012", "us-east-1"));
    let mut run = Run {
        book,
        now: Timestamp(BEGIN),
        rows: BTreeMap::new(),
        kept: BTreeMap::new(),
        ids: Counted::default(),
        violations: Vec::new(),
    };
    if let Some(enabled) = case["enabled"].as_array() {
        let checks: serde_json::Map<String, Value> =
            enabled.iter().map(|name| (name.as_str().unwrap().to_owned(), json!({ "enabled": true }))).collect();
        let asked = json!({ "roleArn": "arn:aws:iam::123456789012:role/audit", "auditCheckConfigurations": checks });
        run.step(&json!({ "do": "UpdateAccountAuditConfiguration", "in": asked }))?;
    }
    for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        run.step(step).map_err(|why| format!("step {}: {}", at + 1, why.message().unwrap_or_default()))?;
    }
    Ok(())
}

#[derive(Default)]
struct Counted(AtomicU64);

impl Ids for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        bytes.fill(0);
        let at = bytes.len() - 8;
        bytes[at..].copy_from_slice(&number.to_be_bytes());
    }
}

/// A book, with its rows.
struct Run {
    book: Audit,
    now: Timestamp,
    rows: BTreeMap<(&'static str, String), String>,
    kept: BTreeMap<String, String>,
    ids: Counted,
    violations: Vec<Violation>,
}

impl Run {
    /// Keeps the rows of a command.
    fn kept<T>(&mut self, done: Done<T>) -> T {
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => drop(self.rows.insert((table, key), value)),
                None => drop(self.rows.remove(&(table, key))),
            }
        }
        assert_eq!(done.events, []);
        done.reply
    }

    fn step(&mut self, step: &Value) -> Result<(), Failed> {
        let kept = self.kept.clone();
        let step = &texts::mapped(step, &|text| {
            let names = kept.iter().rev();
            names.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
        });
        self.now = self.now.plus_millis(step["after"].as_i64().unwrap_or_default() * 1000);
        match step["do"].as_str().unwrap() {
            "check" => self.check(step, true)?,
            "half" => self.check(step, false)?,
            "violation" => self.violations.push(Violation {
                id: step["id"].as_str().unwrap().into(),
                thing: step["thing"].as_str().unwrap().into(),
            }),
            "apply" => {
                let next = self.book.next_execution().ok_or("there is no action to apply")?;
                let subject = match &next.subject {
                    Subject::Finding(finding) => finding.to_json(),
                    Subject::Thing(thing) => json!(thing),
                    Subject::Gone => json!("gone"),
                };
                let expected = json!({ "is": step["subject"] });
                compare(&expected, Ok(subject))?;
                let outcome = match step["outcome"].as_str().unwrap() {
                    "COMPLETED" => Outcome::Completed,
                    "SKIPPED" => Outcome::Skipped("why".to_owned()),
                    _ => Outcome::Failed("CODE".to_owned(), "why".to_owned()),
                };
                assert!(self.book.is_pending(&next));
                let done = self.book.end_execution(&next, outcome, self.now, self.now);
                self.kept(done);
                assert!(!self.book.is_pending(&next));
            }
            "many" => {
                for _ in 0..step["times"].as_i64().unwrap() {
                    self.operation(step["of"].as_str().unwrap(), &step["in"])??;
                }
            }
            "due" => {
                let mut begun = 0;
                loop {
                    let (now, done) = (self.now, self.book.due(self.now, &self.ids));
                    let more = self.kept(done);
                    if !more {
                        assert!(self.book.next_due().is_none_or(|next| next > now), "what is due is done");
                        break;
                    }
                    begun += 1;
                }
                assert_eq!(json!(begun), step["begun"]);
            }
            "told" => {
                let told = self.book.next_notification();
                let message = told.as_ref().map(|told| serde_json::from_str::<Value>(&told.message).unwrap());
                let message =
                    message.map(|message| json!({ "message": message, "topic": told.as_ref().unwrap().topic }));
                compare(step, Ok(message.unwrap_or(Value::Null)))?;
                if let Some(told) = told {
                    let done = self.book.notified(&told.task);
                    self.kept(done);
                }
            }
            operation => {
                let answer = self.operation(operation, &step["in"])?;
                if let (Ok(answer), Some(member)) = (&answer, step["keeps"].as_str()) {
                    let found = answer.get(member).unwrap_or_else(|| &answer["findings"][0][member]);
                    let name = step["as"].as_str().unwrap_or(member);
                    self.kept.insert(name.to_owned(), found.as_str().ok_or("there is no such member")?.to_owned());
                }
                compare(step, answer.map_err(|error| (error.code.as_str().to_owned(), error.message.into_owned())))?;
            }
        }
        self.reload()
    }

    fn check(&mut self, step: &Value, ends: bool) -> Result<(), Failed> {
        let next = self.book.next_step().ok_or("there is no check to carry out")?;
        let begun = self.book.begin_check(&next);
        if !self.kept(begun) {
            return Ok(());
        }
        let found = step["policies"].as_array().into_iter().flatten().map(|policy| Found {
            verdict: Verdict { code: policy_permissive::BROAD, why: "Too wide.".into(), grants: Vec::new() },
            resource: resources::policy(policy[0].as_str().unwrap(), policy[1].as_str().unwrap()),
            related: Vec::new(),
        });
        let found = found.collect();
        let added = self.book.add_findings(&next, found, self.now, &self.ids);
        self.kept(added);
        if ends {
            let total = usize::try_from(step["total"].as_u64().unwrap_or_default())?;
            let over = self.book.end_of_check(&next, total);
            self.kept(over);
        }
        Ok(())
    }

    fn operation(&mut self, operation: &str, given: &Value) -> Result<Result<Value, ApiError>, Failed> {
        macro_rules! operations {
            ($($name:ident $shape:ident |$book:ident, $input:ident, $now:ident, $ids:ident| $command:expr;)*) => {
                match operation {
                    $(stringify!($name) => {
                        let meta = &<iot::ops::$name as Operation>::META;
                        let given = if given.is_null() { json!({}) } else { given.clone() };
                        if let Err(why) = validate::validate(meta.input_shape, &given) {
                            return Ok(Err(ApiError::new(ErrorCode::InvalidRequestException, why)));
                        }
                        let $input: iot::$shape = drydock_model::Wire::read(&given, &drydock_model::wire::At::ROOT)?;
                        let ($book, $now, $ids) = (&mut self.book, self.now, &self.ids);
                        let answer = $command;
                        if let Err(error) = &answer {
                            let name = error.code.as_str();
                            assert!(meta.errors.contains(&error.code), "{operation} has no {name} in the model");
                        }
                        answer.map(|done| drydock_model::Wire::write(&self.kept(done)))
                    })*
                    other => return Err(format!("there is no operation `{other}`").into()),
                }
            };
        }
        let violations = self.violations.clone();
        Ok(operations!(
            UpdateAccountAuditConfiguration UpdateAccountAuditConfigurationRequest |book, input, now, _ids|
                book.update_configuration(input, now);
            DescribeAccountAuditConfiguration DescribeAccountAuditConfigurationRequest |book, _input, _now, _ids|
                Ok::<_, ApiError>(Done::reply(book.describe_configuration()));
            DeleteAccountAuditConfiguration DeleteAccountAuditConfigurationRequest |book, input, now, _ids|
                book.delete_configuration(&input, now).map(|done| done.map(|_| ()));
            StartOnDemandAuditTask StartOnDemandAuditTaskRequest |book, input, now, ids| book.start_task(&input, now, ids);
            DescribeAuditTask DescribeAuditTaskRequest |book, input, _now, _ids| book.describe_task(&input).map(Done::reply);
            ListAuditTasks ListAuditTasksRequest |book, input, now, _ids| book.list_tasks(&input, now).map(Done::reply);
            CancelAuditTask CancelAuditTaskRequest |book, input, _now, _ids| book.cancel_task(&input);
            CreateScheduledAudit CreateScheduledAuditRequest |book, input, now, _ids| book.create_schedule(input, now);
            UpdateScheduledAudit UpdateScheduledAuditRequest |book, input, now, _ids| book.update_schedule(&input, now);
            DescribeScheduledAudit DescribeScheduledAuditRequest |book, input, _now, _ids|
                book.describe_schedule(&input).map(Done::reply);
            DeleteScheduledAudit DeleteScheduledAuditRequest |book, input, _now, _ids| book.delete_schedule(&input);
            ListScheduledAudits ListScheduledAuditsRequest |book, input, _now, _ids|
                book.list_schedules(&input).map(Done::reply);
            ListAuditFindings ListAuditFindingsRequest |book, input, _now, _ids| book.list_findings(&input).map(Done::reply);
            DescribeAuditFinding DescribeAuditFindingRequest |book, input, _now, _ids|
                book.describe_finding(&input).map(Done::reply);
            ListRelatedResourcesForAuditFinding ListRelatedResourcesForAuditFindingRequest |book, input, _now, _ids|
                book.list_related(&input).map(Done::reply);
            CreateAuditSuppression CreateAuditSuppressionRequest |book, input, now, _ids| book.create_suppression(input, now);
            DescribeAuditSuppression DescribeAuditSuppressionRequest |book, input, _now, _ids|
                book.describe_suppression(&input).map(Done::reply);
            UpdateAuditSuppression UpdateAuditSuppressionRequest |book, input, now, _ids| book.update_suppression(input, now);
            DeleteAuditSuppression DeleteAuditSuppressionRequest |book, input, _now, _ids| book.delete_suppression(&input);
            CreateMitigationAction CreateMitigationActionRequest |book, input, now, ids| book.create_action(input, now, ids);
            UpdateMitigationAction UpdateMitigationActionRequest |book, input, now, _ids| book.update_action(input, now);
            DescribeMitigationAction DescribeMitigationActionRequest |book, input, _now, _ids|
                book.describe_action(&input).map(Done::reply);
            DeleteMitigationAction DeleteMitigationActionRequest |book, input, _now, _ids|
                Ok::<_, ApiError>(book.delete_action(&input));
            ListMitigationActions ListMitigationActionsRequest |book, input, _now, _ids|
                book.list_actions(&input).map(Done::reply);
            StartAuditMitigationActionsTask StartAuditMitigationActionsTaskRequest |book, input, now, _ids|
                book.start_mitigation(&input, now);
            DescribeAuditMitigationActionsTask DescribeAuditMitigationActionsTaskRequest |book, input, _now, _ids|
                book.describe_mitigation(&input).map(Done::reply);
            CancelAuditMitigationActionsTask CancelAuditMitigationActionsTaskRequest |book, input, now, _ids|
                book.cancel_audit_mitigation(&input, now);
            ListAuditMitigationActionsTasks ListAuditMitigationActionsTasksRequest |book, input, _now, _ids|
                book.list_audit_mitigations(&input).map(Done::reply);
            ListAuditMitigationActionsExecutions ListAuditMitigationActionsExecutionsRequest |book, input, _now, _ids|
                book.list_audit_executions(&input).map(Done::reply);
            StartDetectMitigationActionsTask StartDetectMitigationActionsTaskRequest |book, input, now, _ids|
                book.start_detect_mitigation(&input, &violations, now);
            DescribeDetectMitigationActionsTask DescribeDetectMitigationActionsTaskRequest |book, input, _now, _ids|
                book.describe_detect_mitigation(&input).map(Done::reply);
            CancelDetectMitigationActionsTask CancelDetectMitigationActionsTaskRequest |book, input, now, _ids|
                book.cancel_detect_mitigation(&input, now);
            ListDetectMitigationActionsTasks ListDetectMitigationActionsTasksRequest |book, input, _now, _ids|
                book.list_detect_mitigations(&input).map(Done::reply);
            ListDetectMitigationActionsExecutions ListDetectMitigationActionsExecutionsRequest |book, input, _now, _ids|
                book.list_detect_executions(&input).map(Done::reply);
            ListAuditSuppressions ListAuditSuppressionsRequest |book, input, _now, _ids|
                book.list_suppressions(&input).map(Done::reply);
        ))
    }

    /// The book as it is after a restart has to be the book that there is.
    fn reload(&self) -> Result<(), Failed> {
        let mut loaded = Audit::new(Scope::new("123456789012", "us-east-1"));
        for table in Audit::TABLES {
            for ((of, key), row) in self.rows.iter().filter(|((of, _), _)| of == table) {
                loaded.load(of, key, row)?;
            }
        }
        let (is, after) = (format!("{:#?}", self.book), format!("{loaded:#?}"));
        if is == after { Ok(()) } else { Err(format!("after a restart the book is {after} instead of {is}").into()) }
    }
}

/// Whether an answer is what a step expects.
fn compare(step: &Value, answer: Result<Value, (String, String)>) -> Result<(), Failed> {
    fn has(expected: &Value, got: &Value) -> bool {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                expected.iter().all(|(key, value)| has(value, got.get(key).unwrap_or(&Value::Null)))
            }
            (Value::Array(expected), Value::Array(got)) => {
                expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| has(expected, got))
            }
            (Value::String(expected), Value::String(got)) if expected.starts_with('~') => got.contains(&expected[1..]),
            _ => expected == got,
        }
    }
    match (answer, step["error"].as_array()) {
        (Ok(answer), None) if step.get("is").is_none_or(|is| has(is, &answer)) => Ok(()),
        (Ok(answer), None) => Err(format!("{answer} instead of {}", step["is"]).into()),
        (Ok(answer), Some(_)) => Err(format!("it was done: {answer}").into()),
        (Err((code, message)), None) => Err(format!("{code}: {message}").into()),
        (Err((code, message)), Some(expected)) => {
            let is = expected[0] == *code && message.contains(expected[1].as_str().unwrap());
            if is { Ok(()) } else { Err(format!("{code}: {message}").into()) }
        }
    }
}
