//! CloudWatch Logs, and how changes are made: in memory and on their way to the disk under one lock, answered when they are there.

use super::begun::Queries;
use super::fault::Fault;
use super::ingest::{Ingest, Line};
use super::outflow::{self, New};
use super::rows::{EVENTS, GROUPS, GroupRow, STREAMS};
use super::session::Tails;
use super::state::{Event, Group, Held};
use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Facts, Service};
use drydock_core::{Arn, Timestamp, Write};
use drydock_timers::Reminder;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// CloudWatch Logs.
pub const SERVICE: Service = Service::new(&Facts {
    name: "logs",
    title: "Amazon CloudWatch Logs",
    targets: &["Logs"],
    most: Facts::LARGE,
    ..Facts::PLAIN
});

/// How many deliveries to subscribed functions may be on their way.
const DELIVERIES: usize = 64;

/// How many searches go on at a time.
const SEARCHES: usize = 4;

/// The log groups of the account and region.
pub struct Logs {
    pub(super) context: Arc<Context>,
    outlets: Arc<Outlets>,
    pub(super) held: Mutex<Held>,
    pub(super) queries: Mutex<Queries>,
    pub(super) tails: Tails,
    ingest: Ingest,
    pub(super) expiry: Reminder,
    deliveries: Arc<Semaphore>,
    /// Whose turn it is to search: what is searched is copied first.
    pub(super) searches: Arc<Semaphore>,
}

impl Logs {
    pub(crate) fn open(context: Arc<Context>, outlets: Arc<Outlets>, rows: &Rows) -> Result<Arc<Self>, CloudError> {
        let held = Held::load(rows.table(GROUPS)?, rows.table(STREAMS)?, rows.table(EVENTS)?);
        Ok(Arc::new(Self {
            held: Mutex::new(held),
            queries: Mutex::default(),
            tails: Tails::default(),
            ingest: Ingest::new(&context.timers),
            expiry: context.timers.reminder("retention of logs"),
            deliveries: Arc::new(Semaphore::new(DELIVERIES)),
            searches: Arc::new(Semaphore::new(SEARCHES)),
            context,
            outlets,
        }))
    }

    /// Where the gateway's own parts hand lines in.
    #[must_use]
    pub fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// How many events have gone because there was no room for them.
    #[must_use]
    pub fn displaced(&self) -> u64 {
        lock(&self.held).displaced
    }

    /// Whether a function would take what comes of a group, as things are now.
    pub(super) fn may_send(&self, to: &Arn, from: &Arn) -> Result<(), String> {
        self.outlets.check(to, ("logs.amazonaws.com", from))
    }

    /// Makes a group that a template declares, or changes it to what the template says.
    ///
    /// # Errors
    /// What the service refuses; where the disk does not take it.
    pub async fn ensure_group(
        &self,
        name: &str,
        retention_days: Option<u32>,
        tags: BTreeMap<String, String>,
    ) -> Result<(), CloudError> {
        let now = self.context.now();
        let refused = |fault: Fault| CloudError::resource("log group", name, fault.to_string());
        if let Some(days) = retention_days {
            super::input::check_retention(i64::from(days)).map_err(refused)?;
        }
        let made = self.change(|held| {
            if !held.groups.contains_key(name) {
                held.create_group(name, GroupRow::new(now))?;
            }
            let group = held.group_mut(name)?;
            group.row.retention_days = retention_days;
            group.row.tags.extend(tags);
            Ok(((), vec![super::rows::put(GROUPS, name, &group.row)?]))
        });
        made.await.map_err(refused)?;
        self.expiry.by(now);
        Ok(())
    }

    /// Makes a change: what it gives is answered once its rows are on disk, where they are in the order of the changes.
    pub(super) async fn change<T>(
        &self,
        change: impl FnOnce(&mut Held) -> Result<(T, Vec<Write>), Fault>,
    ) -> Result<T, Fault> {
        let (answer, written) = {
            let mut held = lock(&self.held);
            let (answer, writes) = change(&mut held)?;
            (answer, self.context.journal.begin(writes))
        };
        written.await?;
        Ok(answer)
    }

