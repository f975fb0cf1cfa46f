//! What audits have found: the operations on findings.

use crate::book::{Audit, Place, cut, in_time, place, place_in_time};
use crate::checks::{Found, intermediate_ca_revoked};
use crate::suppression::is_same;
use crate::task::{Step, last_id};
use drydock_core::{ApiError, Timestamp, Write};
use drydock_model::iot::{
    AuditFinding, DescribeAuditFindingRequest, DescribeAuditFindingResponse, ListAuditFindingsRequest,
    ListAuditFindingsResponse, ListRelatedResourcesForAuditFindingRequest, ListRelatedResourcesForAuditFindingResponse,
    RelatedResource,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::ops::Bound;

const LIST: &str = "ListAuditFindings";
const RELATED: &str = "ListRelatedResourcesForAuditFinding";
/// Related resources that are kept of a finding; a CA may have signed any number of certificates.
const MOST_RELATED: usize = 10_000;

/// A finding as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FindingRow {
    #[serde(with = "drydock_model::row")]
    finding: AuditFinding,
}

impl FindingRow {
    pub(crate) fn new(id: &str, step: &Step, found: Found, is_suppressed: bool, now: Timestamp) -> Self {
        let mut related = found.related;
        related.truncate(MOST_RELATED);
        let finding = AuditFinding {
            check_name: Some(step.check.name.to_owned()),
            finding_id: Some(id.to_owned()),
            finding_time: Some(now),
            is_suppressed: Some(is_suppressed),
            non_compliant_resource: Some(found.resource),
            reason_for_non_compliance: Some(found.verdict.why.into_owned()),
            reason_for_non_compliance_code: Some(found.verdict.code.to_owned()),
            related_resources: Some(related),
            severity: Some(step.check.severity),
            task_id: Some(step.task.to_string()),
            task_start_time: Some(step.started),
        };
        Self { finding }
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.finding.finding_time.unwrap_or_default()
    }

    pub(crate) fn task(&self) -> SmolStr {
        self.finding.task_id.as_deref().unwrap_or_default().into()
    }

    pub(crate) fn check(&self) -> &str {
        self.finding.check_name.as_deref().unwrap_or_default()
    }

    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.finding.reason_for_non_compliance_code.as_deref() == Some(code)
    }

    pub(crate) fn is_suppressed(&self) -> bool {
        self.finding.is_suppressed == Some(true)
    }

    /// The resource, so that findings on the same one have the same.
    pub(crate) fn resource(&self) -> String {
        let resource = self.finding.non_compliant_resource.as_ref();
        resource
            .and_then(|resource| resource.resource_identifier.as_ref())
            .map(|id| id.to_json().to_string())
            .unwrap_or_default()
    }

    /// As it is told. The certificates of an issuer are listed by themselves.
    fn told(&self) -> AuditFinding {
        let mut finding = self.finding.clone();
        let is_issuer = self.check() == intermediate_ca_revoked::CHECK.name;
        let related = finding.related_resources.take();
        finding.related_resources = related.filter(|related| !related.is_empty() && !is_issuer);
        finding
    }

    pub(crate) fn related(&self) -> &[RelatedResource] {
        self.finding.related_resources.as_deref().unwrap_or_default()
    }

    pub(crate) fn finding(&self) -> &AuditFinding {
        &self.finding
    }
}

impl Audit {
    /// "DescribeAuditFinding".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_finding(
        &self,
        request: &DescribeAuditFindingRequest,
    ) -> Result<DescribeAuditFindingResponse, ApiError> {
        Ok(DescribeAuditFindingResponse { finding: Some(self.finding(&request.finding_id)?.told()) })
    }

    /// "ListAuditFindings": those of an audit or of a time, the latest first.
    ///
    /// # Errors
    /// `InvalidRequestException` where neither an audit nor a time is named or both are, where a check is not one, and for a token that
    /// no list has given.
    pub fn list_findings(&self, request: &ListAuditFindingsRequest) -> Result<ListAuditFindingsResponse, ApiError> {
        if let Some(name) = &request.check_name {
            crate::book::check(name)?;
        }
        let after = place_in_time(LIST, request.next_token.as_deref())?;
        let none = BTreeSet::new();
        let (places, from, end) = match (&request.task_id, request.start_time, request.end_time) {
            (Some(task), None, None) => {
                (self.findings_by_task.get(task.as_str()).unwrap_or(&none), Timestamp(i64::MIN), Timestamp(i64::MAX))
            }
            (None, Some(from), Some(end)) if from <= end => (&self.findings_by_age, from, end),
            (None, Some(_), Some(_)) => return Err(ApiError::invalid("`endTime` is before `startTime`")),
            _ => {
                let why = "give either `taskId`, or `startTime` and `endTime`";
                return Err(ApiError::invalid(why));
            }
        };
        let until = after.map_or(Bound::Included((end, last_id())), Bound::Excluded);
        let is_empty = matches!(&until, Bound::Excluded(place) if place.0 < from);
        let from: Bound<Place> = Bound::Included((from, SmolStr::default()));
        let range = (!is_empty).then(|| places.range((from, until)).rev()).into_iter().flatten();
        let told = range.filter_map(|place| {
            let row = self.findings.get(&place.1)?;
            let resource = row.finding.non_compliant_resource.as_ref();
            let identifier = resource.and_then(|resource| resource.resource_identifier.as_ref());
            let fits = request.check_name.as_deref().is_none_or(|check| check == row.check())
                && request.list_suppressed_findings.is_none_or(|only| only == row.is_suppressed())
                && request
                    .resource_identifier
                    .as_ref()
                    .is_none_or(|asked| identifier.is_some_and(|its| is_same(asked, its)));
            fits.then(|| (in_time(place), row.told()))
        });
        let (findings, next_token) = cut(LIST, told, request.max_results);
        Ok(ListAuditFindingsResponse { findings: Some(findings), next_token })
    }

    /// "ListRelatedResourcesForAuditFinding".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for a token that no list has given.
    pub fn list_related(
        &self,
        request: &ListRelatedResourcesForAuditFindingRequest,
    ) -> Result<ListRelatedResourcesForAuditFindingResponse, ApiError> {
        let row = self.finding(&request.finding_id)?;
        let after = place(RELATED, request.next_token.as_deref())?;
        let damaged = || ApiError::invalid("the token is damaged: leave it out to begin anew");
        let skipped = after.map(|after| after.parse::<usize>().map_err(|_| damaged())).transpose()?;
        let skipped = skipped.map_or(0, |last| last.saturating_add(1));
        let related = row.related().iter().enumerate().skip(skipped).map(|(at, one)| (at.to_string(), one.clone()));
        let (related, next_token) = cut(RELATED, related, request.max_results);
        Ok(ListRelatedResourcesForAuditFindingResponse { next_token, related_resources: Some(related) })
    }

    pub(crate) fn finding(&self, id: &str) -> Result<&FindingRow, ApiError> {
        self.findings.get(id).ok_or_else(|| ApiError::not_found(format!("there is no audit finding `{id:.128}`")))
    }

    /// Forgets what a check of an audit has found.
    pub(crate) fn forget_findings(&mut self, task: &SmolStr, check: &str) -> Vec<Write> {
        let places = self.findings_by_task.get(task).into_iter().flatten();
        let of = |id: &SmolStr| self.findings.get(id).is_some_and(|row| row.check() == check);
        let ids: Vec<SmolStr> = places.map(|(_, id)| id).filter(|id| of(id)).cloned().collect();
        ids.iter().filter_map(|id| self.remove_finding(id)).collect()
    }
}
