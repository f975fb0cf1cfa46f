//! What is kept in memory, and how events come in and go. Nothing here waits or writes: changes give the rows to write.

use super::fault::Fault;
use super::rows::{self, EVENTS, EventsRow, GROUPS, GroupRow, STREAMS, StreamRow};
use drydock_core::{Timestamp, Write};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most bytes of events that are kept of all groups; beyond that the oldest of the largest group go.
pub const MOST: usize = 64 * 1024 * 1024;
/// How much is kept where there was too much: what goes, goes at once.
const KEPT: usize = MOST / 8 * 7;
/// What AWS counts of an event beside its message, in bytes ("PutLogEvents").
pub(super) const BESIDE: usize = 26;
/// What an event takes here beside its message, in bytes.
const TAKEN: usize = 96;
/// The most groups.
const MAX_GROUPS: usize = 10_000;
/// The most streams of all groups.
const MAX_STREAMS: usize = 100_000;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// An event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Its own time, in milliseconds.
    pub(super) at: i64,
    /// When it came, in milliseconds.
    pub(super) ingested: i64,
    /// The how many-th it is.
    pub(super) place: u64,
    pub(super) message: Arc<str>,
}

impl Event {
    /// Where it stands among others: by its time, then in the order of coming.
    pub(super) fn position(&self) -> (i64, u64) {
        (self.at, self.place)
    }
}

/// Events that came together.
#[derive(Debug)]
struct Chunk {
    events: Vec<Event>,
    /// The time of the newest.
    newest: i64,
    /// What AWS counts of it.
    bytes: usize,
}

impl Chunk {
    fn place(&self) -> u64 {
        self.events.first().map_or(0, |event| event.place)
    }

    fn taken(&self) -> usize {
        self.bytes + self.events.len() * (TAKEN - BESIDE)
    }
}

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) row: StreamRow,
    chunks: Vec<Chunk>,
}

impl Stream {
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.chunks.iter().flat_map(|chunk| &chunk.events)
    }

    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }
}

/// A group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) row: GroupRow,
    pub(super) streams: BTreeMap<String, Stream>,
    /// What its events take here.
    taken: usize,
}

impl Group {
    fn new(row: GroupRow) -> Self {
        Self { row, streams: BTreeMap::new(), taken: 0 }
    }

    pub(super) fn bytes(&self) -> usize {
        self.streams.values().map(Stream::bytes).sum()
    }

    /// Events of before this time are over.
    pub(super) fn begins(&self, now: Timestamp) -> i64 {
        self.row.retention_days.map_or(i64::MIN, |days| now.millis().saturating_sub(i64::from(days) * DAY))
    }

    pub(super) fn stream(&self, name: &str) -> Result<&Stream, Fault> {
        self.streams.get(name).ok_or_else(Fault::no_stream)
    }
}

/// All that is kept.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) groups: BTreeMap<String, Group>,
    streams: usize,
    taken: usize,
    /// The place of the next event.
    next: u64,
    /// How many events have gone because there was no room.
    pub(super) displaced: u64,
}

impl Held {
    /// What the rows say.
    pub(super) fn load(
        groups: Vec<(String, GroupRow)>,
        streams: Vec<(String, StreamRow)>,
        events: Vec<(String, EventsRow)>,
    ) -> Self {
        let groups = groups.into_iter().map(|(name, row)| (name, Group::new(row))).collect();
        let mut held = Self { groups, ..Self::default() };
        for (key, row) in streams {
            let Some((group, stream)) = rows::parts(&key) else { continue };
            if let Some(group) = held.groups.get_mut(group) {
                group.streams.insert(stream.to_owned(), Stream { row, chunks: Vec::new() });
                held.streams += 1;
            }
        }
        for (key, row) in events {
            let Some((group, rest)) = rows::parts(&key) else { continue };
            let Some((stream, place)) = rows::parts(rest) else { continue };
            let Ok(place) = place.parse::<u64>() else { continue };
            let events = row.events.into_iter().map(|(at, message)| (at, message.into())).collect();
            held.next = held.next.max(place.saturating_add(1));
            held.put(group, stream, place, row.ingested, events);
        }
        held
    }

    pub(super) fn group(&self, name: &str) -> Result<&Group, Fault> {
        self.groups.get(name).ok_or_else(Fault::no_group)
    }

    pub(super) fn group_mut(&mut self, name: &str) -> Result<&mut Group, Fault> {
        self.groups.get_mut(name).ok_or_else(Fault::no_group)
    }

