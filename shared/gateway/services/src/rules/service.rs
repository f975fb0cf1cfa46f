//! The state of topic rules.

use super::backlog::Backlog;
use super::outbound::Outbound;
use super::state::States;
use super::watch::Watches;
use drydock_host::Host;

/// Topic rules.
pub struct RulesService {
    /// What it stands on.
    pub host: Host,
    /// What is counted of each rule.
    pub states: States,
    /// Who watches rules.
    pub watches: Watches,
    /// What goes to services elsewhere.
    pub outbound: Outbound,
    /// What rules have to do for messages of QoS 1.
    pub backlog: Backlog,
}
