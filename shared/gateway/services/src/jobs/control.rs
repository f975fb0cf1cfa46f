//! The operations on jobs, job executions and job templates, of the control plane.

use super::source;
use crate::call::{Call, untagged};
use drydock_host::tags;
use drydock_jobs::NewJob;
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_registry::tags::NewTags;

/// Registers operations that ask the jobs something.
macro_rules! asks {
    ($router:ident: $($op:ident => |$book:ident, $input:ident, $context:ident| $ask:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            call.services.jobs.runner.ask(|$book, $context| $ask)
        });)*
    };
}

/// Registers operations that are one command on the jobs, after which the things that it concerns are told.
macro_rules! runs {
    ($router:ident: $($op:ident => |$book:ident, $input:ident, $context:ident| $command:expr;)*) => {
        $($router.on::<ops::$op>(|call: Call, $input| async move {
            call.services.jobs.runner.run(|$book, $context| $command).await
        });)*
    };
}

pub(super) fn register(router: &mut Router<Call>) {
    asks!(router:
        DescribeJob => |book, input, context| book.describe_job(&input, context.now);
        GetJobDocument => |book, input, _context| book.get_job_document(&input);
        ListJobs => |book, input, _context| book.list_jobs(&input);
        DescribeJobExecution => |book, input, context| book.describe_execution(&input, context.now);
        ListJobExecutionsForJob => |book, input, _context| book.list_executions_for_job(&input);
        ListJobExecutionsForThing => |book, input, context| book.list_executions_for_thing(&input, context.fleet);
        DescribeJobTemplate => |book, input, _context| book.describe_job_template(&input);
        ListJobTemplates => |book, input, _context| book.list_job_templates(&input);
        DescribeManagedJobTemplate => |book, input, _context| book.describe_managed_job_template(&input);
        ListManagedJobTemplates => |book, input, _context| book.list_managed_job_templates(&input);
    );
    runs!(router:
        CancelJob => |book, input, context| book.cancel_job(input, context);
        AssociateTargetsWithJob => |book, input, context| book.associate_targets(&input, context);
        CancelJobExecution => |book, input, context| book.cancel_execution(input, context);
        DeleteJobExecution => |book, input, context| book.delete_execution(&input, context);
    );
    untagged!(router, jobs:
        DeleteJobTemplate["jobtemplate/" job_template_id] => |book, input, books| book.delete_job_template(&input);
    );
    router.on::<ops::CreateJob>(|call: Call, input| async move {
        let runner = &call.services.jobs.runner;
        let kept = NewTags::read(input.tags.as_deref())?;
        source::check_role(call.host(), input.presigned_url_config.as_ref(), &input.job_id)?;
        let source = source::read(call.host(), input.document_source.as_deref()).await?;
        let new = NewJob { request: input, source };
        runner
            .change_tagged(
                |book, known, context| book.create_job_with(new, known, context),
                |part, reply| tags::keep(part, reply.job_arn.as_deref(), kept),
            )
            .await
    });
    router.on::<ops::UpdateJob>(|call: Call, input| async move {
        source::check_role(call.host(), input.presigned_url_config.as_ref(), &input.job_id)?;
        call.services.jobs.runner.run(|book, context| book.update_job(input, context)).await
    });
    router.on::<ops::DeleteJob>(|call: Call, input| async move {
        let resource = format!("job/{}", input.job_id);
        let scope = &call.books().scope;
        call.services
            .jobs
            .runner
            .change_tagged(
                |book, _, context| book.delete_job(&input, context),
                |part, ()| {
                    tags::forget(part, scope, &resource);
                    Ok(())
                },
            )
            .await
    });
    router.on::<ops::CreateJobTemplate>(|call: Call, input| async move {
        let books = call.books();
        let kept = NewTags::read(input.tags.as_deref())?;
        source::check_role(call.host(), input.presigned_url_config.as_ref(), "*")?;
        let source = source::read(call.host(), input.document_source.as_deref()).await?;
        books
            .change((&books.jobs, &books.tags), |(jobs, part)| {
                let reply = jobs.apply(|book| book.create_job_template(input, source, books.now()))?;
                tags::keep(part, reply.job_template_arn.as_deref(), kept)?;
                Ok(reply)
            })
            .await
    });
}
