//! The operations on alarms.

use super::alarm::{self, Alarm, Config, TAGS, choice, no_alarm};
use super::api::Answer;
use super::evaluate::State;
use super::fault::{Code, Fault};
use super::history::Item;
use super::metric::{Metric, Unit};
use super::state::{ALARMS, CloudWatch};
use super::value::{Given, Out, structure};
use crate::error::CloudError;
use drydock_core::{Arn, Write};
use serde_json::{Map, Value};

/// How many alarms there may be, and how many are shown at once.
const MOST: usize = 5000;
const PAGE: usize = 100;

fn nothing() -> Out {
    Out::Map(Vec::new())
}

impl CloudWatch {
    pub(super) async fn put_alarm(&self, given: Given<'_>) -> Answer {
        let name = given.required("AlarmName", 255)?;
        let (config, tags) = (Config::given(given)?, alarm::tags(given)?);
        self.put(name, config, tags, false).await?;
        Ok(nothing())
    }

    async fn put(
        &self,
        name: &str,
        config: Config,
        tags: std::collections::BTreeMap<String, String>,
        replace_tags: bool,
    ) -> Result<(), Fault> {
        let now = self.context.now();
        let writes = {
            let mut held = self.held();
            let full = held.alarms.len() >= MOST;
            let what = match held.alarms.get_mut(name) {
                Some(alarm) => {
                    // Tags of an alarm that is there are left as they are ("PutMetricAlarm"), but a template's are its own.
                    if replace_tags {
                        alarm.tags = tags;
                    }
                    if alarm.config == config {
                        None
                    } else {
                        alarm.config = config;
                        alarm.configured = now;
                        Some("Update")
                    }
                }
                None if full => {
                    return Err(Fault::new(
                        Code::LimitExceeded,
                        format!("The maximum number of alarms, {MOST}, has been reached."),
                    ));
                }
                None => {
                    held.alarms.insert(name.to_owned(), Alarm::new(config, tags, now));
                    Some("Create")
                }
            };
            if let Some(what) = what {
                held.history.add(Item::configuration(name, what, now));
            }
            self.wake(&mut held);
            let mut writes = held.history.writes();
            writes.push(self.write(&held, name));
            writes
        };
        self.context.journal.commit(writes).await?;
        Ok(())
    }

    /// Makes an alarm be as a template's `AWS::CloudWatch::Alarm` describes it. The properties are those of CloudFormation with all
    /// intrinsic functions resolved.
    ///
    /// # Errors
    /// [`CloudError::Resource`] with what CloudWatch would refuse.
    pub async fn ensure(&self, name: &str, properties: &Value) -> Result<Arn, CloudError> {
        let mut parameters: Map<String, Value> = properties.as_object().cloned().unwrap_or_default();
        parameters.insert("AlarmName".to_owned(), name.into());
        let wrong = |fault: Fault| CloudError::resource("alarm", name, fault.message);
        let given = Given::new(&parameters);
        let config = Config::given(given).map_err(wrong)?;
        let tags = alarm::tags(given).map_err(wrong)?;
        self.put(name, config, tags, true).await.map_err(wrong)?;
        Ok(self.arn(name))
    }

    pub(super) async fn delete_alarms(&self, given: Given<'_>) -> Answer {
        given.only(&["AlarmNames"])?;
        let names = given.texts("AlarmNames", 100)?;
        let now = self.context.now();
        let writes = {
            let mut held = self.held();
            if let Some(missing) = names.iter().find(|name| !held.alarms.contains_key(**name)) {
                return Err(no_alarm(missing));
            }
            for name in &names {
                held.alarms.remove(*name);
                held.history.add(Item::configuration(name, "Delete", now));
            }
            let mut writes = held.history.writes();
            writes.extend(names.iter().map(|name| Write::delete(ALARMS, *name)));
            writes
        };
        self.context.journal.commit(writes).await?;
        Ok(nothing())
    }

    pub(super) fn describe_alarms(&self, given: Given<'_>) -> Answer {
        given.only(&[
            "AlarmNames",
            "AlarmNamePrefix",
            "AlarmTypes",
            "ChildrenOfAlarmName",
            "ParentsOfAlarmName",
            "StateValue",
            "ActionPrefix",
            "MaxRecords",
            "NextToken",
        ])?;
        if given.has("ChildrenOfAlarmName") || given.has("ParentsOfAlarmName") {
            return Err(Fault::not_implemented(
                "ChildrenOfAlarmName and ParentsOfAlarmName of DescribeAlarms (composite alarms)",
            ));
        }
        let names = given.texts("AlarmNames", 100)?;
        let prefix = given.bounded("AlarmNamePrefix", 1, 255)?;
        if !names.is_empty() && prefix.is_some() {
            return Err(Fault::combination("AlarmNames and AlarmNamePrefix are mutually exclusive."));
        }
        let types = given.texts("AlarmTypes", 4)?;
        let metric_alarms = types.is_empty() || types.contains(&"MetricAlarm");
        let state = choice(given, "StateValue", &State::ALL, State::as_str)?;
        let action = given.bounded("ActionPrefix", 1, 1024)?;
        let most = records(given)?;
        let after = given.text("NextToken")?;
        let held = self.held();
        let mut found = held.alarms.iter().filter(|(name, alarm)| {
            metric_alarms
                && (names.is_empty() || names.contains(&name.as_str()))
                && prefix.is_none_or(|prefix| name.starts_with(prefix))
                && state.is_none_or(|state| alarm.state == state)
                && action
                    .is_none_or(|start| alarm.config.actions.iter().flatten().any(|action| action.starts_with(start)))
                && after.is_none_or(|after| name.as_str() > after)
        });
        let page: Vec<(&String, &Alarm)> = found.by_ref().take(most).collect();
        let next = found.next().and_then(|_| page.last()).map(|(name, _)| Out::text(name.as_str()));
        Ok(structure([
            ("CompositeAlarms", Some(Out::List(Vec::new()))),
            (
                "MetricAlarms",
                Some(Out::List(page.iter().map(|(name, alarm)| alarm.out(name, &self.arn(name))).collect())),
            ),
            ("NextToken", next),
        ]))
    }

