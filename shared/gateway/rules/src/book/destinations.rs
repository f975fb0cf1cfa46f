//! Topic rule destinations ("HTTP action destinations", "Virtual private cloud (VPC) destinations", "InfluxDB action
//! destination" in the guide): where rules send to once it is proven that the owner agrees.

mod operations;

use super::Rules;
use drydock_core::{Arn, CorruptRow, Ids, Timestamp, Write};
use drydock_model::iot;
use serde::{Deserialize, Serialize};
use std::fmt;

pub(super) const DESTINATIONS: &str = "topic_rule_destinations";

/// The most HTTP destinations of an account (quota).
const MAX_HTTP: usize = 1000;
/// The most VPC destinations of an account (quota).
const MAX_VPC: usize = 5;
/// How long a confirmation token holds, in milliseconds: three days. AWS does not say.
const TOKEN_MILLIS: i64 = 3 * 24 * 60 * 60 * 1000;
/// Why a destination is in error that nobody confirmed.
const TIMED_OUT: &str = "Confirmation timed out";

/// A destination.
#[derive(Clone, PartialEq)]
pub(super) struct Destination {
    arn: Arn,
    created_at: Timestamp,
    updated_at: Timestamp,
    status: iot::TopicRuleDestinationStatus,
    reason: Option<String>,
    configuration: iot::TopicRuleDestinationConfiguration,
    /// What confirms it, and when that was sent out.
    challenge: Option<(String, Timestamp)>,
}

/// The token is a secret.
impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("arn", &self.arn).field("status", &self.status).finish_non_exhaustive()
    }
}

/// A destination as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    created_at: Timestamp,
    updated_at: Timestamp,
    status: String,
    reason: Option<String>,
    configuration: serde_json::Value,
    challenge: Option<(String, Timestamp)>,
}

/// What is to be done to prove that a destination's owner agrees.
#[derive(Clone, PartialEq)]
pub enum Proof {
    /// The token is to be posted to the confirmation URL.
    Http {
        /// The URL.
        url: String,
        /// The token.
        token: String,
    },
    /// The instance is to be asked something that takes the token of the secret.
    InfluxDb(Box<iot::InfluxDBDestinationConfiguration>),
}

/// The token is a secret.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { url, .. } => f.debug_struct("Http").field("url", url).finish_non_exhaustive(),
            Self::InfluxDb(of) => f.debug_struct("InfluxDb").field("endpoint", &of.endpoint).finish_non_exhaustive(),
        }
    }
}

impl Destination {
    /// Its status at a time: what nobody confirms is in error one day.
    fn status(&self, now: Timestamp) -> (iot::TopicRuleDestinationStatus, Option<&str>) {
        let waiting = self.status == iot::TopicRuleDestinationStatus::InProgress;
        match &self.challenge {
            Some((_, sent)) if waiting && now.since(*sent) >= TOKEN_MILLIS => {
                (iot::TopicRuleDestinationStatus::Error, Some(TIMED_OUT))
            }
            _ => (self.status, self.reason.as_deref()),
        }
    }

    fn confirmation_url(&self) -> Option<&str> {
        self.configuration.http_url_configuration.as_ref().map(|http| http.confirmation_url.as_str())
    }

    fn token(&self) -> Option<&str> {
        self.challenge.as_ref().map(|(token, _)| token.as_str())
    }

    /// Begins to prove it anew.
    fn challenge(&mut self, now: Timestamp, ids: &dyn Ids) {
        self.status = iot::TopicRuleDestinationStatus::InProgress;
        // AWS's own words.
        self.reason = self.confirmation_url().map(|_| {
            format!(
                "Awaiting confirmation. Confirmation message sent on {now}; no response received from the endpoint."
            )
        });
        self.updated_at = now;
        self.challenge = Some((format!("{}{}", ids.hex64(), ids.hex64()), now));
    }

    fn write(&self) -> Write {
        let row = serde_json::json!(Row {
            created_at: self.created_at,
            updated_at: self.updated_at,
            status: self.status.as_str().to_owned(),
            reason: self.reason.clone(),
            configuration: self.configuration.to_json(),
            challenge: self.challenge.clone(),
        });
        Write::put(DESTINATIONS, self.arn.as_str(), row.to_string())
    }

    fn read(key: &str, value: &str) -> Result<Self, String> {
        let row: Row = serde_json::from_str(value).map_err(|error| error.to_string())?;
        let configuration = iot::TopicRuleDestinationConfiguration::from_json(&row.configuration);
        Ok(Self {
            arn: Arn::parse(key).ok_or_else(|| "its key is not an ARN".to_owned())?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            status: row.status.parse().map_err(|_| format!("`{}` is not a status", row.status))?,
            reason: row.reason,
            configuration: configuration.map_err(|error| error.to_string())?,
            challenge: row.challenge,
        })
    }

    fn shown(&self, now: Timestamp) -> iot::TopicRuleDestination {
        let (status, reason) = self.status(now);
        let iot::TopicRuleDestinationConfiguration {
            http_url_configuration: http,
            influx_db_configuration: influx,
            vpc_configuration: vpc,
        } = self.configuration.clone();
        iot::TopicRuleDestination {
            arn: Some(self.arn.as_str().to_owned()),
            created_at: Some(self.created_at),
            http_url_properties: http
                .map(|http| iot::HttpUrlDestinationProperties { confirmation_url: Some(http.confirmation_url) }),
            influx_db_properties: influx.map(|influx| iot::InfluxDBDestinationProperties {
                endpoint: Some(influx.endpoint),
                influx_db_version: Some(influx.influx_db_version),
                secret_id: Some(influx.secret_id),
                secret_key: influx.secret_key,
                secret_type: influx.secret_type,
            }),
            last_updated_at: Some(self.updated_at),
            status: Some(status),
            status_reason: reason.map(str::to_owned),
            vpc_properties: vpc.map(|vpc| iot::VpcDestinationProperties {
                role_arn: Some(vpc.role_arn),
                security_groups: vpc.security_groups,
                subnet_ids: Some(vpc.subnet_ids),
                vpc_id: Some(vpc.vpc_id),
            }),
        }
    }

    fn summary(&self, now: Timestamp) -> iot::TopicRuleDestinationSummary {
        let shown = self.shown(now);
        iot::TopicRuleDestinationSummary {
            arn: shown.arn,
            created_at: shown.created_at,
            http_url_summary: shown
                .http_url_properties
                .map(|of| iot::HttpUrlDestinationSummary { confirmation_url: of.confirmation_url }),
            influx_db_summary: shown.influx_db_properties.map(|of| iot::InfluxDBDestinationSummary {
                endpoint: of.endpoint,
                influx_db_version: of.influx_db_version,
                secret_id: of.secret_id,
                secret_key: of.secret_key,
                secret_type: of.secret_type,
            }),
            last_updated_at: shown.last_updated_at,
            status: shown.status,
            status_reason: shown.status_reason,
            vpc_destination_summary: shown.vpc_properties.map(|of| iot::VpcDestinationSummary {
                role_arn: of.role_arn,
                security_groups: of.security_groups,
                subnet_ids: of.subnet_ids,
                vpc_id: of.vpc_id,
            }),
        }
    }
}

impl Rules {
    pub(super) fn load_destination(&mut self, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why| CorruptRow { table: DESTINATIONS.to_owned(), key: key.to_owned(), why };
        let destination = Destination::read(key, value).map_err(corrupt)?;
        self.destinations.insert(key.to_owned(), destination);
        Ok(())
    }
}
