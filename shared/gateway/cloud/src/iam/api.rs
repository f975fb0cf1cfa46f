//! The operations over the query protocol.

use super::state::{Done, Iam};
use super::{SERVICE, policies, profiles, roles};
use crate::context::lock;
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn};
use crate::wire::query::{self, Params};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Due;
use http::{Request, Response};
use std::sync::Arc;

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

impl Due for Iam {}

#[async_trait]
impl StandIn for Iam {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, request_id: &str) -> Response<Bytes> {
        answer(&self, &request, request_id).await
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        query::refusal(NAMESPACE, refusal)
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

async fn answer(iam: &Iam, request: &Request<Bytes>, request_id: &str) -> Response<Bytes> {
    let params = Params::read(request);
    let Some(action) = params.get("Action") else {
        let message = "the request must contain the parameter Action";
        return query::error(NAMESPACE, 400, "MissingAction", message, request_id);
    };
    let done = dispatch(iam, action, &params);
    let done = match done {
        Ok((xml, writes)) if writes.is_empty() => Ok(xml),
        Ok((xml, writes)) => match iam.context.journal.commit(writes).await {
            Ok(()) => Ok(xml),
            Err(error) => Err((500, "ServiceFailure", error.to_string())),
        },
        Err(refused) => Err(refused),
    };
    match done {
        Ok(result) => query::answer(NAMESPACE, action, request_id, |xml| {
            xml.append(result);
        }),
        Err((status, code, message)) => query::error(NAMESPACE, status, code, &message, request_id),
    }
}

fn dispatch(iam: &Iam, action: &str, params: &Params) -> Done {
    let held = &mut *lock(&iam.held);
    match action {
        "CreateRole" => roles::create(iam, held, params),
        "GetRole" => roles::get(iam, held, params),
        "ListRoles" => roles::list(iam, held, params),
        "UpdateRole" => roles::update(held, params),
        "UpdateAssumeRolePolicy" => roles::update_trust(held, params),
        "DeleteRole" => roles::delete(held, params),
        "PutRolePolicy" => roles::put_policy(held, params),
        "GetRolePolicy" => roles::get_policy(held, params),
        "DeleteRolePolicy" => roles::delete_policy(held, params),
        "ListRolePolicies" => roles::list_policies(held, params),
        "AttachRolePolicy" => roles::attach(iam, held, params),
        "DetachRolePolicy" => roles::detach(held, params),
        "ListAttachedRolePolicies" => roles::list_attached(held, params),
        "CreatePolicy" => policies::create(iam, held, params),
        "GetPolicy" => policies::get(held, params),
        "ListPolicies" => policies::list(held, params),
        "DeletePolicy" => policies::delete(held, params),
        "CreatePolicyVersion" => policies::create_version(iam, held, params),
        "GetPolicyVersion" => policies::get_version(held, params),
        "ListPolicyVersions" => policies::list_versions(held, params),
        "DeletePolicyVersion" => policies::delete_version(held, params),
        "SetDefaultPolicyVersion" => policies::set_default(held, params),
        "CreateInstanceProfile" => profiles::create(iam, held, params),
        "GetInstanceProfile" => profiles::get(iam, held, params),
        "ListInstanceProfiles" => profiles::list(iam, held, params),
        "ListInstanceProfilesForRole" => profiles::list_for_role(iam, held, params),
        "AddRoleToInstanceProfile" => profiles::add_role(held, params),
        "RemoveRoleFromInstanceProfile" => profiles::remove_role(held, params),
        "DeleteInstanceProfile" => profiles::delete(held, params),
        other => {
            Err((501, "NotImplemented", format!("the IAM operation `{other}` is not implemented by this gateway")))
        }
    }
}
