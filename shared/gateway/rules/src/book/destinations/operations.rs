//! The operations on destinations, and what the rules engine asks of them.

use super::{DESTINATIONS, Destination, MAX_HTTP, MAX_VPC, Proof};
use crate::actions::http::address;
use crate::book::Rules;
use drydock_core::{ApiError, Arn, Done, ErrorCode, Event, Ids, RuleName, Timestamp, Write, page};
use drydock_model::iot::{self, TopicRuleDestinationStatus as Status};
use std::ops::Bound;

/// How many destinations a page holds where the caller does not say.
const PAGE: usize = 100;

/// AWS answers so for what does not exist, lest its existence be told.
fn denied(arn: &str) -> ApiError {
    ApiError::new(ErrorCode::UnauthorizedException, format!("Access to TopicRuleDestination '{arn}' was denied"))
}

/// What kind of destination a configuration makes: how its ARN spells it.
fn checked(configuration: &iot::TopicRuleDestinationConfiguration) -> Result<&'static str, ApiError> {
    let iot::TopicRuleDestinationConfiguration { http_url_configuration, influx_db_configuration, vpc_configuration } =
        configuration;
    let wrong = |field: &str, why: String| ApiError::invalid(format!("destinationConfiguration.{field}: {why}"));
    match (http_url_configuration, influx_db_configuration, vpc_configuration) {
        (Some(http), None, None) => {
            address(&http.confirmation_url).map_err(|why| wrong("httpUrlConfiguration.confirmationUrl", why))?;
            Ok("http")
        }
        (None, Some(influx), None) => {
            address(&influx.endpoint).map_err(|why| wrong("influxDBConfiguration.endpoint", why))?;
            Ok("influxdb")
        }
        (None, None, Some(vpc)) => {
            if vpc.subnet_ids.is_empty() || vpc.vpc_id.is_empty() {
                return Err(wrong("vpcConfiguration", "it needs a VPC and at least one subnet".to_owned()));
            }
            match Arn::parse(&vpc.role_arn) {
                Some(arn) if arn.service() == "iam" => Ok("vpc"),
                _ => {
                    Err(wrong("vpcConfiguration.roleArn", format!("`{}` is not the ARN of an IAM role", vpc.role_arn)))
                }
            }
        }
        _ => Err(ApiError::invalid("destinationConfiguration: it names exactly one kind of destination")),
    }
}

