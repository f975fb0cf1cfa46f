//! What a plan's run knows of a run before it, and two commands as one.

use drydock_core::Done;
use drydock_identity::Issued;
use uuid::Uuid;

/// What was settled before a plan is carried out, so that a second run after a kill knows what the first one made.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// The id that the thing gets where it is made: one that has it was made by this plan.
    pub thing_id: Option<Uuid>,
    /// The certificate that was signed for the plan's request.
    pub issued: Option<Issued>,
    /// Whether the certificate that the plan brings is registered by this plan.
    pub registers: bool,
}

/// Two commands on one rulebook as one: the second's answer, both writes and events.
pub(super) fn then<A, B>(first: Done<A>, second: Done<B>) -> Done<B> {
    let Done { mut writes, mut events, .. } = first;
    writes.extend(second.writes);
    events.extend(second.events);
    Done { reply: second.reply, writes, events }
}