    pub(super) fn create_group(&mut self, name: &str, row: GroupRow) -> Result<Vec<Write>, Fault> {
        if self.groups.contains_key(name) {
            return Err(Fault::new("ResourceAlreadyExistsException", "The specified log group already exists"));
        }
        if self.groups.len() >= MAX_GROUPS {
            return Err(Fault::new(
                "LimitExceededException",
                format!("this gateway keeps at most {MAX_GROUPS} log groups"),
            ));
        }
        let write = rows::put(GROUPS, name, &row)?;
        self.groups.insert(name.to_owned(), Group::new(row));
        Ok(vec![write])
    }

    pub(super) fn create_stream(&mut self, group: &str, name: &str, now: Timestamp) -> Result<Vec<Write>, Fault> {
        let full = self.streams >= MAX_STREAMS;
        let held = self.group_mut(group)?;
        if held.streams.contains_key(name) {
            return Err(Fault::new("ResourceAlreadyExistsException", "The specified log stream already exists"));
        }
        if full {
            let why = format!("this gateway keeps at most {MAX_STREAMS} log streams");
            return Err(Fault::new("LimitExceededException", why));
        }
        let row = StreamRow { created: now };
        let write = rows::put(STREAMS, rows::stream_key(group, name), &row)?;
        held.streams.insert(name.to_owned(), Stream { row, chunks: Vec::new() });
        self.streams += 1;
        Ok(vec![write])
    }

    pub(super) fn delete_group(&mut self, name: &str) -> Result<Vec<Write>, Fault> {
        let group = self.groups.remove(name).ok_or_else(Fault::no_group)?;
        self.taken -= group.taken;
        self.streams -= group.streams.len();
        let mut writes = vec![Write::delete(GROUPS, name)];
        for (stream, held) in &group.streams {
            writes.extend(deletions(name, stream, held));
        }
        Ok(writes)
    }

    pub(super) fn delete_stream(&mut self, group: &str, name: &str) -> Result<Vec<Write>, Fault> {
        let held = self.group_mut(group)?;
        let stream = held.streams.remove(name).ok_or_else(Fault::no_stream)?;
        let taken: usize = stream.chunks.iter().map(Chunk::taken).sum();
        held.taken -= taken;
        self.taken -= taken;
        self.streams -= 1;
        Ok(deletions(group, name, &stream))
    }

    /// Appends events to a stream that is there.
    pub(super) fn append(
        &mut self,
        group: &str,
        stream: &str,
        now: Timestamp,
        events: Vec<(i64, Arc<str>)>,
    ) -> Result<(Vec<Write>, Vec<Event>), Fault> {
        self.group(group)?.stream(stream)?;
        if events.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let row = EventsRow {
            ingested: now.millis(),
            events: events.iter().map(|(at, message)| (*at, message.to_string())).collect(),
        };
        let mut writes = vec![rows::put(EVENTS, rows::events_key(group, stream, self.next), &row)?];
        let put = self.put(group, stream, self.next, now.millis(), events);
        writes.extend(self.make_room());
        Ok((writes, put))
    }

    fn put(
        &mut self,
        group: &str,
        stream: &str,
        place: u64,
        ingested: i64,
        events: Vec<(i64, Arc<str>)>,
    ) -> Vec<Event> {
        let Some(held) = self.groups.get_mut(group) else { return Vec::new() };
        let Some(stream) = held.streams.get_mut(stream) else { return Vec::new() };
        let events: Vec<Event> = events
            .into_iter()
            .zip(place..)
            .map(|((at, message), place)| Event { at, ingested, place, message })
            .collect();
        let newest = events.iter().map(|event| event.at).max().unwrap_or(i64::MIN);
        let bytes = events.iter().map(|event| event.message.len() + BESIDE).sum();
        self.next = self.next.max(place.saturating_add(events.len() as u64));
        let chunk = Chunk { events: events.clone(), newest, bytes };
        held.taken += chunk.taken();
        self.taken += chunk.taken();
        stream.chunks.push(chunk);
        events
    }

    /// Lets the oldest events of the largest groups go until there is room.
    fn make_room(&mut self) -> Vec<Write> {
        let mut writes = Vec::new();
        if self.taken <= MOST {
            return writes;
        }
        while self.taken > KEPT {
            let largest = self.groups.iter().max_by_key(|(_, group)| group.taken).map(|(name, _)| name.clone());
            let Some(name) = largest else { break };
            let Some(group) = self.groups.get(&name) else { break };
            let mut places: Vec<u64> =
                group.streams.values().flat_map(|stream| stream.chunks.iter().map(Chunk::place)).collect();
            places.sort_unstable();
            // A part of them at a time: another group may be the largest then.
            let Some(last) = places.get(places.len() / 8).copied() else { break };
            let (gone, displaced) = self.drop_chunks(&name, |chunk| chunk.place() <= last);
            self.displaced += displaced;
            writes.extend(gone);
        }
        writes
    }

