//! "TestAuthorization" and "GetEffectivePolicies" of the API reference: the evaluator that the broker asks, asked by a person.

use crate::call::Call;
use crate::policies::supposed::{Supposed, suppose};
use drydock_core::ApiError;
use drydock_model::Router;
use drydock_model::iot::ops;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::TestAuthorization>(|call: Call, input| async move {
        let wanted = Supposed {
            principal: input.principal.as_deref(),
            identity_pool: input.cognito_identity_pool_id.as_deref(),
            thing: None,
            client_id: input.client_id.as_deref(),
        };
        let of = suppose(call.books(), wanted)?;
        call.books().policies.read(|policies| policies.test_authorization(&input, of))
    });
    router.on::<ops::GetEffectivePolicies>(|call: Call, input| async move {
        if input.principal.is_none() && input.cognito_identity_pool_id.is_none() && input.thing_name.is_none() {
            return Err(ApiError::invalid("give `principal`, `cognitoIdentityPoolId` or `thingName`"));
        }
        let wanted = Supposed {
            principal: input.principal.as_deref(),
            identity_pool: input.cognito_identity_pool_id.as_deref(),
            thing: input.thing_name.as_deref(),
            client_id: None,
        };
        let of = suppose(call.books(), wanted)?;
        Ok(call.books().policies.read(|policies| policies.effective_policies(&of.targets)))
    });
}
