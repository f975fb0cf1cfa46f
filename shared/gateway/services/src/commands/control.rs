//! The operations on commands and command executions, of the control plane.

use crate::call::{Call, tagged};
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::ops;

/// Registers operations that ask the commands something.
macro_rules! asks {
    ($router:ident: $($op:ident => $ask:ident;)*) => {
        $($router.on::<ops::$op>(|call: Call, input| async move {
            call.books().commands.read(|book| book.$ask(&input))
        });)*
    };
}

pub(super) fn register(router: &mut Router<Call>) {
    asks!(router:
        GetCommand => get_command;
        ListCommands => list_commands;
        GetCommandExecution => get_execution;
        ListCommandExecutions => list_executions;
    );
    tagged!(router, commands:
        CreateCommand[command_arn] => |book, input, books| book.create_command(input, books.now());
    );
    router.on::<ops::UpdateCommand>(|call: Call, input| async move {
        call.services.commands.runner.change(|book, now| book.update_command(input, now)).await
    });
    router.on::<ops::DeleteCommand>(|call: Call, input| async move {
        let runner = &call.services.commands.runner;
        let books = call.books();
        let deleted = books.change((&books.commands, &books.tags), |(commands, kept)| {
            let reply = commands.run(|book| book.delete_command(&input, books.now()));
            if !commands.has_command(&input.command_id) {
                tags::forget(kept, &books.scope, &format!("command/{}", input.command_id));
            }
            Ok(reply)
        });
        let reply = deleted.await?;
        runner.remind();
        Ok(reply)
    });
    router.on::<ops::DeleteCommandExecution>(|call: Call, input| async move {
        call.services.commands.runner.change(|book, _| book.delete_execution(&input)).await
    });
}
