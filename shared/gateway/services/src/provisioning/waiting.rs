//! Requests of fleet provisioning that wait: connections take turns, each with a bounded number, at the account's rates.

use super::request::{Operation, Request};
use drydock_broker::Limits;
use drydock_core::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A connection, by the address of its identity, which lives as long as a request of it does.
type Connection = usize;

/// What waits.
pub(super) struct Waiting {
    by_connection: HashMap<Connection, VecDeque<Request>>,
    /// By what the first request of a connection asks for, as each operation has a rate of its own.
    lines: [Line; 3],
    /// The line that is looked at first.
    first: usize,
    most: usize,
}

/// The connections that wait for one operation.
struct Line {
    /// The one whose turn it is first.
    turns: VecDeque<Connection>,
    pace: Pace,
}

impl Waiting {
    pub(super) fn new(limits: &Limits) -> Self {
        let rates = [
            limits.provisioning_creates_per_second,
            limits.provisioning_csrs_per_second,
            limits.provisioning_registers_per_second,
        ];
        Self {
            by_connection: HashMap::new(),
            lines: rates.map(|rate| Line { turns: VecDeque::new(), pace: Pace::new(rate) }),
            first: 0,
            most: usize::try_from(limits.provisioning_waiting_per_connection).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_connection.is_empty()
    }

    /// Puts a request in.
    ///
    /// # Errors
    /// The request, where as many of its connection wait as may.
    pub(super) fn put(&mut self, request: Request) -> Result<(), Request> {
        let connection = Arc::as_ptr(&request.client).addr();
        let own = self.by_connection.entry(connection).or_default();
        if own.len() >= self.most {
            return Err(request);
        }
        if own.is_empty() {
            line(&mut self.lines, &request).turns.push_back(connection);
        }
        own.push_back(request);
        Ok(())
    }

    /// How many milliseconds until some request may be taken, as the rates go.
    pub(super) fn wait(&self, now: Timestamp) -> i64 {
        let waiting = self.lines.iter().filter(|line| !line.turns.is_empty());
        waiting.map(|line| line.pace.wait(now)).min().unwrap_or_default()
    }

    /// Takes the first request of a connection whose turn it is, of those that the rates let through.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Request> {
        let mut at = self.first;
        for _ in 0..self.lines.len() {
            let here = at;
            at = (at + 1) % self.lines.len();
            let Some(line_here) = self.lines.get_mut(here) else { continue };
            if line_here.pace.wait(now) > 0 {
                continue;
            }
            let Some(connection) = line_here.turns.pop_front() else { continue };
            line_here.pace.spend(now);
            self.first = at;
            let own = self.by_connection.get_mut(&connection)?;
            let request = own.pop_front()?;
            match own.front() {
                Some(next) => line(&mut self.lines, next).turns.push_back(connection),
                None => drop(self.by_connection.remove(&connection)),
            }
            return Some(request);
        }
        None
    }
}

/// The line that a request waits in.
fn line<'l>(lines: &'l mut [Line; 3], request: &Request) -> &'l mut Line {
    let [creates, csrs, registers] = lines;
    match request.operation {
        Operation::CreateKeysAndCertificate => creates,
        Operation::CreateCertificateFromCsr => csrs,
        Operation::RegisterThing(_) => registers,
    }
}

/// So many a second: as many at once after a second without, and evenly from then on.
struct Pace {
    /// Microseconds from one to the next.
    apart: i64,
    /// How many microseconds before its time the next may come.
    early: i64,
    /// The time of the next, in microseconds.
    next: i64,
}

impl Pace {
    /// 0 means no limit.
    fn new(per_second: u64) -> Self {
        let apart = i64::try_from(per_second).ok().and_then(|rate| 1_000_000_i64.checked_div(rate));
        let apart = apart.unwrap_or_default();
        Self { apart, early: 1_000_000 - apart, next: 0 }
    }

    /// Milliseconds until there may be the next. What is due within the millisecond is due.
    fn wait(&self, now: Timestamp) -> i64 {
        self.next.saturating_sub(self.early).saturating_sub(micros(now)).max(0) / 1000
    }

    fn spend(&mut self, now: Timestamp) {
        self.next = micros(now).max(self.next).saturating_add(self.apart);
    }
}

