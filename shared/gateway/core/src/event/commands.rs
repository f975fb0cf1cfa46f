//! What the events of commands carry: all that "Command execution events" of the developer guide tells.

use smol_str::SmolStr;

/// A command execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionState {
    /// Its id.
    pub id: SmolStr,
    /// The command's id.
    pub command: SmolStr,
    /// The ARN of the device.
    pub target: String,
    /// AWS's word for what it has come to, which is the last level of the topic, too.
    pub status: &'static str,
    /// The code and the description of why.
    pub reason: Option<(String, Option<String>)>,
}
