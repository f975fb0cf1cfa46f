//! What the operations do, and what a template says.

use super::api::Query;
use super::check::{Refused, check_name, invalid};
use super::rows::{Definition, Group, Schedule, seconds};
use super::run::row;
use super::{DEFAULT, GROUPS, SCHEDULES, Scheduler};
use crate::context::lock;
use crate::error::CloudError;
use crate::wire::page;
use drydock_core::Write;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Answer = Result<Value, Refused>;

/// The most entries of a page.
const PAGE: usize = 100;

/// A page of a list.
fn listed(name: &str, all: Vec<(String, Value)>, query: &Query) -> Answer {
    let most = ("MaxResults", query.get("MaxResults"), PAGE);
    page::answer(name, all, ("NextToken", query.get("NextToken")), most).map_err(invalid)
}

fn missing(what: &str, name: &str) -> Refused {
    ("ResourceNotFoundException", format!("{what} {name} does not exist."))
}

fn failed(error: &CloudError) -> Refused {
    ("InternalServerException", error.to_string())
}

fn group_row(group: &Group) -> Write {
    // A group is texts and numbers: writing it as JSON does not fail.
    Write::put(GROUPS, group.name.clone(), serde_json::to_string(group).unwrap_or_default())
}

impl Scheduler {
    pub(super) async fn create_schedule(&self, name: &str, body: &Map<String, Value>) -> Answer {
        let definition = self.read(name, body)?;
        self.check_end(&definition)?;
        let _one = self.changing.lock().await;
        let schedule = Schedule::new(definition, self.context.now());
        let key = schedule.key();
        {
            let held = lock(&self.held);
            if !held.groups.contains_key(&schedule.definition.group_name) {
                return Err(missing("Schedule group", &schedule.definition.group_name));
            }
            if held.schedules.contains_key(&key) {
                return Err(("ConflictException", format!("Schedule {name} already exists.")));
            }
        }
        self.keep(schedule).await.map_err(|error| failed(&error))?;
        Ok(json!({ "ScheduleArn": self.arn("schedule", &key) }))
    }

    pub(super) async fn update_schedule(&self, name: &str, body: &Map<String, Value>) -> Answer {
        let definition = self.read(name, body)?;
        self.check_end(&definition)?;
        let _one = self.changing.lock().await;
        let key = format!("{}/{name}", definition.group_name);
        let held = lock(&self.held).schedules.get(&key).cloned().ok_or_else(|| missing("Schedule", name))?;
        self.keep(held.changed(definition, self.context.now())).await.map_err(|error| failed(&error))?;
        Ok(json!({ "ScheduleArn": self.arn("schedule", &key) }))
    }

    /// Writes a schedule down and has it run.
    async fn keep(&self, schedule: Schedule) -> Result<(), CloudError> {
        self.context.journal.commit(vec![row(&schedule)]).await?;
        let next = schedule.next;
        lock(&self.held).schedules.insert(schedule.key(), schedule);
        if let Some(next) = next {
            self.reminder.by(next);
        }
        Ok(())
    }

    pub(super) fn get_schedule(&self, name: &str, query: &Query) -> Answer {
        let key = format!("{}/{name}", query.get("groupName").unwrap_or(DEFAULT));
        let held = lock(&self.held);
        let schedule = held.schedules.get(&key).ok_or_else(|| missing("Schedule", name))?;
        Ok(schedule.shown(self.arn("schedule", &key).as_str()))
    }

    pub(super) async fn delete_schedule(&self, name: &str, query: &Query) -> Answer {
        let _one = self.changing.lock().await;
        let key = format!("{}/{name}", query.get("groupName").unwrap_or(DEFAULT));
        if !lock(&self.held).schedules.contains_key(&key) {
            return Err(missing("Schedule", name));
        }
        self.context
            .journal
            .commit(vec![Write::delete(SCHEDULES, key.clone())])
            .await
            .map_err(|error| failed(&error))?;
        lock(&self.held).schedules.remove(&key);
        Ok(json!({}))
    }

