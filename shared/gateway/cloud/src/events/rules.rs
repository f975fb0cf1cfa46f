//! Rules and their targets.

use super::answer::{Answer, Refused, invalid, listed};
use super::input::steps;
use super::pattern::Pattern;
use super::put::is_the_bus;
use super::rows::{BUS, Rule};
use super::run::row;
use super::{Events, RULES};
use crate::context::lock;
use crate::courier;
use crate::error::CloudError;
use crate::wire::tags_of_properties;
use drydock_core::{Arn, Write};
use drydock_schedule::Expression;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Body = Map<String, Value>;

/// How many targets a rule has at most ("Amazon EventBridge quotas").
const TARGETS: usize = 5;

fn text<'a>(body: &'a Body, name: &str) -> Result<Option<&'a str>, Refused> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("`{name}` must be a text"))),
    }
}

fn required<'a>(body: &'a Body, name: &str) -> Result<&'a str, Refused> {
    text(body, name)?.filter(|text| !text.is_empty()).ok_or_else(|| invalid(format!("`{name}` is missing")))
}

fn missing(rule: &str) -> Refused {
    ("ResourceNotFoundException", format!("Rule {rule:.80} does not exist on EventBus {BUS}."))
}

fn failed(error: &CloudError) -> Refused {
    ("InternalException", error.to_string())
}

/// What a rule says, without its targets.
fn read(body: &Body) -> Result<Rule, Refused> {
    let name = required(body, "Name")?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.len() > 64 || !name.bytes().all(valid) {
        return Err(invalid(format!("the name `{name:.80}` must be 1 to 64 of letters, digits, `-`, `_` and `.`")));
    }
    let schedule_expression = text(body, "ScheduleExpression")?.filter(|text| !text.is_empty()).map(str::to_owned);
    let event_pattern = text(body, "EventPattern")?.filter(|text| !text.is_empty()).map(str::to_owned);
    if schedule_expression.is_none() && event_pattern.is_none() {
        return Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    if let Some(expression) = &schedule_expression {
        let why = |why| invalid(format!("Parameter ScheduleExpression is not valid. ({why})"));
        Expression::of_rule(expression).map_err(why)?;
    }
    if let Some(pattern) = &event_pattern {
        Pattern::parse(pattern).map_err(|why| ("InvalidEventPatternException", why))?;
    }
    let state = text(body, "State")?.unwrap_or("ENABLED");
    if !["ENABLED", "DISABLED"].contains(&state) {
        return Err(invalid(format!("the state `{state:.80}` is not implemented by this gateway")));
    }
    let description = text(body, "Description")?.map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.chars().count() > 512) {
        return Err(invalid("`Description` has at most 512 characters"));
    }
    Ok(Rule {
        name: name.to_owned(),
        schedule_expression,
        event_pattern,
        state: state.to_owned(),
        description,
        role_arn: text(body, "RoleArn")?.map(str::to_owned),
        tags: body.get("Tags").map(tags_of_properties).transpose().map_err(invalid)?.unwrap_or_default(),
        targets: BTreeMap::new(),
        since: drydock_core::Timestamp::default(),
        last: None,
        template: None,
        next: None,
        pattern: None,
        sleeps: false,
    })
}

/// Why a target is not one that a rule can have.
fn check(target: &Body) -> Result<(), String> {
    let known = ["Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig", "RetryPolicy"];
    if let Some(unknown) = target.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("`{unknown:.80}` is not implemented by this gateway"));
    }
    let arn = target.get("Arn").and_then(Value::as_str).unwrap_or_default();
    let parsed = Arn::parse(arn).ok_or_else(|| format!("Provided Arn is not in correct format. (`{arn:.200}`)"))?;
    if !["lambda", "sqs", "sns"].contains(&parsed.service()) {
        return Err(format!(
            "the target `{arn:.200}` is not implemented by this gateway: use a function, a queue or a topic"
        ));
    }
    let inputs = ["Input", "InputPath", "InputTransformer"];
    if inputs.iter().filter(|name| target.contains_key(**name)).count() > 1 {
        return Err("Only one of Input, InputPath, or InputTransformer must be provided.".to_owned());
    }
    if let Some(input) = target.get("Input") {
        let json = input.as_str().is_some_and(|input| serde_json::from_str::<Value>(input).is_ok());
        json.then_some(()).ok_or("JSON syntax error in input")?;
    }
    let is_path = |path: &Value| path.as_str().is_some_and(|path| steps(path).is_some());
    if target.get("InputPath").is_some_and(|path| !is_path(path)) {
        return Err("Invalid InputPath".to_owned());
    }
    if let Some(transformer) = target.get("InputTransformer") {
        let paths = transformer.get("InputPathsMap").and_then(Value::as_object);
        if paths.is_some_and(|paths| paths.len() > 100 || !paths.values().all(is_path)) {
            return Err("Invalid InputPathsMap".to_owned());
        }
        let template = transformer.get("InputTemplate").and_then(Value::as_str).filter(|text| !text.is_empty());
        template.ok_or("`InputTransformer.InputTemplate` is missing")?;
    }
    courier::check(target, "")
}

