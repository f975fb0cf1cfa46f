//! Whatever is done to commands and executions, and whenever: an execution that has ended stays as it is, counts and lists add up,
//! nothing is told twice, and time that jumps comes to what time that ticks comes to.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a broken test has to stop the run")]

use drydock_commands::device::Report;
use drydock_commands::{Commands, Context, Fleet, Target};
use drydock_core::{ApiError, Done, Event, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot::{
    CommandExecutionStatus as Status, CommandPayload, CreateCommandRequest, DeleteCommandExecutionRequest,
    DeleteCommandRequest, GetCommandExecutionRequest, ListCommandExecutionsRequest, UpdateCommandRequest,
};
use drydock_model::iot_jobs_data::StartCommandExecutionRequest;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Something that is done.
#[derive(Debug, Clone)]
enum Deed {
    Create(u8),
    Deprecate(u8, bool),
    Delete(u8),
    Start(u8, u8, i64),
    Report(u8, u8, usize),
    Forget(u8, u8),
    Pass(u16),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (command, device, execution) = (0..3_u8, 0..3_u8, 0..20_u8);
    let deed = prop_oneof![
        3 => command.clone().prop_map(Deed::Create),
        1 => (command.clone(), any::<bool>()).prop_map(|(command, is)| Deed::Deprecate(command, is)),
        1 => command.clone().prop_map(Deed::Delete),
        6 => (command, device.clone(), 1..100_i64).prop_map(|(command, device, lasts)| Deed::Start(command, device, lasts)),
        6 => (execution.clone(), device.clone(), 0..6_usize).prop_map(|(of, device, to)| Deed::Report(of, device, to)),
        1 => (execution, device).prop_map(|(execution, device)| Deed::Forget(execution, device)),
        4 => (0..3000_u16).prop_map(Deed::Pass),
    ];
    prop::collection::vec(deed, 1..60)
}

struct Anything;

impl Fleet for Anything {
    fn has_thing(&self, _thing: &str) -> bool {
        true
    }
}

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

struct Run {
    book: Commands,
    rows: BTreeMap<(&'static str, String), String>,
    now: Timestamp,
    /// The longest step in which time passes, in milliseconds.
    tick: i64,
    started: u8,
    /// What was told of each execution, in order.
    told: BTreeMap<String, Vec<&'static str>>,
}

impl Run {
    fn new(tick: i64) -> Self {
        let (rows, told) = Default::default();
        Self { book: Commands::new(scope()), rows, now: Timestamp(0), tick, started: 0, told }
    }

    fn run<T, E>(&mut self, command: impl FnOnce(&mut Commands, Timestamp) -> Result<Done<T>, E>) -> Result<T, E> {
        let done = command(&mut self.book, self.now)?;
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => drop(self.rows.insert((table, key), value)),
                None => drop(self.rows.remove(&(table, key))),
            }
        }
        for event in done.events {
            let Event::CommandExecutionChanged { execution, .. } = event else { continue };
            self.told.entry(execution.id.to_string()).or_default().push(execution.status);
        }
        Ok(done.reply)
    }

    fn due(&mut self) {
        while self.run(|book, now| Ok::<_, ApiError>(book.due(now))).unwrap().more {}
    }

    /// Time passes: what is due is done at its time where time ticks finely enough, and never before it.
    fn pass(&mut self, seconds: u16) {
        let to = self.now.plus_millis(i64::from(seconds) * 1000);
        while self.now < to {
            let next = self.book.next_due().unwrap_or(to).max(self.now);
            self.now = next.min(to).min(self.now.plus_millis(self.tick));
            self.due();
        }
    }

    fn status(&self, execution: u8, device: u8) -> Option<(Status, bool)> {
        let request = GetCommandExecutionRequest {
            execution_id: format!("e{execution}"),
            include_result: None,
            target_arn: arn(&device_of(device)),
        };
        let found = self.book.get_execution(&request).ok()?;
        Some((found.status?, found.completed_at.is_some()))
    }

    fn do_(&mut self, deed: &Deed) {
        // What is refused changes nothing, which is looked at below.
        match *deed {
            Deed::Create(command) => {
                let payload = CommandPayload { content: Some("x".into()), content_type: None };
                let command_id = format!("c{command}");
                let request = CreateCommandRequest { command_id, payload: Some(payload), ..Default::default() };
                let _ = self.run(|book, now| book.create_command(request, now));
            }
            Deed::Deprecate(command, is) => {
                let command_id = format!("c{command}");
                let request = UpdateCommandRequest { command_id, deprecated: Some(is), ..Default::default() };
                let _ = self.run(|book, now| book.update_command(request, now));
            }
            Deed::Delete(command) => {
                let request = DeleteCommandRequest { command_id: format!("c{command}") };
                self.run(|book, now| Ok::<_, ApiError>(book.delete_command(&request, now))).unwrap();
            }
            Deed::Start(command, device, lasts) => {
                let request = StartCommandExecutionRequest {
                    command_arn: arn(&format!("command/c{command}")),
                    target_arn: arn(&device_of(device)),
                    execution_timeout_seconds: Some(lasts),
                    ..Default::default()
                };
                let id = format!("e{}", self.started);
                let context = Context { now: self.now, fleet: &Anything };
                if self.run(|book, _| book.start_execution(request, id.into(), &context)).is_ok() {
                    self.started += 1;
                }
            }
            Deed::Report(execution, device, to) => {
                let status = Status::VALUES[to].1;
                let before = self.status(execution, device);
                let target = Target::of_arn(&scope(), &arn(&device_of(device))).unwrap();
                let report = Report { status, reason: None, result: None };
                let id = format!("e{execution}");
                let done = self.run(|book, now| book.update_execution(&target, &id, report, now));
                let may = before.is_some_and(|(was, ended)| {
                    !ended && status != Status::Created && (was, status) != (Status::TimedOut, Status::InProgress)
                });
                assert_eq!(done.is_ok(), may, "{before:?} to {status}: {done:?}");
            }
            Deed::Forget(execution, device) => {
                let request = DeleteCommandExecutionRequest {
                    execution_id: format!("e{execution}"),
                    target_arn: arn(&device_of(device)),
                };
                let _ = self.run(|book, _| book.delete_execution(&request));
            }
            Deed::Pass(seconds) => self.pass(seconds),
        }
    }

    /// What is always so.
    fn check(&self) {
        let mut loaded = Commands::new(scope());
        for table in Commands::TABLES {
            for ((of, key), row) in self.rows.iter().filter(|((of, _), _)| of == table) {
                loaded.load(of, key, row).unwrap();
            }
        }
        assert_eq!(format!("{:?}", self.book), format!("{loaded:?}"), "the book after a restart");
        let listed = |request: ListCommandExecutionsRequest| {
            let request = ListCommandExecutionsRequest { max_results: Some(100), ..request };
            self.book.list_executions(&request).map_or(0, |found| found.command_executions.unwrap().len())
        };
        let of = |command: u8| {
            let command_arn = Some(arn(&format!("command/c{command}")));
            listed(ListCommandExecutionsRequest { command_arn, ..Default::default() })
        };
        let on = |device: u8| {
            let target_arn = Some(arn(&device_of(device)));
            listed(ListCommandExecutionsRequest { target_arn, ..Default::default() })
        };
        let kept = self.rows.keys().filter(|(table, _)| *table == "command_executions").count();
        assert_eq!(((0..3).map(of).sum(), (0..3).map(on).sum()), (kept, kept), "lists of commands and of devices");
        for told in self.told.values() {
            let ends = told.iter().filter(|status| ["SUCCEEDED", "FAILED", "REJECTED"].contains(status)).count();
            let last = told.last().copied().unwrap_or_default();
            assert!(told[0] == "CREATED" && ends <= 1, "{told:?}");
            assert!(ends == 0 || !["CREATED", "IN_PROGRESS", "TIMED_OUT"].contains(&last), "it has gone on: {told:?}");
        }
    }
}

/// Two things and a client.
fn device_of(device: u8) -> String {
    if device == 2 { "client/d2".to_owned() } else { format!("thing/d{device}") }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_the_book_stays_in_order(deeds in deeds()) {
        let mut run = Run::new(i64::MAX);
        for deed in &deeds {
            run.do_(deed);
            run.check();
        }
    }

    #[test]
    fn time_that_jumps_comes_to_what_time_that_ticks_comes_to(deeds in deeds()) {
        let (mut jumps, mut ticks) = (Run::new(i64::MAX), Run::new(1000));
        for deed in &deeds {
            jumps.do_(deed);
            ticks.do_(deed);
            prop_assert_eq!(&jumps.rows, &ticks.rows);
            prop_assert_eq!(&jumps.told, &ticks.told);
        }
    }
}
