//! Audits that come again: the operations on scheduled audits, and when each is due.
//!
//! "The actual start time of each audit is determined by the system": here it is midnight, UTC, at the beginning of the day.

use crate::book::{Audit, SCHEDULES, check, cut, json, place};
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write};
use drydock_model::iot::{
    AuditFrequency, CreateScheduledAuditRequest, CreateScheduledAuditResponse, DayOfWeek, DeleteScheduledAuditRequest,
    DescribeScheduledAuditRequest, DescribeScheduledAuditResponse, ListScheduledAuditsRequest,
    ListScheduledAuditsResponse, ScheduledAuditMetadata, UpdateScheduledAuditRequest, UpdateScheduledAuditResponse,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use time::{Date, Duration, Month, Weekday};

/// The most scheduled audits of an account (quota "Scheduled audits").
const MOST: usize = 5;
const LIST: &str = "ListScheduledAudits";
const LAST: &str = "LAST";

/// A scheduled audit as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScheduleRow {
    #[serde(flatten)]
    pub(crate) when: When,
    pub(crate) checks: Vec<SmolStr>,
    /// When it comes next.
    pub(crate) next: Timestamp,
    /// When it last came, or was made.
    pub(crate) since: Timestamp,
}

/// On which days an audit comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct When {
    #[serde(with = "drydock_model::row")]
    frequency: AuditFrequency,
    #[serde(default, with = "drydock_model::row")]
    day_of_week: Option<DayOfWeek>,
    /// 1 to 31; 31 is the last day of any month.
    #[serde(default)]
    day_of_month: Option<u8>,
    /// Whether that is written `LAST`.
    #[serde(default)]
    is_last: bool,
}

impl When {
    fn read(
        frequency: AuditFrequency,
        day_of_week: Option<DayOfWeek>,
        day_of_month: Option<&str>,
    ) -> Result<Self, ApiError> {
        let weekly = matches!(frequency, AuditFrequency::Weekly | AuditFrequency::Biweekly);
        let monthly = frequency == AuditFrequency::Monthly;
        let refused = |needs: bool, has: bool, name: &str| match (needs, has) {
            (true, false) => Err(ApiError::invalid(format!("`{name}` is required with the frequency {frequency}"))),
            (false, true) => Err(ApiError::invalid(format!("`{name}` does not go with the frequency {frequency}"))),
            _ => Ok(()),
        };
        refused(weekly, day_of_week.is_some(), "dayOfWeek")?;
        refused(monthly, day_of_month.is_some(), "dayOfMonth")?;
        let day = day_of_month.map(|day| match day {
            LAST => Ok(31),
            day => day
                .parse()
                .ok()
                .filter(|day| (1..=31).contains(day))
                .ok_or_else(|| ApiError::invalid(format!("`dayOfMonth` is 1 to 31 or LAST, not `{day:.16}`"))),
        });
        Ok(Self { frequency, day_of_week, day_of_month: day.transpose()?, is_last: day_of_month == Some(LAST) })
    }

    fn day_of_month(&self) -> Option<String> {
        self.day_of_month.map(|day| if self.is_last { LAST.to_owned() } else { day.to_string() })
    }

    /// The first time after another one. `last` is when it came before, from which two weeks are counted.
    fn after(&self, time: Timestamp, last: Option<Timestamp>) -> Timestamp {
        let today = time.utc().date();
        let day = match self.frequency {
            AuditFrequency::Daily => today.saturating_add(Duration::days(1)),
            AuditFrequency::Weekly => self.weekday_after(today),
            AuditFrequency::Biweekly => match last.map(|last| last.utc().date()) {
                Some(last) if today >= last => {
                    let passed = (today - last).whole_days().div_euclid(14);
                    last.saturating_add(Duration::days((passed + 1) * 14))
                }
                _ => self.weekday_after(today),
            },
            AuditFrequency::Monthly => self.month_day_after(today),
        };
        Timestamp(day.midnight().assume_utc().unix_timestamp().saturating_mul(1000))
    }

    fn weekday_after(&self, today: Date) -> Date {
        let wanted = match self.day_of_week.unwrap_or_default() {
            DayOfWeek::Sun => Weekday::Sunday,
            DayOfWeek::Mon => Weekday::Monday,
            DayOfWeek::Tue => Weekday::Tuesday,
            DayOfWeek::Wed => Weekday::Wednesday,
            DayOfWeek::Thu => Weekday::Thursday,
            DayOfWeek::Fri => Weekday::Friday,
            DayOfWeek::Sat => Weekday::Saturday,
        };
        today.next_occurrence(wanted)
    }