impl Events {
    fn bus(&self, body: &Body) -> Result<(), Refused> {
        let given = text(body, "EventBusName")?;
        if is_the_bus(given, self) {
            return Ok(());
        }
        Err(("ResourceNotFoundException", format!("Event bus {:.256} does not exist.", given.unwrap_or_default())))
    }

    fn rule(&self, body: &Body, name: &str) -> Result<Rule, Refused> {
        self.bus(body)?;
        let name = required(body, name)?;
        lock(&self.held).get(name).cloned().ok_or_else(|| missing(name))
    }

    /// Writes a rule down and has it run.
    async fn keep(&self, mut rule: Rule) -> Result<(), Refused> {
        rule.plan(self.context.now());
        self.context.journal.commit(vec![row(&rule)]).await.map_err(|error| failed(&error))?;
        let next = rule.next.filter(|_| rule.runs());
        lock(&self.held).insert(rule.name.clone(), rule);
        if let Some(next) = next {
            self.reminder.by(next);
        }
        Ok(())
    }

    /// A rule as it is to be in the place of one that may be there.
    fn renewed(&self, rule: Rule, held: Option<Rule>) -> Rule {
        let since = self.context.now();
        match held {
            Some(held) if held.schedule_expression == rule.schedule_expression => Rule {
                since: held.since,
                last: held.last,
                targets: held.targets,
                tags: held.tags,
                template: held.template,
                ..rule
            },
            Some(held) => Rule { since, targets: held.targets, tags: held.tags, template: held.template, ..rule },
            None => Rule { since, ..rule },
        }
    }

    pub(super) async fn put_rule(&self, body: &Body) -> Answer {
        self.bus(body)?;
        let rule = read(body)?;
        let _one = self.changing.lock().await;
        let held = lock(&self.held).get(&rule.name).cloned();
        let arn = self.arn(&rule.name);
        self.keep(self.renewed(rule, held)).await?;
        Ok(json!({ "RuleArn": arn }))
    }

    pub(super) async fn delete_rule(&self, body: &Body) -> Answer {
        self.bus(body)?;
        let name = required(body, "Name")?;
        let _one = self.changing.lock().await;
        // One that is not there is deleted already.
        let Some(rule) = lock(&self.held).get(name).cloned() else { return Ok(Value::Null) };
        if !rule.targets.is_empty() {
            return Err(invalid("Rule can't be deleted since it has targets."));
        }
        self.context.journal.commit(vec![Write::delete(RULES, name)]).await.map_err(|error| failed(&error))?;
        lock(&self.held).remove(name);
        Ok(Value::Null)
    }

    pub(super) fn describe_rule(&self, body: &Body) -> Answer {
        let rule = self.rule(body, "Name")?;
        let mut shown = rule.shown(self.arn(&rule.name).as_str());
        shown.insert("CreatedBy".to_owned(), self.context.config.scope.account.as_str().into());
        Ok(shown.into())
    }

    pub(super) async fn switch(&self, body: &Body, state: &str) -> Answer {
        let _one = self.changing.lock().await;
        let rule = self.rule(body, "Name")?;
        self.keep(Rule { state: state.to_owned(), ..rule }).await?;
        Ok(Value::Null)
    }

    pub(super) fn list_rules(&self, body: &Body) -> Answer {
        self.bus(body)?;
        let prefix = text(body, "NamePrefix")?.unwrap_or_default();
        let held = lock(&self.held);
        let wanted = held.values().filter(|rule| rule.name.starts_with(prefix));
        let all = wanted.map(|rule| (rule.name.clone(), rule.shown(self.arn(&rule.name).as_str()).into()));
        listed("Rules", all.collect(), body)
    }

    pub(super) fn list_names(&self, body: &Body) -> Answer {
        self.bus(body)?;
        let arn = required(body, "TargetArn")?;
        let held = lock(&self.held);
        let has = |rule: &&Rule| rule.targets.values().any(|target| target.get("Arn").is_some_and(|held| held == arn));
        let all = held.values().filter(has).map(|rule| (rule.name.clone(), rule.name.clone().into()));
        listed("RuleNames", all.collect(), body)
    }

    pub(super) fn list_targets(&self, body: &Body) -> Answer {
        let rule = self.rule(body, "Rule")?;
        let all = rule.targets.into_iter().map(|(id, target)| (id, target.into()));
        listed("Targets", all.collect(), body)
    }

    pub(super) async fn put_targets(&self, body: &Body) -> Answer {
        let _one = self.changing.lock().await;
        let mut rule = self.rule(body, "Rule")?;
        let targets = body.get("Targets").and_then(Value::as_array).filter(|targets| !targets.is_empty());
        for target in targets.ok_or_else(|| invalid("`Targets` is missing"))? {
            let target = target.as_object().ok_or_else(|| invalid("a target is an object"))?;
            let id = required(target, "Id")?;
            check(target).map_err(|why| invalid(format!("target `{id:.64}`: {why}")))?;
            rule.targets.insert(id.to_owned(), target.clone());
        }
        if rule.targets.len() > TARGETS {
            let why =
                format!("The requested resource exceeds the maximum number allowed: {TARGETS} targets of a rule.");
            return Err(("LimitExceededException", why));
        }
        self.keep(rule).await?;
        Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
    }

