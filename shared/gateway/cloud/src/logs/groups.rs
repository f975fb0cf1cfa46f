//! Log groups.

use super::fault::Fault;
use super::input::{Input, check_retention};
use super::rows::GroupRow;
use super::service::Logs;
use super::state::Group;
use crate::context::lock;
use drydock_core::Scope;
use serde_json::{Map, Value, json};

/// The ARN of a group.
pub(super) fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("logs", &format!("log-group:{name}")).to_string()
}

fn described(scope: &Scope, name: &str, group: &Group) -> Value {
    let arn = arn(scope, name);
    let mut answer = json!({
        "logGroupName": name,
        "creationTime": group.row.created.millis(),
        "metricFilterCount": group.row.metric_filters.len(),
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "storedBytes": group.bytes(),
        "logGroupClass": "STANDARD",
    });
    if let (Some(days), Some(members)) = (group.row.retention_days, answer.as_object_mut()) {
        members.insert("retentionInDays".to_owned(), days.into());
    }
    answer
}

impl Logs {
    pub(super) async fn create_group(&self, input: Input<'_>) -> Result<Value, Fault> {
        let name = input.group_name("logGroupName")?;
        if let Some(class) = input.text("logGroupClass")?.filter(|class| *class != "STANDARD") {
            return Err(Fault::not_implemented(format!("the log group class `{class:.50}`")));
        }
        let tags = super::tags::checked(input.map("tags")?.unwrap_or_default())?;
        let row = GroupRow { tags, ..GroupRow::new(self.context.now()) };
        self.change(|held| Ok(((), held.create_group(name, row)?))).await?;
        Ok(json!({}))
    }

    pub(super) async fn delete_group(&self, input: Input<'_>) -> Result<Value, Fault> {
        let name = input.group_name("logGroupName")?;
        self.change(|held| Ok(((), held.delete_group(name)?))).await?;
        Ok(json!({}))
    }

    pub(super) fn describe_groups(&self, input: Input<'_>) -> Result<Value, Fault> {
        let scope = &self.context.config.scope;
        let prefix = input.text("logGroupNamePrefix")?;
        let pattern = input.text("logGroupNamePattern")?;
        if prefix.is_some() && pattern.is_some() {
            let why = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
            return Err(Fault::parameter(why));
        }
        let pattern = pattern.map(str::to_lowercase);
        let identifiers = input.texts("logGroupIdentifiers", 50)?;
        let named: Option<Vec<&str>> = identifiers
            .map(|all| all.into_iter().map(|one| super::input::group_of(one, scope)).collect())
            .transpose()?;
        let limit = input.limit("limit", 1..=50)?;
        let after = after(&input)?;
        let held = lock(&self.held);
        let wanted = |name: &str| {
            prefix.is_none_or(|prefix| name.starts_with(prefix))
                && pattern.as_ref().is_none_or(|pattern| name.to_lowercase().contains(pattern))
                && named.as_ref().is_none_or(|named| named.contains(&name))
                && after.as_ref().is_none_or(|after| name > after.as_str())
        };
        let all = held.groups.iter().filter(|(name, _)| wanted(name));
        let all: Vec<(String, Value)> =
            all.take(limit + 1).map(|(name, group)| (name.clone(), described(scope, name, group))).collect();
        Ok(page("logGroups", all, limit))
    }

    pub(super) async fn put_retention(&self, input: Input<'_>) -> Result<Value, Fault> {
        let name = input.group_name("logGroupName")?;
        let days = input.whole("retentionInDays")?;
        let days = check_retention(days.ok_or_else(|| Fault::parameter("`retentionInDays` is missing"))?)?;
        self.change_group(name, |group| {
            group.row.retention_days = Some(days);
            Ok(())
        })
        .await?;
        self.expiry.by(self.context.now());
        Ok(json!({}))
    }

    pub(super) async fn delete_retention(&self, input: Input<'_>) -> Result<Value, Fault> {
        let name = input.group_name("logGroupName")?;
        self.change_group(name, |group| {
            group.row.retention_days = None;
            Ok(())
        })
        .await?;
        Ok(json!({}))
    }
}

/// The place behind which a page begins.
pub(super) fn after(input: &Input<'_>) -> Result<Option<String>, Fault> {
    use base64::Engine as _;
    let Some(token) = input.text("nextToken")? else { return Ok(None) };
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok();
    let place = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    place.map(Some).ok_or_else(|| Fault::parameter("The specified nextToken is invalid."))
}

/// The token of a page that begins behind a place.
pub(super) fn token(place: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(place)
}

/// A page of what may be one more than fits, each with its place.
pub(super) fn page(name: &str, mut all: Vec<(String, Value)>, limit: usize) -> Value {
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|(place, _)| token(place));
    let mut answer = Map::new();
    answer.insert(name.to_owned(), all.into_iter().map(|(_, value)| value).collect());
    if let Some(next) = next {
        answer.insert("nextToken".to_owned(), next.into());
    }
    answer.into()
}
