//! A custom metric as it is kept, and the operations on custom metrics.
//!
//! Source: the API reference of the operations; "Custom metrics" of the guide.

use crate::book::{CUSTOM_METRICS, Detect, json};
use crate::dimension::names_page;
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write};
use drydock_model::Wire;
use drydock_model::iot::{
    CreateCustomMetricRequest, CreateCustomMetricResponse, CustomMetricType, DeleteCustomMetricRequest,
    DeleteCustomMetricResponse, DescribeCustomMetricRequest, DescribeCustomMetricResponse, ListCustomMetricsRequest,
    ListCustomMetricsResponse, UpdateCustomMetricRequest, UpdateCustomMetricResponse,
};
use drydock_model::wire::At;
use serde::{Deserialize, Serialize};

/// The most custom metrics of an account.
const MOST: usize = 100;

/// A custom metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomMetricRow {
    /// As AWS spells it: `number-list`.
    pub(crate) metric_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    created: Timestamp,
    modified: Timestamp,
    token: String,
}

impl CustomMetricRow {
    fn wire_type(&self) -> Option<CustomMetricType> {
        CustomMetricType::read(&self.metric_type.as_str().into(), &At::ROOT).ok()
    }
}

impl Detect {
    /// Whether there is a custom metric of this name.
    #[must_use]
    pub fn has_custom_metric(&self, name: &str) -> bool {
        self.custom_metrics.contains_key(name)
    }

    fn metric(&self, name: &str) -> Result<&CustomMetricRow, ApiError> {
        let missing = || ApiError::not_found(format!("there is no custom metric `{name:.128}`"));
        self.custom_metrics.get(name).ok_or_else(missing)
    }

    fn metric_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("custommetric/{name}")).into()
    }

    /// "CreateCustomMetric". A request that comes again with its token makes nothing new.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `LimitExceededException` for more than 100; `InvalidRequestException` for a name that
    /// begins with `aws:`.
    pub fn create_custom_metric(
        &mut self,
        request: CreateCustomMetricRequest,
        now: Timestamp,
    ) -> Result<Done<CreateCustomMetricResponse>, ApiError> {
        let CreateCustomMetricRequest {
            client_request_token: token, display_name, metric_name: name, metric_type, ..
        } = request;
        let arn = self.metric_arn(&name);
        let reply = CreateCustomMetricResponse { metric_arn: Some(arn.clone()), metric_name: Some(name.clone()) };
        let metric_type = metric_type.as_str().to_owned();
        if let Some(row) = self.custom_metrics.get(name.as_str()) {
            return if row.token == token && row.metric_type == metric_type && row.display_name == display_name {
                Ok(Done::reply(reply))
            } else {
                Err(ApiError::exists(format!("there is a custom metric `{name}` already"), name, arn))
            };
        }
        if name.starts_with("aws:") {
            return Err(ApiError::invalid("the name of a custom metric does not begin with `aws:`"));
        }
        if self.custom_metrics.len() >= MOST {
            let why = format!("an account has at most {MOST} custom metrics");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        let row = CustomMetricRow { metric_type, display_name, created: now, modified: now, token };
        let write = Write::put(CUSTOM_METRICS, name.as_str(), json(&row));
        self.custom_metrics.insert(name.into(), row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "UpdateCustomMetric": its display name.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn update_custom_metric(
        &mut self,
        request: UpdateCustomMetricRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateCustomMetricResponse>, ApiError> {
        let name = request.metric_name;
        let mut row = self.metric(&name)?.clone();
        (row.display_name, row.modified) = (Some(request.display_name), now);
        let write = Write::put(CUSTOM_METRICS, name.as_str(), json(&row));
        let reply = UpdateCustomMetricResponse {
            creation_date: Some(row.created),
            display_name: row.display_name.clone(),
            last_modified_date: Some(row.modified),
            metric_arn: Some(self.metric_arn(&name)),
            metric_type: row.wire_type(),
            metric_name: Some(name.clone()),
        };
        self.custom_metrics.insert(name.into(), row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeCustomMetric".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_custom_metric(
        &self,
        request: &DescribeCustomMetricRequest,
    ) -> Result<DescribeCustomMetricResponse, ApiError> {
        let row = self.metric(&request.metric_name)?;
        Ok(DescribeCustomMetricResponse {
            creation_date: Some(row.created),
            display_name: row.display_name.clone(),
            last_modified_date: Some(row.modified),
            metric_arn: Some(self.metric_arn(&request.metric_name)),
            metric_name: Some(request.metric_name.clone()),
            metric_type: row.wire_type(),
        })
    }

    /// "DeleteCustomMetric". One that is not there is deleted: AWS has no error for it.
    ///
    /// # Errors
    /// `InvalidRequestException` while a security profile names it.
    pub fn delete_custom_metric(
        &mut self,
        request: &DeleteCustomMetricRequest,
    ) -> Result<Done<DeleteCustomMetricResponse>, ApiError> {
        let name = request.metric_name.as_str();
        let user = self.profiles.iter().find(|(_, row)| row.measures().any(|(metric, ..)| metric == name));
        if let Some((profile, _)) = user {
            return Err(ApiError::invalid(format!(
                "the security profile `{profile}` names the custom metric `{name}`"
            )));
        }
        let gone = self.custom_metrics.remove(name).map(|_| Write::delete(CUSTOM_METRICS, name));
        Ok(Done::written(DeleteCustomMetricResponse {}, gone.into_iter().collect()))
    }

    /// "ListCustomMetrics".
    ///
    /// # Errors
    /// `InvalidRequestException` for a token that is not one of this operation.
    pub fn list_custom_metrics(
        &self,
        request: &ListCustomMetricsRequest,
    ) -> Result<ListCustomMetricsResponse, ApiError> {
        let names = self.custom_metrics.keys();
        let asked = (request.next_token.as_deref(), request.max_results);
        let (names, next_token) = names_page("ListCustomMetrics", names, asked.0, asked.1)?;
        Ok(ListCustomMetricsResponse { metric_names: Some(names), next_token })
    }
}
