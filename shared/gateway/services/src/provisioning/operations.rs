//! Provisioning: templates and their versions, claims, "RegisterThing", and bulk registration.

use super::bulk;
use super::run::provision;
use crate::call::{Call, operations, tagged, untagged};
use drydock_model::Router;
use drydock_model::iot::{ListThingRegistrationTaskReportsResponse, RegisterThingResponse, ops};
use drydock_provisioning::{Dialect, Template};

pub(crate) fn register(router: &mut Router<Call>) {
    operations!(router, provisioning:
        DescribeProvisioningTemplate => |book, input, books| book.describe_provisioning_template(&input);
        ListProvisioningTemplates => |book, input, books| book.list_provisioning_templates(&input);
        UpdateProvisioningTemplate => |book, input, books| book.update_provisioning_template(input, books.now());
        CreateProvisioningTemplateVersion => |book, input, books|
            book.create_provisioning_template_version(input, books.now());
        DescribeProvisioningTemplateVersion => |book, input, books| book.describe_provisioning_template_version(&input);
        ListProvisioningTemplateVersions => |book, input, books| book.list_provisioning_template_versions(&input);
        DeleteProvisioningTemplateVersion => |book, input, books|
            book.delete_provisioning_template_version(&input, books.now());
        ListThingRegistrationTasks => |book, input, books| book.list_thing_registration_tasks(&input);
        StopThingRegistrationTask => |book, input, books| book.stop_thing_registration_task(&input, books.now());
    );
    tagged!(router, provisioning:
        CreateProvisioningTemplate[template_arn] => |book, input, books|
            book.create_provisioning_template(input, books.now());
    );
    untagged!(router, provisioning:
        DeleteProvisioningTemplate["provisioningtemplate/" template_name] => |book, input, books|
            book.delete_provisioning_template(&input);
    );
    router.on::<ops::DescribeThingRegistrationTask>(|call: Call, input| async move {
        let books = call.books();
        let seen = books.provisioning.read(|book| book.describe_thing_registration_task(&input))?;
        // Nobody waits for a batch to be saved but the task itself: what is told of it is saved first.
        books.provisioning.flush().await?;
        Ok(seen.reply)
    });
    router.on::<ops::CreateProvisioningClaim>(|call: Call, input| async move {
        let books = call.books();
        let template = input.template_name;
        // Looked up before keys are made, which takes its time, and again when they are kept.
        books.provisioning.read(|book| book.usable(&template, Dialect::Fleet))?;
        let issued = call.host().issuer.make_keys().await?;
        let made = books.change((&books.identity, &books.provisioning), |(identity, provisioning)| {
            provisioning.usable(&template, Dialect::Fleet)?;
            Ok(identity.run(|book| book.create_provisioning_claim(&template, issued, books.now())))
        });
        let made = made.await?;
        made.expiration.into_iter().for_each(|expires| call.services.provisioning.left_behind.by(expires));
        Ok(made)
    });
    router.on::<ops::StartThingRegistrationTask>(|call: Call, input| async move {
        let books = call.books();
        let started = books.apply(&books.provisioning, |book| {
            book.start_thing_registration_task(input, books.now(), books.ids.as_ref())
        });
        let reply = started.await?;
        call.services.provisioning.bulk.ring();
        Ok(reply)
    });
    router.on::<ops::ListThingRegistrationTaskReports>(|call: Call, input| async move {
        if input.next_token.is_some() {
            let why = "all reports are on the first page: leave `nextToken` out";
            return Err(drydock_core::ApiError::invalid(why));
        }
        let links = bulk::links(&call.services.provisioning, &input.task_id, input.report_type)?;
        Ok(ListThingRegistrationTaskReportsResponse {
            next_token: None,
            report_type: Some(input.report_type),
            resource_links: Some(links),
        })
    });
    router.on::<ops::RegisterThing>(|call: Call, input| async move {
        let template = Template::parse(&input.template_body, Dialect::Registration)?;
        let plan = template.plan(&input.parameters.unwrap_or_default())?;
        let done = provision(call.host(), &plan).await?;
        Ok(RegisterThingResponse { certificate_pem: done.certificate_pem, resource_arns: Some(done.arns) })
    });
}
