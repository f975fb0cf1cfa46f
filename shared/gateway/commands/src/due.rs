//! What time does.
//!
//! Source: "Time out value and `TIMED_OUT` execution status" and "Delete a command resource" of the developer guide.

use crate::book::{COMMANDS, Commands, Due, EXECUTIONS, write_execution};
use drydock_core::{Done, Timestamp, Write};
use drydock_model::iot::{CommandExecutionStatus, StatusReason};
use smol_str::SmolStr;

/// The most that is done in one change, so that others are let in between.
const AT_ONCE: usize = 500;
/// AWS's reason for a device that has not answered.
const NO_RESPONSE: &str = "$NO_RESPONSE_FROM_DEVICE";

/// What has become of commands as time passed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passed {
    /// The commands that are gone.
    pub deleted: Vec<SmolStr>,
    /// Whether more is due.
    pub more: bool,
}

impl Commands {
    /// Does what is due.
    pub fn due(&mut self, now: Timestamp) -> Done<Passed> {
        let mut done = Done::reply(Passed::default());
        for _ in 0..AT_ONCE {
            if self.next_due().is_none_or(|at| at > now) {
                return done;
            }
            let Some((_, due)) = self.due.pop_first() else { return done };
            match due {
                Due::Timeout(id) => {
                    let Some(mut row) = self.executions.get(&id).cloned() else { continue };
                    row.status = CommandExecutionStatus::TimedOut;
                    row.reason = Some(StatusReason { reason_code: NO_RESPONSE.to_owned(), reason_description: None });
                    row.updated = now;
                    // What its device has not got by now it does not get: the message has expired.
                    row.sent = true;
                    done.writes.push(write_execution(&id, &row));
                    done.events.push(row.event(&self.scope, &id, now));
                    self.put_execution(id, row);
                }
                Due::Forget(id) => {
                    self.take_execution(&id);
                    done.writes.push(Write::delete(EXECUTIONS, id.as_str()));
                }
                Due::Delete(id) => {
                    self.take_command(&id);
                    done.writes.push(Write::delete(COMMANDS, id.as_str()));
                    done.reply.deleted.push(id);
                }
            }
        }
        done.reply.more = self.next_due().is_some_and(|at| at <= now);
        done
    }
}
