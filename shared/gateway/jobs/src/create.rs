//! "CreateJob" and "AssociateTargetsWithJob".
//!
//! Source: the API reference of the operations, and "Create jobs" of the developer guide.

use crate::assignment::Waiting;
use crate::book::{Jobs, no_job};
use crate::context::Known;
use crate::context::{Context, Outcome};
use crate::install::{Empty, installs, with_packages};
use crate::job::{Config, Job, JobRow, arn};
use crate::managed;
use crate::schedule::Schedule;
use crate::signed::with_signatures;
use crate::step::Step;
use drydock_core::{ApiError, Arn, Done, ErrorCode, ThingName};
use drydock_model::iot::{
    AssociateTargetsWithJobRequest, AssociateTargetsWithJobResponse, CreateJobRequest, CreateJobResponse, JobStatus,
    SchedulingConfig, TargetSelection,
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// The most targets that a request may name.
const MOST_TARGETS: usize = 100;
/// The most jobs that may roll out at a time ("isConcurrent").
const MOST_CONCURRENT: usize = 500;

/// What "CreateJob" asks for.
#[derive(Debug, Clone, Default)]
pub struct NewJob {
    /// The request.
    pub request: CreateJobRequest,
    /// What is at its `documentSource`, where it has one.
    pub source: Option<String>,
}

/// The things and groups of a request.
struct Targets {
    things: BTreeSet<ThingName>,
    groups: BTreeMap<SmolStr, String>,
}

/// A document, and what a template gives with it.
#[derive(Default)]
struct Given {
    document: String,
    original: Option<String>,
    source: Option<String>,
    config: Config,
    windows: Option<Vec<drydock_model::iot::MaintenanceWindow>>,
    destinations: Option<Vec<String>>,
}

impl Jobs {
    /// "CreateJob". The things of its groups are those that are in them now; the first minute's executions are made at once.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `ResourceNotFoundException` for a target or a template that is not there;
    /// `LimitExceededException` where 500 jobs roll out; `InvalidRequestException` for what contradicts itself or is out of
    /// range, and for packages, of which there are none.
    pub fn create_job(
        &mut self,
        new: NewJob,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<CreateJobResponse>>, ApiError> {
        self.create_job_with(new, &Known { catalog: &Empty, signatures: &Empty }, context)
    }

    /// The same with a catalog of packages, and with signatures. What is known of versions when the job is made holds for the job.
    ///
    /// # Errors
    /// As [`create_job`](Self::create_job); `ResourceNotFoundException` for a package version that is not there;
    /// `InvalidRequestException` for one that is a draft, and for an object that was not signed.
    pub fn create_job_with(
        &mut self,
        new: NewJob,
        known: &Known<'_>,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<CreateJobResponse>>, ApiError> {
        let NewJob { mut request, source } = new;
        let id = SmolStr::new(&request.job_id);
        if self.has_job(&id) {
            let why = format!("Job {id} already exists.");
            return Err(ApiError::exists(why, id.as_str(), arn(&self.scope, &id)));
        }
        let given = self.given(&mut request, source)?;
        let destinations = request.destination_package_versions.or(given.destinations);
        let installs = installs(&self.scope, destinations.as_deref().unwrap_or_default(), known.catalog)?;
        let (document, artifacts) = with_packages(&given.document, &installs, known.catalog)?;
        let document = with_signatures(&document, known.signatures)?;
        let original = given.original.or_else(|| (document != given.document).then_some(given.document));
        let asked = Config {
            description: request.description,
            presigned: request.presigned_url_config,
            rollout: request.job_executions_rollout_config,
            abort: request.abort_config,
            timeout: request.timeout_config,
            retry: request.job_executions_retry_config,
        };
        let config = asked.or(&given.config);
        config.check(&document)?;
        let selection = request.target_selection.unwrap_or(TargetSelection::Snapshot);
        let mut scheduling = request.scheduling_config;
        // A template's windows hold where the job says nothing of windows.
        if let Some(windows) = given.windows.filter(|windows| !windows.is_empty()) {
            let config = scheduling.get_or_insert_with(SchedulingConfig::default);
            config.maintenance_windows.get_or_insert(windows);
        }
        let schedule = Schedule::read(scheduling.as_ref())?;
        schedule.check(scheduling.as_ref(), selection, context.now)?;
        let targets = self.targets(&request.targets, context)?;
        if self.jobs.values().filter(|job| job.is_rolling_out()).count() >= MOST_CONCURRENT {
            let why = format!("{MOST_CONCURRENT} jobs roll out already");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        let description = config.description.clone();
        let row = JobRow {
            document,
            original,
            destinations,
            installs,
            artifacts,
            source: given.source,
            template: request.job_template_arn,
            parameters: request.document_parameters,
            targets: request.targets,
            groups: targets.groups,
            selection,
            config,
            scheduling,
            namespace: request.namespace_id.map(SmolStr::from),
            status: JobStatus::Scheduled,
            forced: false,
            reason: None,
            comment: None,
            created: context.now,
            updated: context.now,
            completed: None,
            notified: 0,
            next_rollout: None,
            ended: false,
            window: None,
        };
        let mut things = targets.things;
        things.extend(row.groups.keys().flat_map(|group| context.fleet.members(group)));
        let begins = schedule.start.is_none();
        self.jobs.insert(id.clone(), Job::new(row, schedule));
        let mut step = Step::new(context);
        step.touch(&id);
        for thing in things {
            let Some(thing_id) = context.fleet.thing_id(thing.as_str()) else { continue };
            self.alter(&mut step, &id, &thing, |assignment| {
                (assignment.thing_id, assignment.targeted) = (thing_id, true);
                assignment.waiting = Some(Waiting { attempt: 0, late: false });
            });
        }
        self.set_tick(&id);
        if begins {
            self.tick(&mut step, &id);
        }
        let reply =
            CreateJobResponse { description, job_arn: Some(arn(&self.scope, &id)), job_id: Some(id.to_string()) };
        Ok(self.finish(step, reply))
    }

    /// The document of a request: its own, or that of its template.
    fn given(&self, request: &mut CreateJobRequest, source: Option<String>) -> Result<Given, ApiError> {
        let one = [request.document.is_some(), request.document_source.is_some(), request.job_template_arn.is_some()];
        match one.iter().filter(|given| **given).count() {
            0 => return Err(ApiError::invalid("one of document, documentSource and jobTemplateArn is needed")),
            1 => {}
            _ => return Err(ApiError::invalid("only one of document, documentSource and jobTemplateArn may be given")),
        }
        let Some(template) = &request.job_template_arn else {
            if request.document_parameters.is_some() {
                return Err(ApiError::invalid("documentParameters are for managed job templates"));
            }
            let document = request.document.take().or(source);
            let document = document.ok_or_else(|| ApiError::invalid("nothing was read from documentSource"))?;
            let source = request.document_source.take();
            return Ok(Given { document, source, ..Given::default() });
        };
        let found = Arn::parse(template).filter(|arn| arn.service() == "iot");
        let found = found.as_ref().and_then(|arn| Some((arn.account(), arn.resource().strip_prefix("jobtemplate/")?)));
        let (account, name) =
            found.ok_or_else(|| ApiError::invalid(format!("`{template}` is not the ARN of a job template")))?;
        if account.is_empty() {
            let managed = managed::by_arn_name(name)?;
            let values = request.document_parameters.clone().unwrap_or_default();
            let document = managed.document_with(&values)?;
            let config = Config { description: Some(managed.description.to_owned()), ..Config::default() };
            let original = Some(managed.document());
            return Ok(Given { document, original, config, ..Given::default() });
        }
        if request.document_parameters.is_some() {
            return Err(ApiError::invalid("documentParameters are for managed job templates"));
        }
        let row = self.template(name)?;
        Ok(Given {
            document: row.document.clone(),
            original: None,
            source: row.source.clone(),
            config: row.config.clone(),
            windows: row.windows.clone(),
            destinations: row.destinations.clone(),
        })
    }

    /// Reads targets, which all have to be there.
    fn targets(&self, arns: &[String], context: &Context<'_>) -> Result<Targets, ApiError> {
        if arns.len() > MOST_TARGETS {
            return Err(ApiError::invalid(format!("a request names at most {MOST_TARGETS} targets")));
        }
        let mut targets = Targets { things: BTreeSet::new(), groups: BTreeMap::new() };
        for text in arns {
            let arn = Arn::parse(text).filter(|arn| self.scope.arn("iot", arn.resource()) == *arn);
            let resource = arn.as_ref().map(Arn::resource);
            let missing = || ApiError::not_found(format!("there is no target `{text}`"));
            if let Some(thing) = resource.and_then(|resource| resource.strip_prefix("thing/")) {
                context.fleet.thing_id(thing).ok_or_else(missing)?;
                targets.things.insert(ThingName::new(thing)?);
            } else if let Some(group) = resource.and_then(|resource| resource.strip_prefix("thinggroup/")) {
                let id = context.fleet.group_id(group).ok_or_else(missing)?;
                targets.groups.insert(group.into(), id.to_string());
            } else {
                let why = format!("`{text}` is not the ARN of a thing or a thing group of this account and region");
                return Err(ApiError::invalid(why));
            }
        }
        Ok(targets)
    }

    /// "AssociateTargetsWithJob": further targets of a continuous job that goes on. They come to it like things that join its
    /// groups, whatever its rate.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for a job that is not continuous or does not go on.
    pub fn associate_targets(
        &mut self,
        request: &AssociateTargetsWithJobRequest,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<AssociateTargetsWithJobResponse>>, ApiError> {
        let id = SmolStr::new(&request.job_id);
        let job = self.job(&id)?;
        let in_namespace = job.row.namespace.as_deref() == request.namespace_id.as_deref();
        if request.namespace_id.is_some() && !in_namespace {
            return Err(no_job(&id));
        }
        if job.row.selection != TargetSelection::Continuous {
            return Err(ApiError::invalid(
                "targets can be associated with a job whose targetSelection is CONTINUOUS only",
            ));
        }
        if job.row.status != JobStatus::InProgress || job.row.ended {
            return Err(ApiError::invalid(format!(
                "targets cannot be associated with a job that is {}",
                job.row.status
            )));
        }
        let targets = self.targets(&request.targets, context)?;
        let mut step = Step::new(context);
        let mut things = targets.things;
        things.extend(targets.groups.keys().flat_map(|group| context.fleet.members(group)));
        let Some(job) = self.jobs.get_mut(&id) else { return Err(no_job(&id)) };
        for target in &request.targets {
            if !job.row.targets.contains(target) {
                job.row.targets.push(target.clone());
            }
        }
        job.row.groups.extend(targets.groups);
        job.row.comment = request.comment.clone().or_else(|| job.row.comment.take());
        job.row.updated = context.now;
        let description = job.row.config.description.clone();
        things.retain(|thing| job.things.get(thing).is_none_or(|assignment| !assignment.targeted));
        step.touch(&id);
        for thing in things {
            if let Some(thing_id) = context.fleet.thing_id(thing.as_str()) {
                self.join(&mut step, &id, &thing, thing_id);
            }
        }
        self.judge(&mut step, &id);
        let reply = AssociateTargetsWithJobResponse {
            description,
            job_arn: Some(arn(&self.scope, &id)),
            job_id: Some(id.to_string()),
        };
        Ok(self.finish(step, reply))
    }
}