    /// A day that a month does not have is its last one.
    fn month_day_after(&self, today: Date) -> Date {
        let of = |year: i32, month: Month| {
            let day = self.day_of_month.unwrap_or(1).min(month.length(year));
            Date::from_calendar_date(year, month, day).unwrap_or(Date::MAX)
        };
        let this = of(today.year(), today.month());
        if this > today {
            return this;
        }
        let next = today.month().next();
        of(if next == Month::January { today.year().saturating_add(1) } else { today.year() }, next)
    }
}

impl Audit {
    /// "CreateScheduledAudit".
    ///
    /// # Errors
    /// `InvalidRequestException` where a check is not one or not enabled, or the day does not go with the frequency;
    /// `ResourceAlreadyExistsException`; `LimitExceededException` at the sixth.
    pub fn create_schedule(
        &mut self,
        request: CreateScheduledAuditRequest,
        now: Timestamp,
    ) -> Result<Done<CreateScheduledAuditResponse>, ApiError> {
        let name = SmolStr::from(request.scheduled_audit_name);
        let arn = self.schedule_arn(&name);
        if self.schedules.contains_key(&name) {
            return Err(ApiError::exists(format!("the scheduled audit `{name}` exists already"), name.as_str(), arn));
        }
        let checks = self.enabled(&request.target_check_names)?;
        let when = When::read(request.frequency, request.day_of_week, request.day_of_month.as_deref())?;
        if self.schedules.len() >= MOST {
            let message = format!("there are {MOST} scheduled audits, the most that there may be: delete one first");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let row = ScheduleRow { when, checks, next: when.after(now, None), since: now };
        let write = self.put_schedule(name, row);
        Ok(Done::written(CreateScheduledAuditResponse { scheduled_audit_arn: Some(arn) }, vec![write]))
    }

    /// "UpdateScheduledAudit": what is left out stays.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` as for "CreateScheduledAudit".
    pub fn update_schedule(
        &mut self,
        request: &UpdateScheduledAuditRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateScheduledAuditResponse>, ApiError> {
        let name = SmolStr::from(request.scheduled_audit_name.as_str());
        let mut row = self.schedule(&name)?.clone();
        if let Some(names) = &request.target_check_names {
            row.checks = self.enabled(names)?;
        }
        if request.frequency.is_some() || request.day_of_week.is_some() || request.day_of_month.is_some() {
            let frequency = request.frequency.unwrap_or(row.when.frequency);
            // A day that is left out stays where the frequency does.
            let stays = frequency == row.when.frequency;
            let week = request.day_of_week.or(row.when.day_of_week.filter(|_| stays));
            let month = request.day_of_month.clone().or_else(|| row.when.day_of_month().filter(|_| stays));
            let when = When::read(frequency, week, month.as_deref())?;
            if when != row.when {
                row.when = when;
                row.next = when.after(now, None);
            }
        }
        let write = self.put_schedule(name.clone(), row);
        let reply = UpdateScheduledAuditResponse { scheduled_audit_arn: Some(self.schedule_arn(&name)) };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeScheduledAudit".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_schedule(
        &self,
        request: &DescribeScheduledAuditRequest,
    ) -> Result<DescribeScheduledAuditResponse, ApiError> {
        let name = &request.scheduled_audit_name;
        let row = self.schedule(name)?;
        Ok(DescribeScheduledAuditResponse {
            day_of_month: row.when.day_of_month(),
            day_of_week: row.when.day_of_week,
            frequency: Some(row.when.frequency),
            scheduled_audit_arn: Some(self.schedule_arn(name)),
            scheduled_audit_name: Some(name.clone()),
            target_check_names: Some(row.checks.iter().map(ToString::to_string).collect()),
        })
    }

    /// "DeleteScheduledAudit". An audit of it that runs goes on.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn delete_schedule(&mut self, request: &DeleteScheduledAuditRequest) -> Result<Done<()>, ApiError> {
        let name = request.scheduled_audit_name.as_str();
        self.schedule(name)?;
        self.schedules.remove(name);
        Ok(Done::written((), vec![Write::delete(SCHEDULES, name)]))
    }

    /// "ListScheduledAudits", by name.
    ///
    /// # Errors
    /// `InvalidRequestException` for a token that no list has given.
    pub fn list_schedules(
        &self,
        request: &ListScheduledAuditsRequest,
    ) -> Result<ListScheduledAuditsResponse, ApiError> {
        let after = place(LIST, request.next_token.as_deref())?;
        let left =
            self.schedules.iter().filter(|(name, _)| after.as_ref().is_none_or(|after| name.as_str() > after.as_str()));
        let told = left.map(|(name, row)| {
            let told = ScheduledAuditMetadata {
                day_of_month: row.when.day_of_month(),
                day_of_week: row.when.day_of_week,
                frequency: Some(row.when.frequency),
                scheduled_audit_arn: Some(self.schedule_arn(name)),
                scheduled_audit_name: Some(name.to_string()),
            };
            (name.to_string(), told)
        });
        let (scheduled_audits, next_token) = cut(LIST, told, request.max_results);
        Ok(ListScheduledAuditsResponse { next_token, scheduled_audits: Some(scheduled_audits) })
    }

    /// The next time at which a scheduled audit comes.
    pub(crate) fn next_schedule(&self) -> Option<Timestamp> {
        self.schedules.values().map(|row| row.next).min()
    }

    /// Moves a scheduled audit that is due on. It answers with its name, its checks, and since when it is to look.
    pub(crate) fn take_schedule(&mut self, now: Timestamp) -> Option<(SmolStr, Vec<SmolStr>, Timestamp, Write)> {
        let (name, mut row) =
            self.schedules.iter().find(|(_, row)| row.next <= now).map(|(n, r)| (n.clone(), r.clone()))?;
        let (checks, since) = (row.checks.clone(), row.since);
        let due = row.next;
        row.since = now;
        // What was missed meanwhile comes once.
        row.next = row.when.after(now, Some(due));
        let write = self.put_schedule(name.clone(), row);
        Some((name, checks, since, write))
    }

    /// The checks of a request, each once, if all are enabled.
    pub(crate) fn enabled(&self, names: &[String]) -> Result<Vec<SmolStr>, ApiError> {
        if names.is_empty() {
            return Err(ApiError::invalid("`targetCheckNames` names no check"));
        }
        let mut checks: Vec<SmolStr> = Vec::new();
        for name in names {
            let check = check(name)?;
            if !self.is_enabled(check.name) {
                return Err(ApiError::invalid(format!("{name} is not enabled: see UpdateAccountAuditConfiguration")));
            }
            if !checks.iter().any(|known| known == check.name) {
                checks.push(check.name.into());
            }
        }
        Ok(checks)
    }

    fn schedule(&self, name: &str) -> Result<&ScheduleRow, ApiError> {
        self.schedules.get(name).ok_or_else(|| ApiError::not_found(format!("there is no scheduled audit `{name}`")))
    }

    fn schedule_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("scheduledaudit/{name}")).into()
    }

    fn put_schedule(&mut self, name: SmolStr, row: ScheduleRow) -> Write {
        let write = Write::put(SCHEDULES, name.as_str(), json(&row));
        self.schedules.insert(name, row);
        write
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn at(text: &str) -> Timestamp {
        let format = &time::format_description::well_known::Rfc3339;
        Timestamp(OffsetDateTime::parse(text, format).unwrap().unix_timestamp() * 1000)
    }

    #[test]
    fn audits_come_at_the_beginning_of_their_days() {
        let when = |frequency, week, month| When::read(frequency, week, month).unwrap();
        let cases = [
            (when(AuditFrequency::Daily, None, None), "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
            (when(AuditFrequency::Daily, None, None), "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            // A Monday.
            (when(AuditFrequency::Weekly, Some(DayOfWeek::Mon), None), "2026-11-30T10:00:00Z", "2026-12-07T00:00:00Z"),
            (when(AuditFrequency::Weekly, Some(DayOfWeek::Tue), None), "2026-11-30T10:00:00Z", "2026-12-01T00:00:00Z"),
            (when(AuditFrequency::Monthly, None, Some("1")), "2026-11-30T10:00:00Z", "2026-12-01T00:00:00Z"),
            (when(AuditFrequency::Monthly, None, Some("31")), "2026-11-01T10:00:00Z", "2026-11-30T00:00:00Z"),
            (when(AuditFrequency::Monthly, None, Some("LAST")), "2028-02-01T10:00:00Z", "2028-02-29T00:00:00Z"),
            (when(AuditFrequency::Monthly, None, Some("30")), "2027-01-30T10:00:00Z", "2027-02-28T00:00:00Z"),
            (when(AuditFrequency::Monthly, None, Some("5")), "2026-12-05T00:00:00Z", "2027-01-05T00:00:00Z"),
        ];
        for (when, from, expected) in cases {
            assert_eq!(when.after(at(from), None), at(expected), "{when:?} from {from}");
        }
        let biweekly = when(AuditFrequency::Biweekly, Some(DayOfWeek::Wed), None);
        let first = biweekly.after(at("2026-11-30T10:00:00Z"), None);
        assert_eq!(first, at("2026-12-02T00:00:00Z"));
        assert_eq!(biweekly.after(first, Some(first)), at("2026-12-16T00:00:00Z"));
        assert_eq!(
            biweekly.after(at("2026-12-20T00:00:00Z"), Some(first)),
            at("2026-12-30T00:00:00Z"),
            "one was missed"
        );
    }
}
