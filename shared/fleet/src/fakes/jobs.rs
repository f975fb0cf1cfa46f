//! AWS IoT Jobs as far as a release asks: jobs that are made once under one id, and devices that are done with them at once or later.

use super::{Faults, Part};
use crate::ports::{
    CancelJob, CreateJob, DescribeJob, ErrorKind, FillGroup, ListFailures, ListGroup, PortError, PortResult,
    SwitchOnJobEvents,
};
use crate::release::definition::hundredth;
use crate::release::{Counts, Failure, JobRequest, JobStatus, JobView};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

/// The jobs, the groups, and what devices make of a job.
#[derive(Debug)]
pub struct Jobs {
    jobs: Part<BTreeMap<String, Job>>,
    groups: Part<BTreeMap<String, BTreeSet<String>>>,
    told: Part<VecDeque<String>>,
    made: Vec<(String, Counts)>,
    faults: Faults,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// As it was asked for.
    pub request: JobRequest,
    /// Its executions.
    pub counts: Counts,
    /// Whether somebody canceled it, and what he wrote.
    pub canceled: Option<String>,
    /// How often it was asked for.
    pub asked: usize,
}

impl Jobs {
    /// No jobs yet; devices make of each job whose id begins so what these counts say, and of others nothing yet. AWS IoT tells of
    /// each such job once.
    #[must_use]
    pub fn new(faults: &Faults, made: Vec<(String, Counts)>) -> Self {
        Self {
            jobs: Part::new(faults, BTreeMap::new()),
            groups: Part::new(faults, BTreeMap::new()),
            told: Part::new(faults, VecDeque::new()),
            made,
            faults: faults.clone(),
        }
    }

    /// Puts things into a group.
    pub fn put(&self, group: &str, things: &[&str]) {
        let things = things.iter().map(|name| (*name).to_owned());
        self.groups.lock().entry(group.to_owned()).or_default().extend(things);
    }

    /// The things of a group.
    #[must_use]
    pub fn group(&self, group: &str) -> BTreeSet<String> {
        self.groups.lock().get(group).cloned().unwrap_or_default()
    }

    /// The jobs by id.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Job> {
        self.jobs.lock().clone()
    }

    /// Devices come further with a job.
    pub fn come(&self, job_id: &str, counts: Counts) {
        if let Some(job) = self.jobs.lock().get_mut(job_id) {
            job.counts = counts;
        }
    }

    /// Takes out the id of a job that AWS IoT tells of.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        self.told.lock().pop_front()
    }
}

impl CreateJob for Jobs {
    async fn create_job(&self, request: &JobRequest) -> PortResult<()> {
        let answer = self.faults.run("CreateJob", || {
            let known = |group: &String| self.groups.lock().contains_key(group);
            if !request.groups.iter().all(known) {
                return false;
            }
            let id = &request.job_id;
            let mut jobs = self.jobs.lock();
            let is_new = !jobs.contains_key(id);
            let counts = self.made.iter().find(|(of, _)| id == of).map(|(_, counts)| *counts);
            let new = Job { request: request.clone(), counts: counts.unwrap_or_default(), canceled: None, asked: 0 };
            let job = jobs.entry(id.clone()).or_insert(new);
            job.asked = job.asked.saturating_add(1);
            if is_new && counts.is_some() {
                self.told.lock().push_back(id.clone());
            }
            true
        });
        match answer.await? {
            true => Ok(()),
            false => Err(PortError::new("CreateJob", "a target does not exist").of_kind(ErrorKind::Permanent)),
        }
    }
}

impl CancelJob for Jobs {
    async fn cancel_job(&self, job_id: &str, comment: &str) -> PortResult<()> {
        let cancel = || {
            if let Some(job) = self.jobs.lock().get_mut(job_id) {
                job.canceled.get_or_insert_with(|| comment.to_owned());
            }
        };
        self.faults.run("CancelJob", cancel).await
    }
}

impl DescribeJob for Jobs {
    async fn describe_job(&self, job_id: &str) -> PortResult<Option<JobView>> {
        let view = || {
            let job = self.jobs.lock().get(job_id).cloned()?;
            let status = match (&job.canceled, job.counts.pending(), job.counts.executed()) {
                (Some(_), ..) => JobStatus::Stopped,
                (None, 0, 1..) if !job.request.continuous => JobStatus::Completed,
                _ => JobStatus::Going,
            };
            Some(JobView { status, comment: job.canceled, counts: job.counts })
        };
        self.faults.run("DescribeJob", view).await
    }
}

impl ListFailures for Jobs {
    async fn list_failures(&self, job_id: &str) -> PortResult<Vec<Failure>> {
        let failures = || {
            let failed = self.jobs.lock().get(job_id).map_or(0, |job| job.counts.failed);
            let failure = |number| Failure {
                thing_name: format!("thing-{number}"),
                status: "FAILED".into(),
                details: [("why".to_owned(), "no room".to_owned())].into(),
            };
            (0..failed).map(failure).collect()
        };
        self.faults.ask("ListFailures", failures).await
    }
}

impl ListGroup for Jobs {
    async fn list_group(&self, group: &str, most: usize) -> PortResult<Option<Vec<String>>> {
        let list = || Some(self.groups.lock().get(group)?.iter().take(most).cloned().collect());
        self.faults.run("ListThingsInThingGroup", list).await
    }
}

impl FillGroup for Jobs {
    async fn fill_group(
        &self,
        group: &str,
        of: &str,
        hundredths: Range<u8>,
        page: Option<&str>,
    ) -> PortResult<Option<String>> {
        let fill = || {
            let mut groups = self.groups.lock();
            // Pages of two things.
            let from = page.and_then(|page| page.parse().ok()).unwrap_or(0_usize);
            let all: Vec<String> = groups.get(of)?.iter().cloned().collect();
            let things = all.iter().skip(from).take(2).filter(|name| hundredths.contains(&hundredth(name))).cloned();
            groups.entry(group.to_owned()).or_default().extend(things);
            let next = from.saturating_add(2);
            Some((next < all.len()).then(|| next.to_string()))
        };
        let filled = self.faults.run("FillGroup", fill).await?;
        filled.ok_or_else(|| PortError::new("FillGroup", "there is no such group").of_kind(ErrorKind::Permanent))
    }
}

impl SwitchOnJobEvents for Jobs {
    async fn switch_on_job_events(&self) -> PortResult<()> {
        // Nobody asks whether they are on.
        self.faults.ask("UpdateEventConfigurations", || ()).await
    }
}
