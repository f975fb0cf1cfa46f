//! STS, as far as tools ask it who they are. Follows the page "GetCallerIdentity" of the AWS STS API reference.

use crate::context::Context;
use crate::error::CloudError;
use crate::stand_in::{Facts, Refusal, Service, StandIn};
use crate::wire::query::{self, Params};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Due;
use http::{Request, Response};
use std::sync::Arc;

/// STS.
pub const SERVICE: Service = Service::new(&Facts { name: "sts", title: "AWS STS", ..Facts::PLAIN });

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// STS: it keeps nothing.
pub(crate) struct Sts {
    context: Arc<Context>,
}

impl Sts {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

impl Due for Sts {}

#[async_trait]
impl StandIn for Sts {
    fn service(&self) -> Service {
        SERVICE
    }

    /// `GetCallerIdentity`; any other operation is refused by name.
    async fn handle(self: Arc<Self>, request: Request<Bytes>, request_id: &str) -> Response<Bytes> {
        let params = Params::read(&request);
        match params.get("Action") {
            Some("GetCallerIdentity") => query::answer(NAMESPACE, "GetCallerIdentity", request_id, |xml| {
                let scope = &self.context.config.scope;
                xml.text("Arn", &format!("arn:{}:iam::{}:root", scope.partition(), scope.account));
                xml.text("UserId", &scope.account);
                xml.text("Account", &scope.account);
            }),
            Some(other) => {
                let message = format!("the STS operation `{other}` is not implemented by this gateway");
                query::error(NAMESPACE, 501, "NotImplemented", &message, request_id)
            }
            None => query::error(
                NAMESPACE,
                400,
                "MissingAction",
                "the request must contain the parameter Action",
                request_id,
            ),
        }
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        query::refusal(NAMESPACE, refusal)
    }

    async fn reset(&self) -> Result<(), CloudError> {
        Ok(())
    }
}
