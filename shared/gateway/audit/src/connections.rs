//! What is kept of connections for the checks that look at them: where one certificate was connected several times at once, where one
//! connection has thrown another off, and which services were used with the credentials that devices get.

use crate::book::{Audit, CONFLICTS, SERVICES, SHARING, json};
use crate::checks::{conflicting_client_ids, device_certificate_shared};
use drydock_core::{Done, Timestamp, Write};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Connections that are kept of one certificate, and conflicts of one client id.
pub const MOST_OF_EACH: usize = 20;
/// Certificates, or client ids, of which something is kept: those that something happened to last.
const MOST: usize = 10_000;
/// How long it is kept, in milliseconds: as far back as an audit on demand looks.
pub const KEPT: i64 = 31 * 86_400_000;

/// How long a service counts as used, in milliseconds: a year.
const YEAR: i64 = 365 * 86_400_000;

/// A connection that was there while another one was with the same certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The client id.
    pub client_id: SmolStr,
    /// When it came.
    pub from: Timestamp,
    /// When it ended, where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The end of a connection that another one with its client id has thrown off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Whose connection it was: the id of its certificate, or of another kind of credential.
    pub principal: SmolStr,
    /// When.
    pub at: Timestamp,
}

/// Something that happened to a connection, and that a check looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// These connections, two or more, are there at once with one certificate.
    Sharing {
        /// The certificate.
        certificate: SmolStr,
        /// The connections.
        connections: Vec<Connection>,
    },
    /// One of a certificate's connections has ended. Nothing comes of it where none of them was told of.
    Ended {
        /// The certificate.
        certificate: SmolStr,
        /// The client id.
        client_id: SmolStr,
        /// When it came.
        from: Timestamp,
        /// When it ended.
        until: Timestamp,
    },
    /// A connection was thrown off.
    Conflicting {
        /// Its client id.
        client_id: SmolStr,
        /// Whose it was, and when.
        conflict: Conflict,
    },
    /// A service was asked with the credentials of a role.
    Used {
        /// The ARN of the role.
        role: SmolStr,
        /// The service, as IAM's actions begin.
        service: SmolStr,
        /// When.
        at: Timestamp,
    },
}

impl Audit {
    /// Whether connections are looked at, for certificates that are shared and for client ids that conflict.
    #[must_use]
    pub fn collects(&self) -> (bool, bool) {
        let enabled = |name| self.is_enabled(name);
        (enabled(device_certificate_shared::CHECK.name), enabled(conflicting_client_ids::CHECK.name))
    }

    /// Keeps what happened to connections.
    pub fn observe(&mut self, observed: Vec<Observed>) -> Done<()> {
        let (shares, conflicts) = self.collects();
        let mut writes = Vec::new();
        for observed in observed {
            match observed {
                Observed::Sharing { certificate, connections } if shares => {
                    let kept = self.sharing.entry(certificate.clone()).or_default();
                    for connection in connections {
                        let same = |known: &Connection| {
                            known.client_id == connection.client_id && known.from == connection.from
                        };
                        if !kept.iter().any(same) {
                            kept.push(connection);
                        }
                    }
                    // Those that ended first go: one that is still there shares with whoever comes next, however long it has been there.
                    let end = |one: &Connection| (one.until.unwrap_or(Timestamp(i64::MAX)), one.from);
                    kept.sort_by_key(|one| Reverse(end(one)));
                    kept.truncate(MOST_OF_EACH);
                    kept.sort_by_key(|one| Reverse(one.from));
                    writes.push(Write::put(SHARING, certificate.as_str(), json(kept)));
                    if self.sharing.len() > MOST {
                        let last = |kept: &Vec<Connection>| kept.first().map(|connection| connection.from);
                        let oldest = self.sharing.iter().min_by_key(|(_, kept)| last(kept)).map(|(id, _)| id.clone());
                        if let Some(oldest) = oldest {
                            self.sharing.remove(&oldest);
                            writes.push(Write::delete(SHARING, oldest.as_str()));
                        }
                    }
                }
                Observed::Ended { certificate, client_id, from, until } if shares => {
                    let Some(kept) = self.sharing.get_mut(&certificate) else { continue };
                    let its = kept.iter_mut().find(|known| known.client_id == client_id && known.from == from);
                    if let Some(its) = its {
                        its.until = Some(until);
                        writes.push(Write::put(SHARING, certificate.as_str(), json(kept)));
                    }
                }
                Observed::Conflicting { client_id, conflict } if conflicts => {
                    let kept = self.conflicts.entry(client_id.clone()).or_default();
                    kept.insert(0, conflict);
                    kept.truncate(MOST_OF_EACH);
                    writes.push(Write::put(CONFLICTS, client_id.as_str(), json(kept)));
                    if self.conflicts.len() > MOST {
                        let last = |kept: &Vec<Conflict>| kept.first().map(|conflict| conflict.at);
                        let oldest = self.conflicts.iter().min_by_key(|(_, kept)| last(kept)).map(|(id, _)| id.clone());
                        if let Some(oldest) = oldest {
                            self.conflicts.remove(&oldest);
                            writes.push(Write::delete(CONFLICTS, oldest.as_str()));
                        }
                    }
                }
                Observed::Used { role, service, at } => {
                    let is_known = self.services.contains_key(&role);
                    if is_known || self.services.len() < MOST {
                        let used = self.services.entry(role.clone()).or_default();
                        used.insert(service, at);
                        writes.push(Write::put(SERVICES, role.as_str(), json(used)));
                    }
                }
                _ => {}
            }
        }
        Done::written((), writes)
    }

