//! When a job rolls out: from when, until when, and in which maintenance windows.
//!
//! Source: "Job scheduling" and "Maintenance windows" of "Job configurations" of the developer guide, and the API reference of
//! `SchedulingConfig`.

use drydock_core::{ApiError, Timestamp};
use drydock_model::iot::{JobEndBehavior, ScheduledJobRollout, SchedulingConfig, TargetSelection};
use drydock_schedule::{Cron, Expression};
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FORM: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]");
const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How long before its start a job has to be made, and how long it lasts at least.
const LEAD: i64 = 30 * MINUTE;
const LATEST_START: i64 = 366 * DAY;
const LATEST_END: i64 = 2 * 366 * DAY;
/// How many of the windows to come are told ("DescribeJob").
const SHOWN: usize = 7;

/// A job's schedule.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Schedule {
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) behavior: JobEndBehavior,
    windows: Vec<(Expression, i64)>,
}

impl Schedule {
    /// Reads a schedule.
    pub(crate) fn read(config: Option<&SchedulingConfig>) -> Result<Self, ApiError> {
        let Some(config) = config else { return Ok(Self::default()) };
        let mut windows = Vec::new();
        for window in config.maintenance_windows.iter().flatten() {
            windows.push((window_of(&window.start_time)?, i64::from(window.duration_in_minutes) * MINUTE));
        }
        Ok(Self {
            start: config.start_time.as_deref().map(time).transpose()?,
            end: config.end_time.as_deref().map(time).transpose()?,
            behavior: config.end_behavior.unwrap_or_default(),
            windows,
        })
    }

    /// Checks the schedule of a job that is made now.
    pub(crate) fn check(
        &self,
        config: Option<&SchedulingConfig>,
        selection: TargetSelection,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(config) = config else { return Ok(()) };
        let from = self.start.unwrap_or(now);
        if self.start.is_some_and(|start| start.since(now) < LEAD) {
            return Err(ApiError::invalid("startTime must be at least 30 minutes ahead"));
        }
        if from.since(now) > LATEST_START {
            return Err(ApiError::invalid("startTime must be within a year"));
        }
        if self.end.is_some_and(|end| end.since(from) < LEAD) {
            return Err(ApiError::invalid("endTime must be at least 30 minutes after the start"));
        }
        if self.end.is_some_and(|end| end.since(now) > LATEST_END) {
            return Err(ApiError::invalid("endTime must be within two years"));
        }
        if config.end_behavior.is_some() && self.end.is_none() {
            return Err(ApiError::invalid("endBehavior needs an endTime"));
        }
        if !self.windows.is_empty() && selection != TargetSelection::Continuous {
            return Err(ApiError::invalid("maintenanceWindows are for jobs whose targetSelection is CONTINUOUS"));
        }
        Ok(())
    }

    pub(crate) fn has_windows(&self) -> bool {
        !self.windows.is_empty()
    }

    /// The next time at which a window opens.
    pub(crate) fn next_window(&self, after: Timestamp) -> Option<Timestamp> {
        self.windows.iter().filter_map(|(starts, _)| starts.after(after, after)).min()
    }

    /// When the window closes that is open at a time, if one is.
    pub(crate) fn closes(&self, now: Timestamp) -> Option<Timestamp> {
        let open = self.windows.iter().filter_map(|(starts, lasts)| {
            // The first start after the moment at which one that has closed by now could have begun.
            let before = now.plus_millis(-lasts);
            let mut from = starts.after(before, before)?;
            let mut ends = None;
            while from <= now {
                ends = Some(from.plus_millis(*lasts));
                from = starts.after(from, from)?;
            }
            ends
        });
        open.max()
    }

    /// The windows to come, as "DescribeJob" tells them.
    pub(crate) fn shown(&self, now: Timestamp) -> Option<Vec<ScheduledJobRollout>> {
        if self.windows.is_empty() {
            return None;
        }
        let mut shown = Vec::new();
        let mut from = self.start.map_or(now, |start| start.plus_millis(-1).max(now));
        while shown.len() < SHOWN {
            let next = self.next_window(from).filter(|next| self.end.is_none_or(|end| *next < end));
            let Some(next) = next else { break };
            let text = next.utc().format(FORM).unwrap_or_default();
            shown.push(ScheduledJobRollout { start_time: Some(text) });
            from = next;
        }
        Some(shown)
    }
}

/// When a window begins: a cron expression, with or without `cron(…)` around it.
fn window_of(text: &str) -> Result<Expression, ApiError> {
    let fields = text.strip_prefix("cron(").and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    let read = Cron::parse(fields).map(Expression::of_cron);
    read.map_err(|why| ApiError::invalid(format!("maintenanceWindows: `{text}` is not a cron expression: {why}")))
}

/// A time as schedules write it: `2026-12-31T23:30`, in UTC.
fn time(text: &str) -> Result<Timestamp, ApiError> {
    let read = PrimitiveDateTime::parse(text, FORM).map(|time| Timestamp(time.assume_utc().unix_timestamp() * 1000));
    read.map_err(|_| {
        // AWS's own words.
        ApiError::invalid(format!(
            "1 validation error detected: Provided time {text} UTC must follow the format YYYY-MM-DDThh:mm."
        ))
    })
}