fn micros(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::TopicRequest;
    use drydock_broker::{Inbound, Message};
    use drydock_core::Reserved;
    use drydock_core::event::ClientIdentity;

    const CREATE: &str = "$aws/certificates/create/json";
    const REGISTER: &str = "$aws/provisioning-templates/fleet/provision/json";

    /// A connection; all have one client id.
    fn connection() -> Arc<ClientIdentity> {
        Arc::new(ClientIdentity {
            client_id: "same".into(),
            exclusive_thing: None,
            principal: "claim".into(),
            session_identifier: "s".into(),
            ip: [127, 0, 0, 1].into(),
        })
    }

    fn request(client: &Arc<ClientIdentity>, topic: &str) -> Request {
        let (message, reserved) = (Message::new(topic, "{}"), Reserved::read(topic).unwrap());
        let inbound = Inbound { message: &message, reserved, client: Some(client), caller: None, protocol: None };
        Request::of(TopicRequest::of(&inbound).unwrap()).unwrap()
    }

    #[test]
    fn connections_take_turns_and_each_has_so_much_waiting() {
        let limits = Limits { provisioning_creates_per_second: 0, ..Limits::default() };
        let mut waiting = Waiting::new(&limits);
        let (greedy, honest) = (connection(), connection());
        for _ in 0..16 {
            waiting.put(request(&greedy, CREATE)).unwrap();
        }
        waiting.put(request(&greedy, REGISTER)).unwrap_err();
        waiting.put(request(&honest, CREATE)).unwrap();
        let now = Timestamp(1_800_000_000_000);
        let mut order = Vec::new();
        while let Some(request) = waiting.take(now) {
            order.push(Arc::ptr_eq(&request.client, &honest));
        }
        assert_eq!((order.len(), order.iter().position(|honest| *honest)), (17, Some(1)));
        assert!(waiting.is_empty());
        waiting.put(request(&greedy, REGISTER)).unwrap();
    }

    #[test]
    fn each_operation_has_its_rate() {
        let limits = Limits { provisioning_creates_per_second: 2, ..Limits::default() };
        let mut waiting = Waiting::new(&limits);
        let (one, other) = (connection(), connection());
        for client in [&one, &one, &other, &other] {
            waiting.put(request(client, CREATE)).unwrap();
        }
        let now = Timestamp(1_800_000_000_000);
        assert!(waiting.take(now).is_some() && waiting.take(now).is_some(), "a second's worth at once");
        assert_eq!((waiting.take(now).is_some(), waiting.wait(now)), (false, 500));
        let third = connection();
        waiting.put(request(&third, REGISTER)).unwrap();
        assert_eq!(waiting.wait(now), 0);
        assert!(Arc::ptr_eq(&waiting.take(now).unwrap().client, &third));
        let later = now.plus_millis(500);
        assert!(waiting.take(later).is_some() && waiting.take(later).is_none());
    }

    #[test]
    fn what_one_claim_asks_for_holds_up_no_other_device() {
        let mut waiting = Waiting::new(&Limits::default());
        let (greedy, honest) = (connection(), connection());
        let mut now = Timestamp(1_800_000_000_000);
        // 3,000 requests, as many at a time as may wait, until the account's rate is used up.
        let refill = |waiting: &mut Waiting| while waiting.put(request(&greedy, CREATE)).is_ok() {};
        for _ in 0..40 {
            refill(&mut waiting);
            while waiting.take(now).is_some() {
                refill(&mut waiting);
            }
            now = now.plus_millis(waiting.wait(now));
        }
        assert!(waiting.take(now).is_some() && waiting.take(now).is_none(), "AWS's rate holds");
        waiting.put(request(&honest, CREATE)).unwrap();
        let asked = now;
        while !waiting.take(now).is_some_and(|request| Arc::ptr_eq(&request.client, &honest)) {
            now = now.plus_millis(waiting.wait(now).max(1));
            assert!(now.millis() - asked.millis() <= 200, "one turn of each connection at ten a second");
        }
        // What it asks for next has a line of its own.
        waiting.put(request(&honest, REGISTER)).unwrap();
        assert!(Arc::ptr_eq(&waiting.take(now).unwrap().client, &honest));
    }

    #[test]
    fn many_who_wait_for_one_operation_hold_up_no_other() {
        let mut waiting = Waiting::new(&Limits { provisioning_creates_per_second: 1, ..Limits::default() });
        let crowd: Vec<_> = (0..500).map(|_| connection()).collect();
        for client in &crowd {
            waiting.put(request(client, CREATE)).unwrap();
        }
        let now = Timestamp(1_800_000_000_000);
        assert!(waiting.take(now).is_some() && waiting.take(now).is_none());
        let last = connection();
        waiting.put(request(&last, REGISTER)).unwrap();
        assert!(Arc::ptr_eq(&waiting.take(now).unwrap().client, &last));
    }
}
