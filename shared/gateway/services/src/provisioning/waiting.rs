//! Requests of fleet provisioning that wait: connections take turns, each with a bounded number, at the account's rates.

use super::request::{Operation, Request};
use drydock_broker::Limits;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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

    /// How long until some request may be taken, as the rates go.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let first = |connection: &Connection| self.by_connection.get(connection).and_then(VecDeque::front);
        let waits = self.turns.iter().filter_map(first).map(|request| self.pace(request).wait(now));
        waits.take(LOOKED_AT).min().unwrap_or_default()
    }

    /// Takes the first request of the connection whose turn it is, of those that the rates let through.
    pub(super) fn take(&mut self, now: Instant) -> Option<Request> {
        let may = |connection: &Connection| {
            let request = self.by_connection.get(connection).and_then(VecDeque::front);
            request.is_some_and(|request| self.pace(request).wait(now).is_zero())
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
    apart: Duration,
    next: Option<Instant>,
}

impl Pace {
    fn new(per_second: u64) -> Self {
        let apart = u32::try_from(per_second).ok().and_then(|rate| Duration::from_secs(1).checked_div(rate));
        Self { apart: apart.unwrap_or_default(), next: None }
    }

    fn wait(&self, now: Instant) -> Duration {
        self.next.map(|next| next.saturating_duration_since(now)).unwrap_or_default()
    }

    fn spend(&mut self, now: Instant) {
        self.next = Some(now.max(self.next.unwrap_or(now)) + self.apart);
    }
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
        let now = Instant::now();
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
        let now = Instant::now();
        assert!(waiting.take(now).is_some());
        assert_eq!((waiting.take(now).is_some(), waiting.wait(now)), (false, Duration::from_millis(500)));
        let third = connection();
        waiting.put(request(&third, REGISTER)).unwrap();
        assert_eq!(waiting.wait(now), Duration::ZERO);
        assert!(Arc::ptr_eq(&waiting.take(now).unwrap().client, &third));
        let later = now + Duration::from_millis(500);
        assert!(waiting.take(later).is_some() && waiting.take(later).is_none());
    }
}
