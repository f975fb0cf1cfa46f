//! "ListCommands" and "ListCommandExecutions": the newest first, where nothing else is asked for.
//!
//! Source: the API reference of the operations; "List commands in your AWS account" and "List command executions in your AWS
//! account" of the developer guide.

use crate::book::{Commands, invalid};
use crate::command::{CommandRow, arn};
use crate::execution::ExecutionRow;
use crate::target::Target;
use drydock_core::{ApiError, Arn, Scope, Timestamp, page};
use drydock_model::iot::{
    CommandExecutionSummary, CommandNamespace, CommandSummary, ListCommandExecutionsRequest,
    ListCommandExecutionsResponse, ListCommandsRequest, ListCommandsResponse, SortOrder, TimeFilter,
};
use smol_str::SmolStr;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Entries of a page, where the caller does not say.
const PAGE: usize = 25;
const FORM: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]");

/// The page that a token leads to, of entries with their times and ids.
fn page<T>(
    operation: &str,
    mut entries: Vec<(Timestamp, SmolStr, T)>,
    order: Option<SortOrder>,
    (token, size): (Option<&str>, Option<i32>),
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let after = token.map(|token| page::place(operation, token)).transpose();
    let after = after.map_err(|error| invalid(error.message))?;
    let descends = order != Some(SortOrder::Ascending);
    let at = |(time, id, _): &(Timestamp, SmolStr, T)| {
        let millis = if descends { i64::MAX - time.millis() } else { time.millis() };
        format!("{millis:020}/{id}")
    };
    entries.sort_by_cached_key(at);
    let left = entries.into_iter().filter(|entry| after.as_ref().is_none_or(|after| at(entry) > *after));
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE);
    let (page, next) = page::cut(left, size, at);
    let next = next.map(|place| page::token(operation, &place));
    Ok((page.into_iter().map(|(_, _, entry)| entry).collect(), next))
}

impl Commands {
    /// "ListCommands": without those that are pending deletion.
    ///
    /// # Errors
    /// `ValidationException` where the token is not one of this operation.
    pub fn list_commands(&self, request: &ListCommandsRequest) -> Result<ListCommandsResponse, ApiError> {
        let in_namespace = request.namespace != Some(CommandNamespace::AwsIoTFleetWise);
        let fits = |row: &CommandRow| {
            let has = |name: &String| row.parameter(name).is_some();
            row.deletes.is_none() && in_namespace && request.command_parameter_name.as_ref().is_none_or(has)
        };
        let summary = |(id, row): (&SmolStr, &CommandRow)| {
            let summary = CommandSummary {
                command_arn: Some(arn(&self.scope, id)),
                command_id: Some(id.to_string()),
                created_at: Some(row.created),
                deprecated: Some(row.deprecated.is_some()),
                display_name: row.display_name.clone(),
                last_updated_at: Some(row.updated),
                pending_deletion: Some(false),
            };
            (row.created, id.clone(), summary)
        };
        let entries = self.commands.iter().filter(|(_, row)| fits(row)).map(summary).collect();
        let asked = (request.next_token.as_deref(), request.max_results);
        let (commands, next_token) = page("ListCommands", entries, request.sort_order, asked)?;
        Ok(ListCommandsResponse { commands: Some(commands), next_token })
    }

    /// "ListCommandExecutions": of a command or on a device; by when they were completed, where that is asked for, else by when
    /// they were started.
    ///
    /// # Errors
    /// `ValidationException` where not one of `commandArn` and `targetArn` is given, or both filters of times, or something that
    /// cannot be; `ResourceNotFoundException` for a command that neither is there nor has executions.
    pub fn list_executions(
        &self,
        request: &ListCommandExecutionsRequest,
    ) -> Result<ListCommandExecutionsResponse, ApiError> {
        let ids: Vec<&SmolStr> = match (&request.command_arn, &request.target_arn) {
            (Some(command), None) => {
                let id = command_of(&self.scope, command)?;
                let from = (id.clone(), SmolStr::default());
                let of = self.by_command.range(from..).take_while(|(command, _)| *command == id);
                let of: Vec<_> = of.map(|(_, execution)| execution).collect();
                if of.is_empty() {
                    self.command(&id)?;
                }
                of
            }
            (None, Some(target)) => {
                let target = Target::of_arn(&self.scope, target)?;
                let from = (target.clone(), SmolStr::default());
                let on = self.by_target.range(from..).take_while(|(on, _)| *on == target);
                on.map(|(_, execution)| execution).collect()
            }
            _ => return Err(invalid("one of commandArn and targetArn is needed, and only one")),
        };
        if request.started_time_filter.is_some() && request.completed_time_filter.is_some() {
            return Err(invalid("either startedTimeFilter or completedTimeFilter may be given"));
        }
        let times = request.started_time_filter.as_ref().or(request.completed_time_filter.as_ref());
        let within = times.map(Within::read).transpose()?.unwrap_or_default();
        let by_end = request.completed_time_filter.is_some();
        let in_namespace = request.namespace != Some(CommandNamespace::AwsIoTFleetWise);
        let rows = ids.into_iter().filter_map(|id| Some((id, self.executions.get(id)?)));
        let fitting = rows.filter_map(|(id, row)| {
            let at = if by_end { row.completed? } else { row.created };
            let fits = in_namespace && request.status.is_none_or(|status| row.status == status) && within.has(at);
            fits.then(|| (at, id.clone(), self.summary(id, row)))
        });
        let asked = (request.next_token.as_deref(), request.max_results);
        let (executions, next_token) = page("ListCommandExecutions", fitting.collect(), request.sort_order, asked)?;
        Ok(ListCommandExecutionsResponse { command_executions: Some(executions), next_token })
    }

    fn summary(&self, id: &str, row: &ExecutionRow) -> CommandExecutionSummary {
        CommandExecutionSummary {
            command_arn: Some(arn(&self.scope, &row.command)),
            completed_at: row.completed,
            created_at: Some(row.created),
            execution_id: Some(id.to_owned()),
            started_at: Some(row.created),
            status: Some(row.status),
            target_arn: Some(row.target.arn(&self.scope)),
        }
    }
}

/// The id of a command from its ARN.
pub(crate) fn command_of(scope: &Scope, text: &str) -> Result<SmolStr, ApiError> {
    let arn = Arn::parse(text).filter(|arn| scope.arn("iot", arn.resource()) == *arn);
    let id = arn.as_ref().and_then(|arn| arn.resource().strip_prefix("command/")).filter(|id| !id.is_empty());
    let why = || invalid(format!("commandArn `{text:.300}` is not the ARN of a command of this account and region"));
    id.map(SmolStr::new).ok_or_else(why)
}

/// The times of a filter; both ends may be open.
#[derive(Default)]
struct Within {
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Within {
    fn read(filter: &TimeFilter) -> Result<Self, ApiError> {
        let time = |text: &Option<String>| text.as_deref().map(time).transpose();
        Ok(Self { after: time(&filter.after)?, before: time(&filter.before)? })
    }

    fn has(&self, at: Timestamp) -> bool {
        self.after.is_none_or(|after| at >= after) && self.before.is_none_or(|before| at < before)
    }
}

/// A time as filters write it: `2026-11-30T03:00`, in UTC.
fn time(text: &str) -> Result<Timestamp, ApiError> {
    let read = PrimitiveDateTime::parse(text, FORM).map(|time| Timestamp(time.assume_utc().unix_timestamp() * 1000));
    read.map_err(|_| invalid(format!("`{text:.64}` is not a time of the form yyyy-MM-dd'T'HH:mm")))
}
