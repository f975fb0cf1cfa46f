//! Alarms are evaluated, their states change, and those are told whom they name.

use super::alarm::{Alarm, Config};
use super::change::{Before, Change};
use super::evaluate::{self, FURTHER, Missing, State, Verdict};
use super::history::Item;
use super::query::{self, Evaluation};
use super::series::AllSeries;
use super::state::{ALARMS, CloudWatch, Held, row};
use super::statistic::Statistic;
use super::told;
use crate::notice::Notice;
use crate::sns::Publish;
use crate::stand_in::Parcel;
use drydock_core::{Arn, Timestamp, Write};
use serde_json::json;

/// The service that functions let in for alarms.
const PRINCIPAL: &str = "lambda.alarms.cloudwatch.amazonaws.com";

/// A data point, the oldest first.
type Point = (i64, Option<f64>);

/// What an evaluation found.
struct Found {
    /// Whether there is any data: while there is, the next minute may see it otherwise.
    has_data: bool,
    /// Another state than before, why, and the data behind that.
    change: Option<(State, String, String)>,
}

impl CloudWatch {
    /// Evaluates the alarms at the end of a minute, or of ten seconds for those of a shorter period.
    pub(super) async fn evaluate_all(&self, end: Timestamp) {
        let (changes, writes) = {
            let mut held = self.held();
            let whole = end.millis().rem_euclid(60_000) == 0;
            // What alarms of whole minutes have to look at is found at the end of one, and holds until the next.
            let mut restless = !whole && held.minute.restless_minutes;
            let mut restless_minutes = restless;
            let mut changed = Vec::new();
            for (name, alarm) in &held.alarms {
                let of_minutes = alarm.config.period() >= 60;
                if of_minutes && !whole {
                    continue;
                }
                let found = find(alarm, &held.series, end).unwrap_or_else(|why| unclear(alarm, &why));
                let stirs = found.change.is_some() || found.has_data;
                restless |= stirs;
                restless_minutes |= stirs && of_minutes;
                changed.extend(found.change.map(|change| (name.clone(), change)));
            }
            (held.minute.restless, held.minute.restless_minutes) = (restless, restless_minutes);
            let mut changes = Vec::new();
            for (name, (state, reason, data)) in changed {
                changes.extend(self.change(&mut held, &name, state, reason, Some(data), end));
            }
            let mut writes: Vec<Write> = changes.iter().map(|change| row(&change.name, &change.alarm)).collect();
            writes.extend(held.history.writes());
            (changes, writes)
        };
        if !writes.is_empty()
            && let Err(error) = self.context.journal.commit(writes).await
        {
            tracing::warn!(%error, "the state of alarms could not be written; they are evaluated again after the next start");
        }
        for change in changes {
            self.tell(&change).await;
        }
    }

    /// Gives an alarm a state; `None` where there is no such alarm.
    pub(super) fn change(
        &self,
        held: &mut Held,
        name: &str,
        state: State,
        reason: String,
        reason_data: Option<String>,
        at: Timestamp,
    ) -> Option<Change> {
        let alarm = held.alarms.get_mut(name)?;
        let before = Before {
            state: alarm.state,
            reason: std::mem::replace(&mut alarm.reason, reason),
            reason_data: std::mem::replace(&mut alarm.reason_data, reason_data),
            updated: alarm.updated,
        };
        if alarm.state != state {
            alarm.transitioned = at;
        }
        alarm.state = state;
        alarm.updated = at;
        let change = Change { name: name.to_owned(), arn: self.arn(name), alarm: alarm.clone(), before, at };
        held.history.add(Item::state(&change));
        Some(change)
    }

    /// Tells those whom an alarm names of its new state.
    pub(super) async fn tell(&self, change: &Change) {
        let Change { alarm, .. } = change;
        if !alarm.config.actions_enabled {
            return;
        }
        for action in alarm.config.actions_of(alarm.state) {
            let Some(arn) = Arn::parse(action) else { continue };
            let sent = match arn.service() {
                "sns" => {
                    let (subject, message) = told::message(change, &self.context.config.scope);
                    let publish = Publish { subject: Some(subject), ..Publish::text(message) };
                    self.sns.publish(&arn, publish).await.map(|_| ()).map_err(|error| error.to_string())
                }
                _ => {
                    let body = told::event(change, &self.context.config.scope);
                    let sender = Some((PRINCIPAL, change.arn.clone()));
                    self.outlets.send(&arn, Parcel { body, sender, ..Parcel::default() }).await
                }
            };
            let writes = {
                let mut held = self.held();
                held.history.add(Item::action(change, action, &sent));
                held.history.writes()
            };
            self.context.journal.submit(writes);
            if let Err(why) = sent {
                let (from, to) = (change.arn.to_string(), action.clone());
                self.context.tell(Notice::DeliveryFailed { from, to, why });
            }
        }
    }

