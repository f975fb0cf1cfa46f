//! Job templates of the account: "CreateJobTemplate", "DescribeJobTemplate", "ListJobTemplates", "DeleteJobTemplate". What is in
//! one is copied into a job when that is made.
//!
//! Source: the API reference of the operations, and "Job templates" of the developer guide.

use crate::book::{Jobs, TEMPLATES, json};
use crate::install;
use crate::job::Config;
use crate::lists::size;
use crate::schedule::Schedule;
use crate::wire;
use drydock_core::{ApiError, Arn, Done, ErrorCode, Timestamp, Write, page};
use drydock_model::iot::{
    CreateJobTemplateRequest, CreateJobTemplateResponse, DeleteJobTemplateRequest, DescribeJobTemplateRequest,
    DescribeJobTemplateResponse, JobTemplateSummary, ListJobTemplatesRequest, ListJobTemplatesResponse,
    MaintenanceWindow, SchedulingConfig,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::ops::Bound;

/// The most templates of an account.
const MOST: usize = 100;

/// A job template; its key is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateRow {
    pub(crate) document: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    pub(crate) config: Config,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) windows: Option<Vec<MaintenanceWindow>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destinations: Option<Vec<String>>,
    pub(crate) created: Timestamp,
}

impl Jobs {
    fn template_arn(&self, id: &str) -> String {
        self.scope.arn("iot", &format!("jobtemplate/{id}")).into()
    }

    pub(crate) fn template(&self, id: &str) -> Result<&TemplateRow, ApiError> {
        self.templates.get(id).ok_or_else(|| ApiError::not_found(format!("Job template {id} cannot be found.")))
    }

    /// "CreateJobTemplate": from a job, or from a document. `source` is what is at its `documentSource`.
    ///
    /// # Errors
    /// `ConflictException` where there is one of this id; `ResourceNotFoundException` for the job; `LimitExceededException` beyond
    /// 100; `InvalidRequestException`. Package versions are looked for when a job is made of it.
    pub fn create_job_template(
        &mut self,
        request: CreateJobTemplateRequest,
        source: Option<String>,
        now: Timestamp,
    ) -> Result<Done<CreateJobTemplateResponse>, ApiError> {
        let id = SmolStr::new(&request.job_template_id);
        if self.has_template(&id) {
            let why = format!("Job template {id} already exists.");
            return Err(ApiError::new(ErrorCode::ConflictException, why));
        }
        if self.templates.len() >= MOST {
            let why = format!("an account has at most {MOST} job templates");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        install::named(&self.scope, request.destination_package_versions.as_deref().unwrap_or_default())?;
        let given = [request.document.is_some(), request.document_source.is_some(), request.job_arn.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(ApiError::invalid("one of document, documentSource and jobArn is needed, and no more"));
        }
        let asked = Config {
            description: Some(request.description),
            presigned: request.presigned_url_config,
            rollout: request.job_executions_rollout_config,
            abort: request.abort_config,
            timeout: request.timeout_config,
            retry: request.job_executions_retry_config,
        };
        let mut row = match &request.job_arn {
            Some(arn) => {
                let found = Arn::parse(arn).filter(|arn| self.scope.arn("iot", arn.resource()) == *arn);
                let job = found.as_ref().and_then(|arn| arn.resource().strip_prefix("job/"));
                let job = job.ok_or_else(|| ApiError::invalid(format!("`{arn}` is not the ARN of a job")))?;
                let job = &self.job(job)?.row;
                let windows = job.scheduling.as_ref().and_then(|config| config.maintenance_windows.clone());
                let (document, source) = (job.document.clone(), job.source.clone());
                let (config, destinations) = (asked.or(&job.config), job.destinations.clone());
                TemplateRow { document, source, config, windows, destinations, created: now }
            }
            None => {
                let document = request.document.or(source);
                let document = document.ok_or_else(|| ApiError::invalid("nothing was read from documentSource"))?;
                let source = request.document_source;
                TemplateRow { document, source, config: asked, windows: None, destinations: None, created: now }
            }
        };
        row.destinations = request.destination_package_versions.or(row.destinations);
        row.windows = request.maintenance_windows.or(row.windows);
        row.config.check(&row.document)?;
        let windows = SchedulingConfig { maintenance_windows: row.windows.clone(), ..SchedulingConfig::default() };
        Schedule::read(Some(&windows))?;
        let write = Write::put(TEMPLATES, id.as_str(), json(&row));
        let reply = CreateJobTemplateResponse {
            job_template_arn: Some(self.template_arn(&id)),
            job_template_id: Some(id.to_string()),
        };
        self.templates.insert(id, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeJobTemplate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_job_template(
        &self,
        request: &DescribeJobTemplateRequest,
    ) -> Result<DescribeJobTemplateResponse, ApiError> {
        let row = self.template(&request.job_template_id)?.clone();
        Ok(DescribeJobTemplateResponse {
            abort_config: row.config.abort,
            created_at: Some(row.created),
            description: row.config.description,
            destination_package_versions: row.destinations,
            document: Some(row.document),
            document_source: row.source,
            job_executions_retry_config: row.config.retry,
            job_executions_rollout_config: row.config.rollout,
            job_template_arn: Some(self.template_arn(&request.job_template_id)),
            job_template_id: Some(request.job_template_id.clone()),
            maintenance_windows: row.windows,
            presigned_url_config: row.config.presigned,
            timeout_config: row.config.timeout,
        })
    }

    /// "ListJobTemplates": by id.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_job_templates(&self, request: &ListJobTemplatesRequest) -> Result<ListJobTemplatesResponse, ApiError> {
        let operation = "ListJobTemplates";
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let left = self.templates.range::<str, _>((from, Bound::Unbounded));
        let (page, next) = page::cut(left, size(request.max_results), |(id, _)| id.to_string());
        let summary = |(id, row): (&SmolStr, &TemplateRow)| JobTemplateSummary {
            created_at: Some(row.created),
            description: row.config.description.clone(),
            job_template_arn: Some(self.template_arn(id)),
            job_template_id: Some(id.to_string()),
        };
        Ok(ListJobTemplatesResponse {
            job_templates: Some(page.into_iter().map(summary).collect()),
            next_token: next.map(|place| page::token(operation, &place)),
        })
    }

    /// "DeleteJobTemplate": jobs that were made of it stay as they are.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn delete_job_template(&mut self, request: &DeleteJobTemplateRequest) -> Result<Done<()>, ApiError> {
        self.template(&request.job_template_id)?;
        self.templates.remove(request.job_template_id.as_str());
        Ok(Done::written((), vec![Write::delete(TEMPLATES, &request.job_template_id)]))
    }
}