    pub(super) fn list_schedules(&self, query: &Query) -> Answer {
        let held = lock(&self.held);
        let group = query.get("ScheduleGroup");
        if let Some(group) = group.filter(|group| !held.groups.contains_key(*group)) {
            return Err(missing("Schedule group", group));
        }
        let (prefix, state) = (query.get("NamePrefix").unwrap_or_default(), query.get("State"));
        let wanted = held.schedules.iter().filter(|(_, schedule)| {
            let definition = &schedule.definition;
            group.is_none_or(|group| definition.group_name == group)
                && definition.name.starts_with(prefix)
                && state.is_none_or(|state| definition.state == state)
        });
        let all = wanted.map(|(key, schedule)| {
            let definition = &schedule.definition;
            let shown = json!({
                "Arn": self.arn("schedule", key),
                "Name": definition.name,
                "GroupName": definition.group_name,
                "State": definition.state,
                "CreationDate": seconds(schedule.created),
                "LastModificationDate": seconds(schedule.modified),
                "Target": { "Arn": definition.target.get("Arn") },
            });
            (key.clone(), shown)
        });
        listed("Schedules", all.collect(), query)
    }

    pub(super) async fn create_group(&self, name: &str, body: &Map<String, Value>) -> Answer {
        check_name("the name", name)?;
        let _one = self.changing.lock().await;
        if lock(&self.held).groups.contains_key(name) {
            return Err(("ConflictException", format!("Schedule group {name} already exists.")));
        }
        let tags = tags_of(body.get("Tags"))?;
        self.keep_group(Group { tags, ..Group::new(name, self.context.now()) })
            .await
            .map_err(|error| failed(&error))?;
        Ok(json!({ "ScheduleGroupArn": self.arn("schedule-group", name) }))
    }

    async fn keep_group(&self, group: Group) -> Result<(), CloudError> {
        self.context.journal.commit(vec![group_row(&group)]).await?;
        lock(&self.held).groups.insert(group.name.clone(), group);
        Ok(())
    }

    fn shown_group(&self, group: &Group) -> Value {
        json!({
            "Arn": self.arn("schedule-group", &group.name),
            "Name": group.name,
            "State": "ACTIVE",
            "CreationDate": seconds(group.created),
            "LastModificationDate": seconds(group.modified),
        })
    }

    pub(super) fn get_group(&self, name: &str) -> Answer {
        let held = lock(&self.held);
        Ok(self.shown_group(held.groups.get(name).ok_or_else(|| missing("Schedule group", name))?))
    }

    /// A group goes with its schedules.
    pub(super) async fn delete_group(&self, name: &str) -> Answer {
        if name == DEFAULT {
            return Err(invalid("The default schedule group cannot be deleted."));
        }
        let _one = self.changing.lock().await;
        let members: Vec<String> = {
            let held = lock(&self.held);
            held.groups.get(name).ok_or_else(|| missing("Schedule group", name))?;
            let members = held.schedules.iter().filter(|(_, schedule)| schedule.definition.group_name == name);
            members.map(|(key, _)| key.clone()).collect()
        };
        let writes = members.iter().map(|key| Write::delete(SCHEDULES, key.clone()));
        let writes = writes.chain([Write::delete(GROUPS, name)]).collect();
        self.context.journal.commit(writes).await.map_err(|error| failed(&error))?;
        let mut held = lock(&self.held);
        held.groups.remove(name);
        held.schedules.retain(|key, _| !members.contains(key));
        Ok(json!({}))
    }

    pub(super) fn list_groups(&self, query: &Query) -> Answer {
        let held = lock(&self.held);
        let prefix = query.get("NamePrefix").unwrap_or_default();
        let wanted = held.groups.values().filter(|group| group.name.starts_with(prefix));
        let all = wanted.map(|group| (group.name.clone(), self.shown_group(group))).collect();
        listed("ScheduleGroups", all, query)
    }

    /// The group that tags are on: no other resource of the Scheduler has any.
    fn tagged(&self, arn: &str) -> Result<Group, Refused> {
        let held = lock(&self.held);
        let mut groups = held.groups.values();
        let group = groups.find(|group| self.arn("schedule-group", &group.name).as_str() == arn);
        group.cloned().ok_or_else(|| missing("Resource", arn))
    }