    /// Lets events go whose group does not keep them any longer; says when others are to go.
    pub(super) fn expire(&mut self, now: Timestamp) -> (Vec<Write>, Option<Timestamp>) {
        let mut writes = Vec::new();
        let mut next: Option<i64> = None;
        let kept: Vec<(String, i64, i64)> = self
            .groups
            .iter()
            .filter_map(|(name, group)| {
                let days = i64::from(group.row.retention_days?);
                Some((name.clone(), group.begins(now), days * DAY))
            })
            .collect();
        for (name, begins, span) in kept {
            writes.extend(self.drop_chunks(&name, |chunk| chunk.newest < begins).0);
            let group = self.groups.get(&name);
            let chunks = group.into_iter().flat_map(|group| group.streams.values()).flat_map(|stream| &stream.chunks);
            let oldest = chunks.map(|chunk| chunk.newest).min().map(|newest| newest.saturating_add(span + 1));
            next = next.into_iter().chain(oldest).min();
        }
        (writes, next.map(Timestamp))
    }

    /// Lets chunks of a group go: the rows to delete, and how many events it were.
    fn drop_chunks(&mut self, name: &str, goes: impl Fn(&Chunk) -> bool) -> (Vec<Write>, u64) {
        let (mut writes, mut events, mut taken) = (Vec::new(), 0, 0);
        let Some(group) = self.groups.get_mut(name) else { return (writes, events) };
        for (stream, held) in &mut group.streams {
            held.chunks.retain(|chunk| {
                let goes = goes(chunk);
                if goes {
                    taken += chunk.taken();
                    events += chunk.events.len() as u64;
                    writes.push(Write::delete(EVENTS, rows::events_key(name, stream, chunk.place())));
                }
                !goes
            });
        }
        group.taken -= taken;
        self.taken -= taken;
        (writes, events)
    }
}

fn deletions(group: &str, name: &str, stream: &Stream) -> Vec<Write> {
    let events = stream.chunks.iter().map(|chunk| Write::delete(EVENTS, rows::events_key(group, name, chunk.place())));
    events.chain([Write::delete(STREAMS, rows::stream_key(group, name))]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Held {
        let mut held = Held::default();
        for group in ["loud", "quiet"] {
            held.create_group(group, GroupRow::new(Timestamp(0))).unwrap();
            held.create_stream(group, "s", Timestamp(0)).unwrap();
        }
        held
    }

    #[test]
    fn the_largest_group_makes_room_and_the_rows_follow() {
        let mut held = held();
        let (writes, _) = held.append("quiet", "s", Timestamp(0), vec![(0, "kept".into())]).unwrap();
        let mut rows: BTreeMap<String, ()> = writes.into_iter().map(|write| (write.key, ())).collect();
        let message: Arc<str> = "x".repeat(1024 * 1024).into();
        for at in 0..200 {
            let (writes, _) = held.append("loud", "s", Timestamp(at), vec![(at, Arc::clone(&message))]).unwrap();
            assert!(held.taken <= MOST);
            for write in writes {
                match write.value {
                    Some(_) => assert!(rows.insert(write.key, ()).is_none()),
                    None => assert!(rows.remove(&write.key).is_some()),
                }
            }
        }
        let count = |group: &str| held.group(group).unwrap().stream("s").unwrap().events().count();
        assert_eq!(count("quiet"), 1);
        assert_eq!(count("loud") as u64 + held.displaced, 200);
        assert!(count("loud") >= 48, "{}", count("loud"));
        assert_eq!(rows.len(), count("loud") + 1);
    }

    #[test]
    fn what_is_over_goes_and_the_next_is_told() {
        let mut held = held();
        held.group_mut("quiet").unwrap().row.retention_days = Some(1);
        held.append("quiet", "s", Timestamp(0), vec![(10, "a".into())]).unwrap();
        held.append("quiet", "s", Timestamp(0), vec![(20, "b".into())]).unwrap();
        assert_eq!(held.expire(Timestamp(DAY + 10)), (Vec::new(), Some(Timestamp(DAY + 11))));
        let (writes, next) = held.expire(Timestamp(DAY + 11));
        assert_eq!((writes.len(), next), (1, Some(Timestamp(DAY + 21))));
        held.delete_group("quiet").unwrap();
        held.delete_stream("loud", "s").unwrap();
        assert_eq!((held.taken, held.streams), (0, 0));
    }
}
