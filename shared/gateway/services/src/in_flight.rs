//! The requests of a service that came as messages and are unanswered: a connection may have so many for one thing ("AWS IoT
//! Device Shadow service limits"; AWS gives none for jobs, which have the same), and all together are bounded.

use drydock_broker::Limits;
use drydock_core::event::ClientIdentity;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Those of one service: each waits here, in order, until it is worked on.
pub(crate) struct Inbox<R> {
    in_flight: InFlight,
    requests: Sender<(R, Unanswered)>,
    arriving: Mutex<Option<Receiver<(R, Unanswered)>>>,
}

impl<R> Inbox<R> {
    pub(crate) fn new(limits: &Limits) -> Self {
        let in_flight = InFlight::new(limits);
        let (requests, arriving) = mpsc::channel(in_flight.altogether);
        Self { in_flight, requests, arriving: Mutex::new(Some(arriving)) }
    }

    /// As [`InFlight::begin`].
    pub(crate) fn begin(&self, client: Option<&Arc<ClientIdentity>>, thing: &str) -> Option<Unanswered> {
        self.in_flight.begin(client, thing)
    }

    /// Takes a request in that may be unanswered.
    pub(crate) fn put(&self, request: R, unanswered: Unanswered) {
        // The queue has a place for each that may be unanswered. Only a gateway that is stopping has nobody at the other end.
        drop(self.requests.try_send((request, unanswered)));
    }

    /// Where they arrive: for the one who works on them, once.
    pub(crate) fn arriving(&self) -> Option<Receiver<(R, Unanswered)>> {
        self.arriving.lock().take()
    }
}

/// Counts them. Cheap to clone; the clones are one.
#[derive(Debug, Clone)]
struct InFlight {
    counts: Arc<Mutex<Counts>>,
    per_thing: usize,
    altogether: usize,
}

#[derive(Debug, Default)]
struct Counts {
    altogether: usize,
    /// By the address of the connection's identity, which lives as long as a request of it does.
    by_connection: HashMap<usize, Own>,
}

/// Those of one connection.
#[derive(Debug, Default)]
struct Own {
    altogether: usize,
    by_thing: HashMap<SmolStr, usize>,
}

/// A request that is unanswered as long as this lives.
#[derive(Debug)]
pub(crate) struct Unanswered {
    all: InFlight,
    of: Option<(Arc<ClientIdentity>, SmolStr)>,
}

impl InFlight {
    fn new(limits: &Limits) -> Self {
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let per_thing = count(limits.shadow_requests_in_flight_per_thing);
        Self {
            counts: Arc::default(),
            per_thing: if per_thing == 0 { usize::MAX } else { per_thing },
            altogether: count(limits.shadow_requests_waiting),
        }
    }

    /// One more request, on a shadow of a thing; `None` where it is one too many. What rules and callers over HTTP publish has no
    /// connection, and counts towards the whole alone.
    fn begin(&self, client: Option<&Arc<ClientIdentity>>, thing: &str) -> Option<Unanswered> {
        let mut counts = self.counts.lock();
        if counts.altogether >= self.altogether {
            return None;
        }
        let of = client.map(|client| (Arc::clone(client), SmolStr::new(thing)));
        if let Some((client, thing)) = &of {
            let own = counts.by_connection.entry(Arc::as_ptr(client).addr()).or_default();
            let on_thing = own.by_thing.get(thing).copied().unwrap_or_default();
            // One connection leaves room for the others.
            if on_thing >= self.per_thing || own.altogether >= self.altogether.div_ceil(4) {
                return None;
            }
            own.altogether += 1;
            own.by_thing.insert(thing.clone(), on_thing + 1);
        }
        counts.altogether += 1;
        drop(counts);
        Some(Unanswered { all: self.clone(), of })
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let mut counts = self.all.counts.lock();
        counts.altogether -= 1;
        let Some((client, thing)) = &self.of else { return };
        let Entry::Occupied(mut own) = counts.by_connection.entry(Arc::as_ptr(client).addr()) else { return };
        own.get_mut().altogether -= 1;
        if let Some(count) = own.get_mut().by_thing.get_mut(thing) {
            *count -= 1;
            if *count == 0 {
                own.get_mut().by_thing.remove(thing);
            }
        }
        if own.get().altogether == 0 {
            own.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Arc<ClientIdentity> {
        Arc::new(ClientIdentity {
            client_id: "same".into(),
            exclusive_thing: None,
            principal: "p".into(),
            session_identifier: "s".into(),
            ip: [127, 0, 0, 1].into(),
        })
    }

    #[test]
    fn a_connection_has_ten_for_a_thing_and_a_quarter_of_all() {
        let limits = Limits { shadow_requests_waiting: 100, ..Limits::default() };
        let all = InFlight::new(&limits);
        let (one, other) = (connection(), connection());
        let mut ten: Vec<_> = (0..10).map(|_| all.begin(Some(&one), "lamp").unwrap()).collect();
        assert!(all.begin(Some(&one), "lamp").is_none(), "the eleventh");
        assert!(all.begin(Some(&other), "lamp").is_some(), "another connection");
        assert!(all.begin(None, "lamp").is_some(), "no connection");
        ten.pop();
        ten.push(all.begin(Some(&one), "lamp").unwrap());
        let more: Vec<_> = (0..15).map(|at| all.begin(Some(&one), &format!("t{at}")).unwrap()).collect();
        assert!(all.begin(Some(&one), "t15").is_none(), "a quarter of all");
        let rest: Vec<_> = (0..75).map(|_| all.begin(None, "lamp").unwrap()).collect();
        assert!(all.begin(None, "lamp").is_none() && all.begin(Some(&other), "lamp").is_none(), "all");
        drop((ten, more, rest));
        let left = all.counts.lock();
        assert_eq!((left.altogether, left.by_connection.len()), (0, 0));
    }
}