impl Rules {
    /// `CreateTopicRuleDestination`. What has to be proven is told by an [`Event::DestinationToConfirm`].
    ///
    /// # Errors
    /// An `InvalidRequestException` where the configuration is wrong, or at the quota; a `ResourceAlreadyExistsException`
    /// where there is a destination for the confirmation URL.
    pub fn create_topic_rule_destination(
        &mut self,
        request: iot::CreateTopicRuleDestinationRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<iot::CreateTopicRuleDestinationResponse>, ApiError> {
        let configuration = request.destination_configuration;
        let kind = checked(&configuration)?;
        let wanted = configuration.http_url_configuration.as_ref().map(|http| http.confirmation_url.as_str());
        let same = self.destinations.values().find(|known| wanted.is_some() && known.confirmation_url() == wanted);
        if let Some(known) = same {
            let message = format!("`{}` is a destination for this confirmation URL already", known.arn.as_str());
            return Err(ApiError::exists(message, known.arn.as_str(), known.arn.as_str()));
        }
        let prefix = format!("ruledestination/{kind}/");
        let count = self.destinations.values().filter(|known| known.arn.resource().starts_with(&prefix)).count();
        let most = if kind == "vpc" { MAX_VPC } else { MAX_HTTP };
        if count >= most {
            return Err(ApiError::invalid(format!(
                "the account has {count} {kind} destinations, the most it may have"
            )));
        }
        let arn = self.scope.arn("iot", &format!("{prefix}{}", ids.uuid()));
        let mut destination = Destination {
            arn: arn.clone(),
            created_at: now,
            updated_at: now,
            status: Status::Enabled,
            reason: None,
            configuration,
            challenge: None,
        };
        let mut events = Vec::new();
        // A VPC is not reached over a network of its own here: there is nothing to wait for.
        if kind != "vpc" {
            destination.challenge(now, ids);
            events.push(Event::DestinationToConfirm { arn: arn.clone() });
        }
        let reply = iot::CreateTopicRuleDestinationResponse { topic_rule_destination: Some(destination.shown(now)) };
        let writes = vec![destination.write()];
        self.destinations.insert(arn.as_str().to_owned(), destination);
        Ok(Done { reply, writes, events })
    }

    /// Makes the destinations that a rule's HTTP actions name and that are not there ("If `url` is hardcoded …" in the guide).
    ///
    /// # Errors
    /// An `InvalidRequestException` at the quota.
    pub fn make_destinations(&mut self, rule: &str, now: Timestamp, ids: &dyn Ids) -> Result<Done<()>, ApiError> {
        let mut done = Done::reply(());
        let compiled = RuleName::new(rule).ok().and_then(|name| self.rule(&name));
        for url in compiled.iter().flat_map(|rule| rule.destinations()) {
            let known = self.destinations.values().any(|known| known.confirmation_url() == Some(url));
            if known {
                continue;
            }
            let http = iot::HttpUrlDestinationConfiguration { confirmation_url: url.to_owned() };
            let configuration =
                iot::TopicRuleDestinationConfiguration { http_url_configuration: Some(http), ..Default::default() };
            let request = iot::CreateTopicRuleDestinationRequest { destination_configuration: configuration };
            let made = self.create_topic_rule_destination(request, now, ids)?;
            done.writes.extend(made.writes);
            done.events.extend(made.events);
        }
        Ok(done)
    }

    /// `GetTopicRuleDestination`.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this ARN.
    pub fn get_topic_rule_destination(
        &self,
        request: &iot::GetTopicRuleDestinationRequest,
        now: Timestamp,
    ) -> Result<iot::GetTopicRuleDestinationResponse, ApiError> {
        let found = self.destinations.get(&request.arn).ok_or_else(|| denied(&request.arn))?;
        Ok(iot::GetTopicRuleDestinationResponse { topic_rule_destination: Some(found.shown(now)) })
    }

    /// `ListTopicRuleDestinations`, by ARN.
    ///
    /// # Errors
    /// An `InvalidRequestException` where the token is none.
    pub fn list_topic_rule_destinations(
        &self,
        request: &iot::ListTopicRuleDestinationsRequest,
        now: Timestamp,
    ) -> Result<iot::ListTopicRuleDestinationsResponse, ApiError> {
        const OPERATION: &str = "ListTopicRuleDestinations";
        let after = match &request.next_token {
            Some(token) => Bound::Excluded(page::place(OPERATION, token)?),
            None => Bound::Unbounded,
        };
        let limit = request.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
        let all = self.destinations.range((after, Bound::Unbounded));
        let (found, next) = page::cut(all, limit, |(arn, _)| (*arn).clone());
        Ok(iot::ListTopicRuleDestinationsResponse {
            destination_summaries: Some(found.into_iter().map(|(_, known)| known.summary(now)).collect()),
            next_token: next.map(|place| page::token(OPERATION, &place)),
        })
    }

    /// `UpdateTopicRuleDestination`: what was confirmed is switched on and off; `IN_PROGRESS` begins the confirmation anew.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this ARN; an `InvalidRequestException` where the status cannot be
    /// reached from the one it has.
    pub fn update_topic_rule_destination(
        &mut self,
        request: &iot::UpdateTopicRuleDestinationRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<iot::UpdateTopicRuleDestinationResponse>, ApiError> {
        let found = self.destinations.get_mut(&request.arn).ok_or_else(|| denied(&request.arn))?;
        let mut events = Vec::new();
        match (found.status(now).0, request.status) {
            (Status::Enabled | Status::Disabled, status @ (Status::Enabled | Status::Disabled)) => {
                found.status = status;
                found.reason = None;
                found.updated_at = now;
            }
            // There is nothing to confirm.
            (_, Status::InProgress) if found.configuration.vpc_configuration.is_some() => {
                found.status = Status::Enabled;
                found.updated_at = now;
            }
            (_, Status::InProgress) => {
                found.challenge(now, ids);
                events.push(Event::DestinationToConfirm { arn: found.arn.clone() });
            }
            (from, to) => {
                let message =
                    format!("a destination that is {from} cannot be set to {to}: it has to be confirmed first");
                return Err(ApiError::invalid(message));
            }
        }
        let writes = vec![found.write()];
        Ok(Done { reply: iot::UpdateTopicRuleDestinationResponse::default(), writes, events })
    }

    /// `DeleteTopicRuleDestination`. Rules that use it fail from now on.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this ARN.
    pub fn delete_topic_rule_destination(
        &mut self,
        request: &iot::DeleteTopicRuleDestinationRequest,
    ) -> Result<Done<iot::DeleteTopicRuleDestinationResponse>, ApiError> {
        self.destinations.remove(&request.arn).ok_or_else(|| denied(&request.arn))?;
        let write = Write::delete(DESTINATIONS, request.arn.as_str());
        Ok(Done::written(iot::DeleteTopicRuleDestinationResponse::default(), vec![write]))
    }

    /// `ConfirmTopicRuleDestination`: the token of the last confirmation request enables the destination. A second time it
    /// changes nothing.
    ///
    /// # Errors
    /// An `InvalidRequestException` where no destination waits for the token.
    pub fn confirm_topic_rule_destination(
        &mut self,
        request: &iot::ConfirmTopicRuleDestinationRequest,
        now: Timestamp,
    ) -> Result<Done<iot::ConfirmTopicRuleDestinationResponse>, ApiError> {
        let reply = iot::ConfirmTopicRuleDestinationResponse::default();
        let token = Some(request.confirmation_token.as_str());
        let found = self.destinations.values_mut().find(|known| known.token() == token);
        let found = found.filter(|known| known.confirmation_url().is_some());
        match found.map(|known| (known.status(now).0, known)) {
            Some((Status::InProgress, known)) => {
                known.status = Status::Enabled;
                known.reason = None;
                known.updated_at = now;
                Ok(Done::written(reply, vec![known.write()]))
            }
            Some((Status::Enabled | Status::Disabled, _)) => Ok(Done::reply(reply)),
            _ => Err(ApiError::invalid("the confirmation token is unknown or no longer valid")),
        }
    }

    /// Whether a destination was sent this token, to be confirmed by it.
    #[must_use]
    pub fn awaits(&self, token: &str) -> bool {
        self.destinations.values().any(|known| known.token() == Some(token))
    }

    /// What is to be done to prove a destination; nothing where it waits for none.
    #[must_use]
    pub fn proof(&self, arn: &Arn) -> Option<Proof> {
        let found = self.destinations.get(arn.as_str()).filter(|known| known.status == Status::InProgress)?;
        if let Some(influx) = &found.configuration.influx_db_configuration {
            return Some(Proof::InfluxDb(Box::new(influx.clone())));
        }
        let (url, token) = (found.confirmation_url()?.to_owned(), found.token()?.to_owned());
        Some(Proof::Http { url, token })
    }

    /// The destinations that wait for their proof, as they are on disk: of one whose time is over, too.
    #[must_use]
    pub fn unproven(&self) -> Vec<Arn> {
        let waiting = self.destinations.values().filter(|known| known.status == Status::InProgress);
        waiting.map(|known| known.arn.clone()).collect()
    }

    /// Takes in how proving a destination ended that is still waiting: proven, or why not.
    ///
    /// # Errors
    /// None.
    pub fn settle_destination(
        &mut self,
        arn: &Arn,
        proven: Result<(), String>,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let found = self.destinations.get_mut(arn.as_str()).filter(|known| known.status == Status::InProgress);
        let Some(found) = found else { return Ok(Done::reply(())) };
        found.updated_at = now;
        match proven {
            Ok(()) => found.status = Status::Enabled,
            Err(why) => {
                found.status = Status::Error;
                found.reason = Some(why);
            }
        }
        Ok(Done::written((), vec![found.write()]))
    }

    /// Whether a rule may post to what this confirmation URL stands for.
    ///
    /// # Errors
    /// Why not.
    pub fn may_post(&self, confirmation_url: &str, now: Timestamp) -> Result<(), String> {
        let found = self.destinations.values().find(|known| known.confirmation_url() == Some(confirmation_url));
        match found {
            None => Err(format!("there is no topic rule destination for `{confirmation_url}`")),
            Some(found) => found.usable(now),
        }
    }

    /// The configuration of an InfluxDB destination that may be used.
    ///
    /// # Errors
    /// Why it may not.
    pub fn influx_db(&self, arn: &str, now: Timestamp) -> Result<iot::InfluxDBDestinationConfiguration, String> {
        let found = self.destinations.get(arn).ok_or_else(|| format!("there is no topic rule destination `{arn}`"))?;
        found.usable(now)?;
        let configuration = found.configuration.influx_db_configuration.clone();
        configuration.ok_or_else(|| format!("`{arn}` is not an InfluxDB destination"))
    }

    /// Whether a VPC destination is there and may be used.
    ///
    /// # Errors
    /// Why not.
    pub fn may_enter_vpc(&self, arn: &str, now: Timestamp) -> Result<(), String> {
        let found = self.destinations.get(arn).ok_or_else(|| format!("there is no topic rule destination `{arn}`"))?;
        found.usable(now)
    }
}

impl Destination {
    fn usable(&self, now: Timestamp) -> Result<(), String> {
        match self.status(now) {
            (Status::Enabled, _) => Ok(()),
            (status, reason) => {
                let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                Err(format!("the topic rule destination `{}` is {status}{why}", self.arn.as_str()))
            }
        }
    }
}