    pub(super) fn describe_for_metric(&self, given: Given<'_>) -> Answer {
        given.only(&["Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit"])?;
        let metric = Metric::given(given)?;
        let statistic = given.text("Statistic")?.or(given.text("ExtendedStatistic")?);
        let (period, unit) = (given.integer("Period")?, Unit::given(given)?);
        let held = self.held();
        let found = held.alarms.iter().filter(|(_, alarm)| {
            alarm.config.queries.iter().filter_map(|query| query.stat.as_ref()).any(|stat| {
                stat.metric == metric
                    && statistic.is_none_or(|statistic| stat.statistic == statistic)
                    && period.is_none_or(|period| stat.period == period)
                    && unit.is_none_or(|unit| stat.unit == Some(unit))
            })
        });
        Ok(structure([(
            "MetricAlarms",
            Some(Out::List(found.map(|(name, alarm)| alarm.out(name, &self.arn(name))).collect())),
        )]))
    }

    pub(super) fn describe_history(&self, given: Given<'_>) -> Answer {
        given.only(&[
            "AlarmName",
            "AlarmTypes",
            "HistoryItemType",
            "StartDate",
            "EndDate",
            "MaxRecords",
            "NextToken",
            "ScanBy",
            "AlarmContributorId",
        ])?;
        let name = given.bounded("AlarmName", 1, 255)?;
        let kinds = ["ConfigurationUpdate", "StateUpdate", "Action"];
        let kind = choice(given, "HistoryItemType", &kinds, |kind| kind)?;
        let (start, end) = (given.time("StartDate")?, given.time("EndDate")?);
        let most = records(given)?;
        let oldest_first = choice(given, "ScanBy", &["TimestampAscending", "TimestampDescending"], |order| order)?
            == Some("TimestampAscending");
        let wrong = || Fault::new(Code::InvalidNextToken, "The next token specified is invalid.");
        let after: Option<u64> =
            given.text("NextToken")?.map(|token| token.parse().map_err(|_| wrong())).transpose()?;
        let held = self.held();
        let mut all: Vec<(u64, &Item)> = held
            .history
            .all()
            .filter(|(_, item)| {
                name.is_none_or(|name| item.alarm == name)
                    && kind.is_none_or(|kind| item.kind == kind)
                    && start.is_none_or(|start| item.at >= start)
                    && end.is_none_or(|end| item.at <= end)
            })
            .filter(|(place, _)| after.is_none_or(|after| if oldest_first { *place > after } else { *place < after }))
            .collect();
        if !oldest_first {
            all.reverse();
        }
        let next = all.get(most).and_then(|_| all.get(most - 1)).map(|(place, _)| Out::text(place.to_string()));
        let item = |(_, item): &(u64, &Item)| {
            structure([
                ("AlarmName", Some(Out::text(&item.alarm))),
                ("AlarmType", Some(Out::text("MetricAlarm"))),
                ("Timestamp", Some(Out::Time(item.at))),
                ("HistoryItemType", Some(Out::text(&item.kind))),
                ("HistorySummary", Some(Out::text(&item.summary))),
                ("HistoryData", Some(Out::text(&item.data))),
            ])
        };
        Ok(structure([
            ("AlarmHistoryItems", Some(Out::List(all.iter().take(most).map(item).collect()))),
            ("NextToken", next),
        ]))
    }