    pub(super) async fn remove_targets(&self, body: &Body) -> Answer {
        let _one = self.changing.lock().await;
        let mut rule = self.rule(body, "Rule")?;
        let ids = body.get("Ids").and_then(Value::as_array).ok_or_else(|| invalid("`Ids` is missing"))?;
        let mut entries = Vec::new();
        for id in ids.iter().filter_map(Value::as_str) {
            if rule.targets.remove(id).is_none() {
                let message = format!("Rule {} does not have a target with the Id {id:.64}.", rule.name);
                entries
                    .push(json!({ "TargetId": id, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": message }));
            }
        }
        self.keep(rule).await?;
        Ok(json!({ "FailedEntryCount": entries.len(), "FailedEntries": entries }))
    }

    pub(super) fn describe_bus(&self, body: &Body) -> Answer {
        let given = text(body, "Name")?;
        if !is_the_bus(given, self) {
            let why = format!("Event bus {:.256} does not exist.", given.unwrap_or_default());
            return Err(("ResourceNotFoundException", why));
        }
        Ok(self.shown_bus())
    }

    fn shown_bus(&self) -> Value {
        json!({ "Name": BUS, "Arn": self.context.config.scope.arn("events", &format!("event-bus/{BUS}")) })
    }

    pub(super) fn list_buses(&self, body: &Body) -> Answer {
        let prefix = text(body, "NamePrefix")?.unwrap_or_default();
        let all = BUS.starts_with(prefix).then(|| (BUS.to_owned(), self.shown_bus()));
        listed("EventBuses", all.into_iter().collect(), body)
    }

    fn tagged(&self, body: &Body) -> Result<Rule, Refused> {
        let arn = required(body, "ResourceARN")?;
        let found = lock(&self.held).values().find(|rule| self.arn(&rule.name).as_str() == arn).cloned();
        found.ok_or_else(|| ("ResourceNotFoundException", format!("the resource {arn:.256} does not exist.")))
    }

    pub(super) fn list_tags(&self, body: &Body) -> Answer {
        let tags = self.tagged(body)?.tags;
        let tags: Vec<Value> = tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": tags }))
    }

    pub(super) async fn tag(&self, body: &Body) -> Answer {
        let _one = self.changing.lock().await;
        let mut rule = self.tagged(body)?;
        let tags = body.get("Tags").ok_or_else(|| invalid("`Tags` is missing"))?;
        rule.tags.extend(tags_of_properties(tags).map_err(invalid)?);
        if rule.tags.len() > 50 {
            return Err(invalid("a resource has at most 50 tags"));
        }
        self.keep(rule).await?;
        Ok(json!({}))
    }

    pub(super) async fn untag(&self, body: &Body) -> Answer {
        let _one = self.changing.lock().await;
        let mut rule = self.tagged(body)?;
        for key in body.get("TagKeys").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            rule.tags.remove(key);
        }
        self.keep(rule).await?;
        Ok(json!({}))
    }

    /// Has a rule that a template says, with its targets, in the API's own words. Where the template says what it said before, what was
    /// changed over the API since stays, as it does on AWS.
    ///
    /// # Errors
    /// [`CloudError`] with what is wrong with it.
    pub async fn ensure(&self, name: &str, properties: &Map<String, Value>) -> Result<(), CloudError> {
        let wrong = |why: String| CloudError::resource("rule", name, why);
        let mut rule = read(properties).map_err(|(_, why)| wrong(why))?;
        for target in properties.get("Targets").and_then(Value::as_array).into_iter().flatten() {
            let Some(target) = target.as_object() else { return Err(wrong("a target is an object".to_owned())) };
            check(target).map_err(wrong)?;
            let id = target.get("Id").and_then(Value::as_str).unwrap_or_default();
            rule.targets.insert(id.to_owned(), target.clone());
        }
        let _one = self.changing.lock().await;
        let held = lock(&self.held).get(name).cloned();
        let rule = match held {
            Some(held) if held.template.as_ref() == Some(properties) => Rule { sleeps: false, ..held },
            held => {
                let (targets, tags, template) = (rule.targets.clone(), rule.tags.clone(), Some(properties.clone()));
                Rule { targets, tags, template, sleeps: false, ..self.renewed(rule, held) }
            }
        };
        self.keep(rule).await.map_err(|(_, why)| wrong(why))
    }

    /// Forgets what a template said that is no longer the one.
    pub(super) fn drop_sleepers(&self) {
        let mut held = lock(&self.held);
        let gone: Vec<String> = held.values().filter(|rule| rule.sleeps).map(|rule| rule.name.clone()).collect();
        held.retain(|_, rule| !rule.sleeps);
        drop(held);
        self.context.journal.submit(gone.into_iter().map(|name| Write::delete(RULES, name)).collect());
    }
}