    /// Writes an alarm down as it is.
    pub(super) fn write(&self, held: &Held, name: &str) -> Write {
        held.alarms.get(name).map_or_else(|| Write::delete(ALARMS, name), |alarm| row(name, alarm))
    }
}

/// What cannot be evaluated is like data that is not there.
fn unclear(alarm: &Alarm, why: &str) -> Found {
    let change = (alarm.state != State::Insufficient).then(|| {
        let data = json!({ "version": "1.0", "error": why }).to_string();
        (State::Insufficient, format!("Evaluation error: {why}"), data)
    });
    Found { has_data: false, change }
}

/// Evaluates an alarm: the data points of the periods that end at a time, one after the other.
fn find(alarm: &Alarm, series: &AllSeries, end: Timestamp) -> Result<Found, String> {
    let config = &alarm.config;
    let (period, end) = (config.period(), end.seconds());
    let looked = config.periods + FURTHER;
    let back = |period: i64| period.saturating_mul(i64::try_from(looked).unwrap_or(i64::MAX));
    let window = |period: i64| (end - back(period), end);
    let evaluation = Evaluation::new(&config.queries, series, &window);
    let returned = config.returned().ok_or_else(|| "it watches nothing".to_owned())?;
    let all = evaluation.of(returned)?;
    if all.len() > 1 {
        return Err(format!(
            "the expression '{}' returns {} time series, and an alarm watches one",
            returned.id,
            all.len()
        ));
    }
    let values = all.into_iter().next().map(|series| series.values).unwrap_or_default();
    let begin = end - back(period);
    let points: Vec<Point> = (0..looked)
        .map(|place| begin + period * i64::try_from(place).unwrap_or_default())
        .map(|at| (at, values.get(&at).copied()))
        .collect();
    let missing = config.missing.unwrap_or_default();
    let judged: Vec<Option<bool>> = points
        .iter()
        .map(|(_, value)| value.map(|value| config.comparison.breaches(value, config.threshold)))
        .collect();
    let mut verdict = evaluate::judge(&judged, config.periods, config.needed(), missing);
    if too_few(config, series, (begin, end)) {
        verdict.state = None;
    }
    let state = verdict.state.filter(|state| *state != alarm.state);
    let change = state.map(|state| (state, reason(config, &points, verdict), data(config, &points, end)));
    Ok(Found { has_data: has_data(config, series, &window, &points), change })
}

/// Whether there is data of a metric that the alarm watches. What an expression makes of none is the same in the next minute.
fn has_data(config: &Config, series: &AllSeries, window: query::Window<'_>, points: &[Point]) -> bool {
    let mut stats = config.queries.iter().filter_map(|query| query.stat.as_ref()).peekable();
    if stats.peek().is_none() {
        return points.iter().any(|(_, value)| value.is_some());
    }
    stats.any(|stat| series.has_values(&stat.metric, stat.unit, window(stat.period)))
}

/// Whether a percentile is of too few samples to be looked at, where the alarm leaves it alone then ("Percentile-based alarms and low
/// data samples").
fn too_few(config: &Config, series: &AllSeries, range: (i64, i64)) -> bool {
    if config.low_samples.as_deref() != Some("ignore") {
        return false;
    }
    let Some(stat) = config.stat() else { return false };
    let Some(Statistic::Percentile(percent)) = Statistic::named(&stat.statistic) else { return false };
    let share = if percent >= 50.0 { 100.0 - percent } else { percent } / 100.0;
    let needed = if share > 0.0 { 10.0 / share } else { f64::MAX };
    let stretches = series.stretches(&stat.metric, stat.unit, range, stat.period);
    let last = stretches.values().next_back();
    last.is_some_and(|units| units.iter().map(|(_, datum)| datum.count).sum::<f64>() < needed)
}