    pub(super) async fn set_state(&self, given: Given<'_>) -> Answer {
        given.only(&["AlarmName", "StateValue", "StateReason", "StateReasonData"])?;
        let name = given.required("AlarmName", 255)?;
        let state =
            choice(given, "StateValue", &State::ALL, State::as_str)?.ok_or_else(|| Fault::missing("StateValue"))?;
        let reason = given.bounded("StateReason", 0, 1023)?.ok_or_else(|| Fault::missing("StateReason"))?;
        let data = given.bounded("StateReasonData", 0, 4000)?;
        if data.is_some_and(|data| serde_json::from_str::<Value>(data).is_err()) {
            return Err(Fault::new(Code::InvalidFormat, "StateReasonData was not syntactically valid JSON"));
        }
        let now = self.context.now();
        let (change, writes) = {
            let mut held = self.held();
            let changes = held.alarms.get(name).ok_or_else(|| no_alarm(name))?.state != state;
            let change = self.change(&mut held, name, state, reason.to_owned(), data.map(str::to_owned), now);
            self.wake(&mut held);
            let mut writes = held.history.writes();
            writes.push(self.write(&held, name));
            // Who is told is told of another state, not of the same once more.
            (change.filter(|_| changes), writes)
        };
        self.context.journal.commit(writes).await?;
        if let Some(change) = change {
            self.tell(&change).await;
        }
        Ok(nothing())
    }

    pub(super) async fn switch_actions(&self, given: Given<'_>, enabled: bool) -> Answer {
        given.only(&["AlarmNames"])?;
        let now = self.context.now();
        let writes = {
            let mut held = self.held();
            let mut writes = Vec::new();
            // Names of no alarm are left alone, as on AWS.
            for name in given.texts("AlarmNames", 100)? {
                let Some(alarm) = held.alarms.get_mut(name) else { continue };
                if alarm.config.actions_enabled != enabled {
                    alarm.config.actions_enabled = enabled;
                    alarm.configured = now;
                    held.history.add(Item::configuration(name, "Update", now));
                    writes.push(self.write(&held, name));
                }
            }
            writes.extend(held.history.writes());
            writes
        };
        self.context.journal.commit(writes).await?;
        Ok(nothing())
    }

    pub(super) fn list_tags(&self, given: Given<'_>) -> Answer {
        given.only(&["ResourceARN"])?;
        let name = self.tagged(given)?;
        let held = self.held();
        let tags = held.alarms.get(&name).map(|alarm| &alarm.tags).into_iter().flatten();
        let tag = |(key, value): (&String, &String)| {
            structure([("Key", Some(Out::text(key))), ("Value", Some(Out::text(value)))])
        };
        Ok(structure([("Tags", Some(Out::List(tags.map(tag).collect())))]))
    }

    pub(super) async fn tag(&self, given: Given<'_>) -> Answer {
        given.only(&["ResourceARN", "Tags"])?;
        let name = self.tagged(given)?;
        let tags = alarm::tags(given)?;
        let write = {
            let mut held = self.held();
            let Some(alarm) = held.alarms.get_mut(&name) else { return Err(no_alarm(&name)) };
            let mut all = alarm.tags.clone();
            all.extend(tags);
            if all.len() > TAGS {
                return Err(Fault::value(format!("An alarm has at most {TAGS} tags.")));
            }
            alarm.tags = all;
            self.write(&held, &name)
        };
        self.context.journal.commit(vec![write]).await?;
        Ok(nothing())
    }

    pub(super) async fn untag(&self, given: Given<'_>) -> Answer {
        given.only(&["ResourceARN", "TagKeys"])?;
        let name = self.tagged(given)?;
        let keys = given.texts("TagKeys", TAGS)?;
        let write = {
            let mut held = self.held();
            let Some(alarm) = held.alarms.get_mut(&name) else { return Err(no_alarm(&name)) };
            alarm.tags.retain(|key, _| !keys.contains(&key.as_str()));
            self.write(&held, &name)
        };
        self.context.journal.commit(vec![write]).await?;
        Ok(nothing())
    }

    /// The name of the alarm that an ARN is of.
    fn tagged(&self, given: Given<'_>) -> Result<String, Fault> {
        let text = given.required("ResourceARN", 1024)?;
        let arn = Arn::parse(text).filter(|arn| arn.service() == "cloudwatch");
        let arn = arn.ok_or_else(|| Fault::value(format!("Invalid ARN: {text}")))?;
        let name = arn.resource().strip_prefix("alarm:").filter(|name| self.arn(name) == arn);
        let name = name.filter(|name| self.held().alarms.contains_key(*name));
        name.map(str::to_owned)
            .ok_or_else(|| Fault::new(Code::ResourceNotFoundException, format!("Unknown resource: {text}")))
    }
}

/// How many are shown at once.
fn records(given: Given<'_>) -> Result<usize, Fault> {
    match given.integer("MaxRecords")? {
        None => Ok(PAGE),
        Some(most) => usize::try_from(most)
            .ok()
            .filter(|most| (1..=PAGE).contains(most))
            .ok_or_else(|| Fault::value(format!("The parameter MaxRecords must be 1 to {PAGE}."))),
    }
}

/// What a list of alarms shows to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: &'static str,
    /// Why.
    pub reason: String,
}

impl CloudWatch {
    /// All alarms, by name.
    pub fn alarms(&self) -> Vec<Shown> {
        let shown = |(name, alarm): (&String, &Alarm)| Shown {
            name: name.clone(),
            state: alarm.state.as_str(),
            reason: alarm.reason.clone(),
        };
        self.held().alarms.iter().map(shown).collect()
    }
}
