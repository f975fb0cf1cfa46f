//! The operations on security profiles, dimensions, custom metrics and violations.

use super::runner::{Registered, context};
use crate::call::{Call, operations, tagged, untagged};
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::{
    AttachSecurityProfileResponse, DeleteSecurityProfileResponse, DetachSecurityProfileResponse, ops,
};

/// Registers operations that ask the book something.
macro_rules! asks {
    ($router:ident: $($op:ident => $ask:ident;)*) => {
        $($router.on::<ops::$op>(|call: Call, input| async move {
            call.books().detect.read(|book| book.$ask(&input))
        });)*
    };
}

pub(super) fn register(router: &mut Router<Call>) {
    asks!(router:
        DescribeSecurityProfile => describe_profile;
        ListSecurityProfiles => list_profiles;
        ListTargetsForSecurityProfile => list_targets;
        DescribeDimension => describe_dimension;
        ListDimensions => list_dimensions;
        DescribeCustomMetric => describe_custom_metric;
        ListCustomMetrics => list_custom_metrics;
        ListActiveViolations => list_active;
        ListViolationEvents => list_events;
        ListMetricValues => list_values;
        GetBehaviorModelTrainingSummaries => training_summaries;
    );
    tagged!(router, detect:
        CreateSecurityProfile[security_profile_arn] => |book, input, books| book.create_profile(input, books.now());
        CreateDimension[arn] => |book, input, books| book.create_dimension(input, books.now());
        CreateCustomMetric[metric_arn] => |book, input, books| book.create_custom_metric(input, books.now());
    );
    operations!(router, detect:
        UpdateDimension => |book, input, books| book.update_dimension(input, books.now());
        UpdateCustomMetric => |book, input, books| book.update_custom_metric(input, books.now());
        PutVerificationStateOnViolation => |book, input, _books| book.verify(&input);
    );
    untagged!(router, detect:
        DeleteDimension["dimension/" name] => |book, input, _books| book.delete_dimension(&input);
        DeleteCustomMetric["custommetric/" metric_name] => |book, input, _books| book.delete_custom_metric(&input);
    );
    router.on::<ops::ValidateSecurityProfileBehaviors>(|call: Call, input| async move {
        call.books().detect.read(|book| book.validate_behaviors(input))
    });
    router.on::<ops::ListSecurityProfilesForTarget>(|call: Call, input| async move {
        let books = call.books();
        books
            .change((&books.registry, &books.detect), |(registry, detect)| {
                detect.list_profiles_for_target(&input, &Registered(registry))
            })
            .await
    });
    router.on::<ops::UpdateSecurityProfile>(|call: Call, input| async move {
        call.services.detect.runner.change(|book, context| book.update_profile(input, context)).await
    });
    router.on::<ops::AttachSecurityProfile>(|call: Call, input| async move {
        call.services.detect.runner.change(|book, context| book.attach(&input, context)).await?;
        Ok(AttachSecurityProfileResponse {})
    });
    router.on::<ops::DetachSecurityProfile>(|call: Call, input| async move {
        call.services.detect.runner.change(|book, context| book.detach(&input, context)).await?;
        Ok(DetachSecurityProfileResponse {})
    });
    router.on::<ops::DeleteSecurityProfile>(|call: Call, input| async move {
        let (books, runner) = (call.books(), &call.services.detect.runner);
        let resource = format!("securityprofile/{}", input.security_profile_name);
        let change = books.change((&books.registry, &books.detect, &books.tags), |(registry, detect, kept)| {
            let fleet = Registered(registry);
            detect.apply(|book| book.delete_profile(&input, &context(books, &fleet)))?;
            tags::forget(kept, &books.scope, &resource);
            Ok(())
        });
        change.await?;
        runner.settled();
        Ok(DeleteSecurityProfileResponse {})
    });
}