    /// Changes a group.
    pub(super) async fn change_group<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Group) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.change(|held| {
            let group = held.group_mut(name)?;
            let answer = change(group)?;
            Ok((answer, vec![super::rows::put(GROUPS, name, &group.row)?]))
        })
        .await
    }

    /// Takes lines in, until the gateway stops; what comes then is taken by [`Self::take_rest`].
    pub(crate) async fn take_lines(self: Arc<Self>) {
        let Some(mut arriving) = self.ingest.take() else { return };
        let stopped = self.context.stopped();
        tokio::pin!(stopped);
        loop {
            let waiting = tokio::select! {
                waiting = arriving.next() => waiting,
                () = &mut stopped => return,
            };
            let (new, work, written) = {
                let mut held = lock(&self.held);
                let (lines, work) = arriving.wanted(waiting);
                let (new, writes) = taken(&mut held, lines, self.context.now());
                (new, work, self.context.journal.begin(writes))
            };
            if let Err(error) = written.await {
                tracing::warn!(%error, "log lines are not on disk");
            }
            self.follow(new);
            drop(work);
        }
    }

    /// Takes what has been handed in since: for the end, when no task runs any more.
    pub(super) fn take_rest(&self) {
        let Some(mut arriving) = self.ingest.take() else { return };
        let waiting = arriving.now();
        let (lines, _work) = arriving.wanted(waiting);
        let (_, writes) = taken(&mut lock(&self.held), lines, self.context.now());
        self.context.journal.submit(writes);
    }

    /// Does what follows from new events. What subscriptions get is sent beside: where too much of it waits, it is lost.
    pub(super) fn follow(&self, new: Vec<New>) {
        self.show(&new);
        for new in new {
            if let Some(next) = new.row.retention_days {
                let first = new.events.iter().map(|event| event.at).min().unwrap_or_default();
                self.expiry.by(Timestamp(first.saturating_add(i64::from(next) * 86_400_000 + 1)));
            }
            for value in new.values() {
                self.context.meter.note_at(value.metric, value.at, value.unit, value.value);
            }
            let parcels = new.parcels(&self.context.config.scope);
            if parcels.is_empty() {
                continue;
            }
            let Ok(place) = Arc::clone(&self.deliveries).try_acquire_owned() else {
                tracing::warn!(group = new.group, "log events are lost to those who are subscribed: too many wait");
                continue;
            };
            let (outlets, work) = (Arc::clone(&self.outlets), self.context.timers.work("log subscriptions"));
            self.context.spawn(async move {
                outflow::deliver(outlets, parcels).await;
                drop((place, work));
            });
        }
    }

    pub(super) async fn clear(&self) -> Result<(), CloudError> {
        lock(&self.queries).clear();
        let written = {
            let mut held = lock(&self.held);
            self.ingest.forget();
            let names: Vec<String> = held.groups.keys().cloned().collect();
            let writes = names.iter().filter_map(|name| held.delete_group(name).ok()).flatten().collect();
            self.context.journal.begin(writes)
        };
        written.await
    }
}

/// Texts of events, each with its time in milliseconds since 1970.
type Texts = Vec<(i64, Arc<str>)>;

/// Puts lines where they belong: what is new of each stream, and the rows to write.
fn taken(held: &mut Held, lines: Vec<Line>, now: Timestamp) -> (Vec<New>, Vec<Write>) {
    let mut streams: Vec<(Line, Texts)> = Vec::new();
    let mut places: BTreeMap<(Arc<str>, Arc<str>), usize> = BTreeMap::new();
    for line in lines {
        let event = (line.at.millis(), Arc::from(line.text.as_str()));
        let place = *places.entry((Arc::clone(&line.group), Arc::clone(&line.stream))).or_insert(streams.len());
        match streams.get_mut(place) {
            Some((_, events)) => events.push(event),
            None => streams.push((line, vec![event])),
        }
    }
    let (mut new, mut writes) = (Vec::new(), Vec::new());
    for (line, events) in streams {
        match put(held, &line, now, events, &mut writes) {
            Ok((row, events)) => {
                let (group, stream) = (line.group.to_string(), line.stream.to_string());
                new.push(New { group, row, stream, events });
            }
            Err(fault) => tracing::warn!(group = %line.group, %fault, "log lines are not kept"),
        }
    }
    (new, writes)
}

fn put(
    held: &mut Held,
    line: &Line,
    now: Timestamp,
    events: Vec<(i64, Arc<str>)>,
    writes: &mut Vec<Write>,
) -> Result<(GroupRow, Vec<Event>), Fault> {
    if !held.groups.contains_key(&*line.group) {
        let row = GroupRow { retention_days: line.retention_days, ..GroupRow::new(now) };
        writes.extend(held.create_group(&line.group, row)?);
    }
    if !held.group(&line.group)?.streams.contains_key(&*line.stream) {
        writes.extend(held.create_stream(&line.group, &line.stream, now)?);
    }
    let (more, new) = held.append(&line.group, &line.stream, now, events)?;
    writes.extend(more);
    Ok((held.group(&line.group)?.row.clone(), new))
}
