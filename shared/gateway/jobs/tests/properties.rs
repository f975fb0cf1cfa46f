//! Whatever is done with jobs: an execution that has ended stays as it is, counts add up, a device never has two executions of one
//! job that have not ended, a restart changes nothing, and time that is moved does what time does that is lived.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/fleet.rs"]
mod fleet;

use drydock_core::{Done, Rulebook, Scope, ThingName, Timestamp};
use drydock_jobs::device::{Named, Start, Update};
use drydock_jobs::{Context, Fleet, Jobs, NewJob, Outcome, Tells};
use drydock_model::iot::{
    CancelJobExecutionRequest, CancelJobRequest, CreateJobRequest, DeleteJobExecutionRequest, DeleteJobRequest,
    DescribeJobRequest, JobExecutionStatus as Status, ListJobExecutionsForJobRequest,
};
use fleet::{Plain, Things};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Something that is done.
#[derive(Debug, Clone)]
enum Deed {
    Create(u8, u8, bool),
    Start(u8),
    Update(u8, u8, u8),
    CancelExecution(u8, u8, bool),
    DeleteExecution(u8, u8, u8, bool),
    Cancel(u8, bool),
    Delete(u8, bool),
    Join(u8),
    Leave(u8),
    Remake(u8),
    Pass(u16),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (job, thing) = (0..3_u8, 0..4_u8);
    let deed = prop_oneof![
        3 => (job.clone(), 0..4_u8, any::<bool>()).prop_map(|(job, kind, group)| Deed::Create(job, kind, group)),
        4 => thing.clone().prop_map(Deed::Start),
        8 => (job.clone(), thing.clone(), 0..8_u8).prop_map(|(job, thing, status)| Deed::Update(job, thing, status)),
        2 => (job.clone(), thing.clone(), any::<bool>()).prop_map(|(job, thing, force)| Deed::CancelExecution(job, thing, force)),
        1 => (job.clone(), thing.clone(), 1..4_u8, any::<bool>())
            .prop_map(|(job, thing, number, force)| Deed::DeleteExecution(job, thing, number, force)),
        1 => (job.clone(), any::<bool>()).prop_map(|(job, force)| Deed::Cancel(job, force)),
        1 => (job, any::<bool>()).prop_map(|(job, force)| Deed::Delete(job, force)),
        3 => thing.clone().prop_map(Deed::Join),
        2 => thing.clone().prop_map(Deed::Leave),
        1 => thing.prop_map(Deed::Remake),
        4 => (1..4000_u16).prop_map(Deed::Pass),
    ];
    proptest::collection::vec(deed, 1..60)
}

struct World {
    book: Jobs,
    things: Things,
    now: Timestamp,
    rows: BTreeMap<(&'static str, String), String>,
    /// Whether its clock goes second by second, instead of from one thing that is due to the next.
    ticks: bool,
}

fn name(thing: u8) -> String {
    format!("t{thing}")
}

impl World {
    fn new() -> Self {
        let mut things = Things::default();
        (0..4).for_each(|thing| things.make(&name(thing)));
        things.group("g", None);
        things.join("t0", "g");
        let book = Jobs::new(Scope::new("123456789012", "us-east-1"));
        Self { book, things, now: Timestamp(1_795_996_800_000), rows: BTreeMap::new(), ticks: false }
    }