/// Those that were judged: the most recent that are there, the newest first.
fn recent(config: &Config, points: &[Point]) -> Vec<(i64, f64)> {
    let there = points.iter().rev().filter_map(|(at, value)| Some((*at, (*value)?)));
    there.take(config.periods).collect()
}

/// Why the state is what it is, in AWS's words for it.
fn reason(config: &Config, points: &[Point], verdict: Verdict) -> String {
    let recent = recent(config, points);
    let plural = |count: usize| if count == 1 { "datapoint" } else { "datapoints" };
    let missing = config.missing.unwrap_or_default();
    if recent.is_empty() {
        let periods = config.periods;
        let word = if periods == 1 { "period" } else { "periods" };
        return match missing {
            Missing::Breaching | Missing::NotBreaching => {
                let taken = if missing == Missing::Breaching { "Breaching" } else { "NonBreaching" };
                format!(
                    "Threshold Crossed: no datapoints were received for {periods} {word} and {} missing {} treated as [{taken}].",
                    verdict.filled,
                    if verdict.filled == 1 { "datapoint was" } else { "datapoints were" },
                )
            }
            _ if periods == 1 => "Insufficient Data: 1 datapoint was unknown.".to_owned(),
            _ => format!("Insufficient Data: {periods} datapoints were unknown."),
        };
    }
    let is_alarm = verdict.state == Some(State::Alarm);
    let shown: Vec<String> = recent
        .iter()
        .filter(|(_, value)| !is_alarm || config.comparison.breaches(*value, config.threshold))
        .map(|(at, value)| format!("{} ({})", told::number(*value), told::short(*at)))
        .collect();
    let (verb, not) = (if shown.len() == 1 { "was" } else { "were" }, if is_alarm { "" } else { "not " });
    let count = shown.len();
    let (words, threshold) = (config.comparison.words(), told::number(config.threshold));
    let shown = shown.join(", ");
    if config.needed.is_none() {
        return format!(
            "Threshold Crossed: {count} {} [{shown}] {verb} {not}{words} the threshold ({threshold}).",
            plural(count)
        );
    }
    let (periods, needed) = (config.periods, config.needed());
    let filled = match (verdict.filled, missing) {
        (0, _) => String::new(),
        (filled, missing) => {
            let taken = if missing == Missing::Breaching { "Breaching" } else { "NonBreaching" };
            format!(
                " and {filled} missing {} treated as [{taken}]",
                if filled == 1 { "datapoint was" } else { "datapoints were" }
            )
        }
    };
    let transition = if is_alarm { "OK -> ALARM" } else { "ALARM -> OK" };
    let least = if is_alarm { needed } else { periods.saturating_sub(needed) + 1 };
    format!(
        "Threshold Crossed: {count} out of the last {periods} {} [{shown}] {verb} {not}{words} the threshold ({threshold}){filled} (minimum {least} {} for {transition} transition).",
        plural(periods),
        plural(least),
    )
}

/// The data behind a reason (`StateReasonData`).
fn data(config: &Config, points: &[Point], end: i64) -> String {
    let recent = recent(config, points);
    let mut data = json!({
        "version": "1.0",
        "queryDate": told::stamp(Timestamp(end.saturating_mul(1000))),
        "period": config.period(),
        "recentDatapoints": recent.iter().rev().map(|(_, value)| *value).collect::<Vec<_>>(),
        "threshold": config.threshold,
        "evaluatedDatapoints": recent.iter().map(|(at, value)| {
            json!({ "timestamp": told::stamp(Timestamp(at.saturating_mul(1000))), "value": value })
        }).collect::<Vec<_>>(),
    });
    if let Some(object) = data.as_object_mut() {
        if let Some(oldest) = recent.last() {
            object.insert("startDate".to_owned(), told::stamp(Timestamp(oldest.0.saturating_mul(1000))).into());
        }
        if let Some(stat) = config.stat() {
            object.insert("statistic".to_owned(), stat.statistic.as_str().into());
        }
        if let Some(unit) = config.stat().and_then(|stat| stat.unit) {
            object.insert("unit".to_owned(), unit.as_str().into());
        }
    }
    data.to_string()
}