    pub(super) fn list_tags(&self, arn: &str) -> Answer {
        let tags = self.tagged(arn)?.tags;
        let tags: Vec<Value> = tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": tags }))
    }

    pub(super) async fn tag(&self, arn: &str, body: &Map<String, Value>) -> Answer {
        let _one = self.changing.lock().await;
        let mut group = self.tagged(arn)?;
        group.tags.extend(tags_of(body.get("Tags"))?);
        if group.tags.len() > 50 {
            return Err(invalid("a resource has at most 50 tags"));
        }
        group.modified = self.context.now();
        self.keep_group(group).await.map_err(|error| failed(&error))?;
        Ok(json!({}))
    }

    pub(super) async fn untag(&self, arn: &str, query: &Query) -> Answer {
        let _one = self.changing.lock().await;
        let mut group = self.tagged(arn)?;
        for key in query.all("TagKeys") {
            group.tags.remove(key);
        }
        group.modified = self.context.now();
        self.keep_group(group).await.map_err(|error| failed(&error))?;
        Ok(json!({}))
    }

    /// Has a group that a template says.
    ///
    /// # Errors
    /// [`CloudError`] with what is wrong with it.
    pub async fn ensure_group(&self, name: &str, tags: BTreeMap<String, String>) -> Result<(), CloudError> {
        check_name("the name", name).map_err(|(_, why)| CloudError::resource("schedule group", name, why))?;
        let _one = self.changing.lock().await;
        let held = lock(&self.held).groups.get(name).cloned();
        let group = held.unwrap_or_else(|| Group::new(name, self.context.now()));
        self.keep_group(Group { tags, ..group }).await
    }

    /// Has a schedule that a template says, in the API's own words. Where the template says what it said before, what was changed over the
    /// API since stays, as it does on AWS.
    ///
    /// # Errors
    /// [`CloudError`] with what is wrong with it.
    pub async fn ensure(&self, name: &str, properties: &Map<String, Value>) -> Result<(), CloudError> {
        let wrong = |why: String| CloudError::resource("schedule", name, why);
        let definition: Definition = self.read(name, properties).map_err(|(_, why)| wrong(why))?;
        let _one = self.changing.lock().await;
        let now = self.context.now();
        if !lock(&self.held).groups.contains_key(&definition.group_name) {
            return Err(wrong(format!("there is no schedule group `{}`", definition.group_name)));
        }
        let key = format!("{}/{name}", definition.group_name);
        let held = lock(&self.held).schedules.get(&key).cloned();
        let template = Some(Box::new(definition.clone()));
        let schedule = match held {
            Some(held) if held.template == template => Schedule { sleeps: false, ..held },
            held => {
                self.check_end(&definition).map_err(|(_, why)| wrong(why))?;
                let schedule = match held {
                    Some(held) => held.changed(definition, now),
                    None => Schedule::new(definition, now),
                };
                Schedule { template, ..schedule }
            }
        };
        self.keep(schedule).await
    }

    /// Forgets what a template said that is no longer the one.
    pub(super) fn drop_sleepers(&self) {
        let mut held = lock(&self.held);
        let gone: Vec<String> =
            held.schedules.iter().filter(|(_, schedule)| schedule.sleeps).map(|(key, _)| key.clone()).collect();
        held.schedules.retain(|_, schedule| !schedule.sleeps);
        drop(held);
        self.context.journal.submit(gone.into_iter().map(|key| Write::delete(SCHEDULES, key)).collect());
    }
}

fn tags_of(given: Option<&Value>) -> Result<BTreeMap<String, String>, Refused> {
    let Some(given) = given.filter(|given| !given.is_null()) else { return Ok(BTreeMap::new()) };
    let tags = crate::wire::tags_of_properties(given).map_err(invalid)?;
    if tags.len() > 50 || tags.iter().any(|(key, value)| key.is_empty() || key.len() > 128 || value.len() > 256) {
        return Err(invalid("there are at most 50 tags, with keys of 1 to 128 and values of at most 256 characters"));
    }
    Ok(tags)
}
