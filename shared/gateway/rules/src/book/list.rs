//! `GetTopicRule` and `ListTopicRules`.

use super::{Entry, Rules, denied};
use drydock_core::{ApiError, RuleName, Topic, page};
use drydock_model::iot;
use std::ops::Bound;

/// How many rules a page holds where the caller does not say.
const PAGE: usize = 100;

impl Rules {
    /// `GetTopicRule`: the rule as it was given.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this name.
    pub fn get_topic_rule(&self, request: &iot::GetTopicRuleRequest) -> Result<iot::GetTopicRuleResponse, ApiError> {
        let name = RuleName::new(&request.rule_name)?;
        let entry = self.rules.get(&name).ok_or_else(|| denied(&name))?;
        let payload = &entry.payload;
        Ok(iot::GetTopicRuleResponse {
            rule_arn: Some(self.scope.rule(&name).into()),
            rule: Some(iot::TopicRule {
                actions: Some(payload.actions.clone()),
                aws_iot_sql_version: Some(entry.compiled.program.version.as_str().to_owned()),
                created_at: Some(entry.created_at),
                description: payload.description.clone(),
                error_action: payload.error_action.clone(),
                rule_disabled: Some(entry.is_disabled()),
                rule_name: Some(name.as_str().to_owned()),
                sql: Some(payload.sql.clone()),
            }),
        })
    }

    /// `ListTopicRules`, by name. A topic lists the rules that listen to it, or whose filter it is.
    ///
    /// # Errors
    /// An `InvalidRequestException` where the token is none.
    pub fn list_topic_rules(
        &self,
        request: &iot::ListTopicRulesRequest,
    ) -> Result<iot::ListTopicRulesResponse, ApiError> {
        const OPERATION: &str = "ListTopicRules";
        let after = match &request.next_token {
            Some(token) => Bound::Excluded(RuleName::new(page::place(OPERATION, token)?)?),
            None => Bound::Unbounded,
        };
        let wanted = |entry: &Entry| {
            let from = entry.compiled.program.from.as_ref();
            let topic = request.topic.as_deref();
            let listens = topic.is_none_or(|topic| {
                from.is_some_and(|f| f.as_str() == topic || (Topic::new(topic).is_ok() && f.matches(topic)))
            });
            listens && request.rule_disabled.is_none_or(|disabled| disabled == entry.is_disabled())
        };
        let rules = self.rules.range((after, Bound::Unbounded)).filter(|(_, entry)| wanted(entry));
        let limit = request.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
        let (page, next) = page::cut(rules, limit, |(name, _)| name.as_str().to_owned());
        let item = |(name, entry): (&RuleName, &Entry)| iot::TopicRuleListItem {
            created_at: Some(entry.created_at),
            rule_arn: Some(self.scope.rule(name).into()),
            rule_disabled: Some(entry.is_disabled()),
            rule_name: Some(name.as_str().to_owned()),
            topic_pattern: entry.compiled.program.from.as_ref().map(ToString::to_string),
        };
        Ok(iot::ListTopicRulesResponse {
            next_token: next.map(|place| page::token(OPERATION, &place)),
            rules: Some(page.into_iter().map(item).collect()),
        })
    }
}