    fn run<T, E>(&mut self, command: impl FnOnce(&mut Jobs, &Context<'_>) -> Result<Done<Outcome<T>>, E>) -> Option<T> {
        let context = Context { now: self.now, fleet: &self.things, links: &Plain, tells: Tells::default() };
        let done = command(&mut self.book, &context).ok()?;
        for write in done.writes {
            match write.value {
                Some(value) => self.rows.insert((write.table, write.key), value),
                None => self.rows.remove(&(write.table, write.key)),
            };
        }
        Some(done.reply.reply)
    }

    fn follow(&mut self, thing: u8) {
        let thing = [ThingName::new(name(thing)).unwrap()];
        self.run(|book, context| Ok::<_, ()>(book.follow(&thing, context)));
    }

    fn pass(&mut self, seconds: u16) {
        let to = self.now.plus_millis(i64::from(seconds) * 1000);
        while self.ticks && self.now < to {
            self.now = self.now.plus_millis(1000);
            let is_due = self.book.next_due().is_some_and(|due| due <= self.now);
            while is_due && self.run(|book, context| Ok::<_, ()>(book.due(context))) == Some(true) {}
        }
        while let Some(due) = self.book.next_due().filter(|due| *due <= to) {
            self.now = due.max(self.now);
            while self.run(|book, context| Ok::<_, ()>(book.due(context))) == Some(true) {}
        }
        self.now = to;
    }

    fn deed(&mut self, deed: &Deed) {
        let id = |job: u8| format!("j{job}");
        match *deed {
            Deed::Create(job, kind, group) => {
                let target = if group { "thinggroup/g" } else { "thing/t1" };
                let mut request = json!({
                    "jobId": id(job), "document": "{}",
                    "targets": [format!("arn:aws:iot:us-east-1:123456789012:{target}"), "arn:aws:iot:us-east-1:123456789012:thing/t2"],
                    "targetSelection": if kind % 2 == 0 { "CONTINUOUS" } else { "SNAPSHOT" },
                    "timeoutConfig": { "inProgressTimeoutInMinutes": 7 },
                    "jobExecutionsRolloutConfig": { "maximumPerMinute": 1 },
                    "jobExecutionsRetryConfig": { "criteriaList": [{ "failureType": "ALL", "numberOfRetries": 2 }] },
                });
                if kind >= 2 {
                    request["abortConfig"] = json!({ "criteriaList": [{
                        "action": "CANCEL", "failureType": "ALL", "thresholdPercentage": 60, "minNumberOfExecutedThings": 3,
                    }] });
                }
                if kind == 2 {
                    let windows = json!([{ "startTime": "cron(0 * * * ? *)", "durationInMinutes": 20 }]);
                    request["schedulingConfig"] = json!({ "maintenanceWindows": windows });
                }
                let request = CreateJobRequest::from_json(&request).unwrap();
                self.run(|book, context| book.create_job(NewJob { request, source: None }, context));
            }
            Deed::Start(thing) => {
                self.run(|book, context| book.start_next(&name(thing), None, Start::default(), context));
            }
            Deed::Update(job, thing, status) => {
                let (status, id, thing) = (Status::VALUES[usize::from(status)].1, id(job), name(thing));
                let update = Update {
                    status,
                    details: None,
                    expected: None,
                    number: None,
                    with_state: true,
                    with_document: true,
                    step_timeout: Some(3),
                };
                let named = Named { thing: &thing, job: &id, namespace: None };
                self.run(|book, context| book.update_execution(named, update, context));
            }
            Deed::CancelExecution(job, thing, force) => {
                let request = CancelJobExecutionRequest {
                    job_id: id(job),
                    thing_name: name(thing),
                    force: Some(force),
                    ..Default::default()
                };
                self.run(|book, context| book.cancel_execution(request, context));
            }
            Deed::DeleteExecution(job, thing, number, force) => {
                let request = DeleteJobExecutionRequest {
                    job_id: id(job),
                    thing_name: name(thing),
                    execution_number: i64::from(number),
                    force: Some(force),
                    ..Default::default()
                };
                self.run(|book, context| book.delete_execution(&request, context));
            }
            Deed::Cancel(job, force) => {
                let request = CancelJobRequest { job_id: id(job), force: Some(force), ..Default::default() };
                self.run(|book, context| book.cancel_job(request, context));
            }
            Deed::Delete(job, force) => {
                let request = DeleteJobRequest { job_id: id(job), force: Some(force), ..Default::default() };
                self.run(|book, context| book.delete_job(&request, context));
            }
            Deed::Join(thing) => {
                if self.things.thing_id(&name(thing)).is_some() {
                    self.things.join(&name(thing), "g");
                    self.follow(thing);
                }
            }
            Deed::Leave(thing) => {
                self.things.leave(&name(thing), "g");
                self.follow(thing);
            }
            Deed::Remake(thing) => {
                self.things.delete(&name(thing));
                if thing % 2 == 0 {
                    self.follow(thing);
                }
                self.things.make(&name(thing));
                self.follow(thing);
            }
            Deed::Pass(seconds) => self.pass(seconds),
        }
    }

    /// The executions of all jobs, by job, thing and number.
    fn executions(&self) -> BTreeMap<(String, i64, String, i64), Value> {
        let mut all = BTreeMap::new();
        for ((_, key), row) in self.rows.iter().filter(|((table, _), _)| *table == "job_things") {
            let (job, thing) = key.split_once('/').unwrap();
            let made = &self.rows[&("jobs", job.to_owned())];
            let created = serde_json::from_str::<Value>(made).unwrap()["created"].as_i64().unwrap();
            let row: Value = serde_json::from_str(row).unwrap();
            for execution in row["executions"].as_array().unwrap() {
                let number = execution["number"].as_i64().unwrap();
                all.insert((job.to_owned(), created, thing.to_owned(), number), execution.clone());
            }
        }
        all
    }

    fn counted(&self) {
        let executions = self.executions();
        for ((_, job), _) in self.rows.iter().filter(|((table, _), _)| *table == "jobs") {
            let request = DescribeJobRequest { job_id: job.clone(), ..Default::default() };
            let details = self.book.describe_job(&request, self.now).unwrap().job.unwrap().job_process_details.unwrap();
            let told: i32 = [
                details.number_of_canceled_things,
                details.number_of_failed_things,
                details.number_of_in_progress_things,
                details.number_of_queued_things,
                details.number_of_rejected_things,
                details.number_of_removed_things,
                details.number_of_succeeded_things,
                details.number_of_timed_out_things,
            ]
            .into_iter()
            .flatten()
            .sum();
            let of_job = executions.iter().filter(|((of, ..), _)| of == job);
            assert_eq!(usize::try_from(told).unwrap(), of_job.clone().count(), "{job}");
            let queued = of_job.clone().filter(|(_, one)| one["status"] == "QUEUED").count();
            assert_eq!(usize::try_from(details.number_of_queued_things.unwrap()).unwrap(), queued, "{job}");
            let request =
                ListJobExecutionsForJobRequest { job_id: job.clone(), max_results: Some(250), ..Default::default() };
            let listed = self.book.list_executions_for_job(&request).unwrap().execution_summaries.unwrap();
            assert_eq!(listed.len(), of_job.count(), "{job}");
        }
    }
}

fn is_open(execution: &Value) -> bool {
    execution["status"] == "QUEUED" || execution["status"] == "IN_PROGRESS"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_the_laws_hold(deeds in deeds()) {
        let mut world = World::new();
        for deed in &deeds {
            let before = world.executions();
            world.deed(deed);
            let after = world.executions();
            for (key, execution) in before.iter().filter(|(_, execution)| !is_open(execution)) {
                if let Some(now) = after.get(key) {
                    prop_assert_eq!(execution, now, "{:?} has changed what had ended", deed);
                }
            }
            let mut open = BTreeMap::new();
            for ((job, _, thing, _), _) in after.iter().filter(|(_, execution)| is_open(execution)) {
                *open.entry((job, thing)).or_insert(0) += 1;
            }
            prop_assert!(open.values().all(|count| *count == 1), "two at once after {:?}: {:?}", deed, open);
            world.counted();
            prop_assert!(world.book.next_due().is_none_or(|due| due > world.now), "something is overdue after {:?}", deed);
        }
        let mut loaded = Jobs::new(Scope::new("123456789012", "us-east-1"));
        for table in Jobs::TABLES {
            for ((_, key), row) in world.rows.iter().filter(|((of, _), _)| of == table) {
                loaded.load(table, key, row).unwrap();
            }
        }
        prop_assert_eq!(format!("{:#?}", world.book), format!("{loaded:#?}"));
    }
    #[test]
    fn time_that_is_moved_is_time_that_is_lived(deeds in deeds()) {
        let (mut moved, mut lived) = (World::new(), World { ticks: true, ..World::new() });
        for deed in &deeds {
            moved.deed(deed);
            lived.deed(deed);
            prop_assert_eq!(&moved.rows, &lived.rows, "after {:?}", deed);
        }
    }
}
