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
    /// The connections that have something waiting, the one whose turn it is first.
    turns: VecDeque<Connection>,
    most: usize,
    creates: Pace,
    csrs: Pace,
    registers: Pace,
}

impl Waiting {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            by_connection: HashMap::new(),
            turns: VecDeque::new(),
            most: usize::try_from(limits.provisioning_waiting_per_connection).unwrap_or(usize::MAX),
            creates: Pace::new(limits.provisioning_creates_per_second),
            csrs: Pace::new(limits.provisioning_csrs_per_second),
            registers: Pace::new(limits.provisioning_registers_per_second),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
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
            self.turns.push_back(connection);
        }
        own.push_back(request);
        Ok(())
    }

    /// How many milliseconds until some request may be taken, as the rates go.
    pub(super) fn wait(&self, now: Timestamp) -> i64 {
        let first = |connection: &Connection| self.by_connection.get(connection).and_then(VecDeque::front);
        let waits = self.turns.iter().filter_map(first).map(|request| self.pace(request).wait(now));
        waits.take(LOOKED_AT).min().unwrap_or_default()
    }

    /// Takes the first request of the connection whose turn it is, of those that the rates let through.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Request> {
        let may = |connection: &Connection| {
            let request = self.by_connection.get(connection).and_then(VecDeque::front);
            request.is_some_and(|request| self.pace(request).wait(now) == 0)
        };
        let at = self.turns.iter().take(LOOKED_AT).position(may)?;
        let connection = self.turns.remove(at)?;
        let own = self.by_connection.get_mut(&connection)?;
        let request = own.pop_front()?;
        if own.is_empty() {
            self.by_connection.remove(&connection);
        } else {
            self.turns.push_back(connection);
        }
        match request.operation {
            Operation::CreateKeysAndCertificate => self.creates.spend(now),
            Operation::CreateCertificateFromCsr => self.csrs.spend(now),
            Operation::RegisterThing(_) => self.registers.spend(now),
        }
        Some(request)
    }

    fn pace(&self, request: &Request) -> &Pace {
        match request.operation {
            Operation::CreateKeysAndCertificate => &self.creates,
            Operation::CreateCertificateFromCsr => &self.csrs,
            Operation::RegisterThing(_) => &self.registers,
        }
    }
}

/// How many connections are looked at for one whose request the rates let through.
const LOOKED_AT: usize = 64;

/// So many a second, evenly.
struct Pace {
    /// Microseconds from one to the next.
    apart: i64,
    /// When there may be the next, in microseconds.
    next: i64,
}

impl Pace {
    /// 0 means no limit.
    fn new(per_second: u64) -> Self {
        let apart = i64::try_from(per_second).ok().and_then(|rate| 1_000_000_i64.checked_div(rate));
        Self { apart: apart.unwrap_or_default(), next: 0 }
    }

    /// Milliseconds until there may be the next. What is due within the millisecond is due.
    fn wait(&self, now: Timestamp) -> i64 {
        self.next.saturating_sub(micros(now)).max(0) / 1000
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
        let mut waiting = Waiting::new(&Limits::default());
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
        for client in [&one, &one, &other] {
            waiting.put(request(client, CREATE)).unwrap();
        }
        let now = Timestamp(1_800_000_000_000);
        assert!(waiting.take(now).is_some());
        assert_eq!((waiting.take(now).is_some(), waiting.wait(now)), (false, 500));
        let third = connection();
        waiting.put(request(&third, REGISTER)).unwrap();
        assert_eq!(waiting.wait(now), 0);
        assert!(Arc::ptr_eq(&waiting.take(now).unwrap().client, &third));
        let later = now.plus_millis(500);
        assert!(waiting.take(later).is_some() && waiting.take(later).is_none());
    }
}
