//! The operations on audits. What changes what is to be done has the service look at it.

use crate::call::{Call, untagged};
use drydock_core::ApiError;
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::{
    CancelAuditTaskResponse, CreateAuditSuppressionResponse, DeleteAccountAuditConfigurationResponse,
    DeleteAuditSuppressionResponse, DeleteScheduledAuditResponse, UpdateAccountAuditConfigurationResponse,
    UpdateAuditSuppressionResponse, ops,
};
use drydock_registry::tags::NewTags;

/// Registers operations that ask the rulebook something.
macro_rules! asks {
    ($router:ident: $($op:ident => $ask:ident;)*) => {
        $($router.on::<ops::$op>(|call: Call, input| async move { call.books().audit.read(|book| book.$ask(&input)) });)*
    };
}
pub(super) use asks;

/// Registers operations that change the rulebook, after which the service looks at what there is to do.
macro_rules! changes {
    ($router:ident: $($op:ident => |$held:ident, $input:ident, $books:ident| $command:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            let $books = call.books();
            let reply = $books.apply(&$books.audit, |$held| $command).await;
            call.services.audit.look_again();
            reply
        });)*
    };
}
pub(super) use changes;

pub(super) fn register(router: &mut Router<Call>) {
    asks!(router:
        DescribeAuditTask => describe_task;
        DescribeScheduledAudit => describe_schedule;
        ListScheduledAudits => list_schedules;
        DescribeAuditFinding => describe_finding;
        ListAuditFindings => list_findings;
        ListRelatedResourcesForAuditFinding => list_related;
        DescribeAuditSuppression => describe_suppression;
        ListAuditSuppressions => list_suppressions;
    );
    router.on::<ops::DescribeAccountAuditConfiguration>(|call: Call, _| async move {
        Ok(call.books().audit.read(drydock_audit::Audit::describe_configuration))
    });
    router.on::<ops::ListAuditTasks>(|call: Call, input| async move {
        let now = call.books().now();
        call.books().audit.read(|book| book.list_tasks(&input, now))
    });
    changes!(router:
        UpdateAccountAuditConfiguration => |book, input, books| book
            .update_configuration(input, books.now())
            .map(|done| done.map(|()| UpdateAccountAuditConfigurationResponse {}));
        StartOnDemandAuditTask => |book, input, books| book.start_task(&input, books.now(), books.ids.as_ref());
        CancelAuditTask => |book, input, books| book
            .cancel_task(&input)
            .map(|done| done.map(|()| CancelAuditTaskResponse {}));
        UpdateScheduledAudit => |book, input, books| book.update_schedule(&input, books.now());
        CreateAuditSuppression => |book, input, books| book
            .create_suppression(input, books.now())
            .map(|done| done.map(|()| CreateAuditSuppressionResponse {}));
        UpdateAuditSuppression => |book, input, books| book
            .update_suppression(input, books.now())
            .map(|done| done.map(|()| UpdateAuditSuppressionResponse {}));
        DeleteAuditSuppression => |book, input, books| book
            .delete_suppression(&input)
            .map(|done| done.map(|()| DeleteAuditSuppressionResponse {}));
    );
    schedules(router);
}

/// The operations on what may have tags.
fn schedules(router: &mut Router<Call>) {
    router.on::<ops::CreateScheduledAudit>(|call: Call, input| async move {
        let books = call.books();
        let new = NewTags::read(input.tags.as_deref())?;
        let change = books.change((&books.audit, &books.tags), |(audit, kept)| {
            let reply = audit.apply(|book| book.create_schedule(input, books.now()))?;
            tags::keep(kept, reply.scheduled_audit_arn.as_deref(), new)?;
            Ok::<_, ApiError>(reply)
        });
        let reply = change.await;
        call.services.audit.look_again();
        reply
    });
    untagged!(router, audit:
        DeleteScheduledAudit["scheduledaudit/" scheduled_audit_name] => |book, input, books| book
            .delete_schedule(&input)
            .map(|done| done.map(|()| DeleteScheduledAuditResponse {}));
    );
    router.on::<ops::DeleteAccountAuditConfiguration>(|call: Call, input| async move {
        let books = call.books();
        let change = books.change((&books.audit, &books.tags), |(audit, kept)| {
            let gone = audit.apply(|book| book.delete_configuration(&input, books.now()))?;
            for name in gone {
                tags::forget(kept, &books.scope, &format!("scheduledaudit/{name}"));
            }
            Ok::<_, ApiError>(DeleteAccountAuditConfigurationResponse {})
        });
        let reply = change.await;
        call.services.audit.look_again();
        reply
    });
}