    /// The services that were used in the last year with the credentials of a role.
    #[must_use]
    pub fn used(&self, role: &str, now: Timestamp) -> BTreeSet<String> {
        let used = self.services.get(role).into_iter().flatten();
        used.filter(|(_, at)| now.since(**at) <= YEAR).map(|(service, _)| service.to_string()).collect()
    }

    /// Every connection has ended: with the process before, for example.
    pub fn all_ended(&mut self, now: Timestamp) -> Done<()> {
        let mut writes = Vec::new();
        for (certificate, kept) in &mut self.sharing {
            let mut open = kept.iter_mut().filter(|one| one.until.is_none()).peekable();
            if open.peek().is_some() {
                open.for_each(|one| one.until = Some(now));
                writes.push(Write::put(SHARING, certificate.as_str(), json(kept)));
            }
        }
        Done::written((), writes)
    }

    /// The certificates that were shared in a time, with the connections that did.
    #[must_use]
    pub fn shared(&self, since: Timestamp, until: Timestamp) -> Vec<(SmolStr, Vec<Connection>)> {
        let found = self.sharing.iter().map(|(certificate, kept)| {
            // Connections that were there in that time, and so have not ended before it.
            let there = kept.iter().filter(|one| one.from <= until && one.until.is_none_or(|ended| ended >= since));
            (certificate.clone(), there.cloned().collect::<Vec<_>>())
        });
        found.filter(|(_, kept)| overlap(kept)).collect()
    }

    /// The client ids with conflicts in a time.
    #[must_use]
    pub fn conflicting(&self, since: Timestamp, until: Timestamp) -> Vec<(SmolStr, Vec<Conflict>)> {
        let found = self.conflicts.iter().map(|(client_id, kept)| {
            let there = kept.iter().filter(|conflict| conflict.at > since && conflict.at <= until);
            (client_id.clone(), there.cloned().collect::<Vec<_>>())
        });
        found.filter(|(_, kept)| !kept.is_empty()).collect()
    }

    /// Forgets what was kept of connections long ago, and all of it where its check is off.
    pub(crate) fn forget_connections(&mut self, now: Timestamp) -> Vec<Write> {
        let (shares, conflicts) = self.collects();
        let old = now.plus_millis(-KEPT);
        let mut writes = Vec::new();
        self.services.retain(|role, used| {
            let is_old = used.values().all(|at| now.since(*at) > YEAR);
            if is_old {
                writes.push(Write::delete(SERVICES, role.as_str()));
            }
            !is_old
        });
        self.sharing.retain(|id, kept| {
            let stays = shares && kept.iter().any(|one| one.until.is_none_or(|until| until >= old));
            if !stays {
                writes.push(Write::delete(SHARING, id.as_str()));
            }
            stays
        });
        self.conflicts.retain(|id, kept| {
            let stays = conflicts && kept.iter().any(|conflict| conflict.at >= old);
            if !stays {
                writes.push(Write::delete(CONFLICTS, id.as_str()));
            }
            stays
        });
        writes
    }
}

/// Whether two of these connections were there at one time.
fn overlap(connections: &[Connection]) -> bool {
    connections.iter().enumerate().any(|(at, one)| {
        connections.iter().skip(at + 1).any(|other| {
            one.client_id != other.client_id
                && one.until.is_none_or(|until| other.from < until)
                && other.until.is_none_or(|until| one.from < until)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::Scope;
    use drydock_model::iot::{AuditCheckConfiguration, UpdateAccountAuditConfigurationRequest};
    use std::collections::BTreeMap;

    #[test]
    fn a_connection_that_stays_is_known_however_often_another_one_comes_and_goes() {
        let mut book = Audit::new(Scope::new("123456789012", "us-east-1"));
        let on = AuditCheckConfiguration { enabled: Some(true), ..AuditCheckConfiguration::default() };
        let request = UpdateAccountAuditConfigurationRequest {
            role_arn: Some("arn:aws:iam::123456789012:role/audit".to_owned()),
            audit_check_configurations: Some(BTreeMap::from([(device_certificate_shared::CHECK.name.to_owned(), on)])),
            ..UpdateAccountAuditConfigurationRequest::default()
        };
        drop(book.update_configuration(request, Timestamp(0)).unwrap());
        for at in 1..=60 {
            let from = Timestamp(10 * at);
            let stays = Connection { client_id: "stays".into(), from: Timestamp(0), until: None };
            let comes = Connection { client_id: "comes".into(), from, until: None };
            drop(book.observe(vec![
                Observed::Sharing { certificate: "c".into(), connections: vec![stays, comes] },
                Observed::Ended {
                    certificate: "c".into(),
                    client_id: "comes".into(),
                    from,
                    until: from.plus_millis(5),
                },
            ]));
        }
        let shared = book.shared(Timestamp(0), Timestamp(1000));
        let [(_, kept)] = shared.as_slice() else { panic!("{shared:?}") };
        assert_eq!(kept.len(), MOST_OF_EACH);
        assert_eq!(kept.first().unwrap().from, Timestamp(600), "the latest first");
        assert_eq!(kept.last().unwrap().client_id, "stays");
    }
}
