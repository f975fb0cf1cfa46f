//! What commands tell on `$aws/events/…`: each status that an execution comes to.
//!
//! Follows "Command execution events" of the AWS IoT Core developer guide.

use drydock_core::event::commands::ExecutionState;
use drydock_core::{Event, Scope};
use serde_json::{Value, json};

/// The topic and the payload of an event of commands.
pub(super) fn message(scope: &Scope, event: &Event) -> Option<(String, Value)> {
    let Event::CommandExecutionChanged { execution, at } = event else { return None };
    let ExecutionState { id, command, target, status, reason } = execution.as_ref();
    let mut body = json!({
        "executionId": id,
        "status": status,
        "eventType": "COMMAND_EXECUTION",
        "commandArn": scope.arn("iot", &format!("command/{command}")),
        "targetArn": target,
        "timestamp": at.millis(),
    });
    if let (Some((code, description)), Some(members)) = (reason, body.as_object_mut()) {
        // The guide prints an empty description where there is none.
        let reason = json!({ "reasonCode": code, "reasonDescription": description.as_deref().unwrap_or_default() });
        members.insert("statusReason".to_owned(), reason);
    }
    Some((format!("$aws/events/commandExecution/{command}/{status}"), body))
}
