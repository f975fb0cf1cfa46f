//! The door to all stand-ins.

use crate::cloudwatch::CloudWatch;
use crate::config::CloudConfig;
use crate::dynamodb::DynamoDb;
use crate::error::CloudError;
use crate::events::Events;
use crate::http_api::HttpApis;
use crate::iam::Iam;
use crate::lambda::{self, Lambda};
use crate::logs::Logs;
use crate::s3::payload::Payload;
use crate::s3::{self, S3};
use crate::scheduler::Scheduler;
use crate::secrets::Secrets;
use crate::signer::Signer;
use crate::sns::Sns;
use crate::sqs::Sqs;
use crate::stand_in::{Refusal, Service, StandIn};
use crate::stand_ins::Opened;
use crate::wire;
use bytes::Bytes;
use http::{Request, Response};
use std::sync::Arc;

/// All stand-ins of one account and region. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

struct Inner {
    opened: Opened,
    all: Vec<Arc<dyn StandIn>>,
}

impl Cloud {
    /// Opens the stand-ins on their data directory, or in memory. To be called on a tokio runtime.
    ///
    /// After it, the composition registers what the template holds (tables, queues, topics, functions, permissions,
    /// mappings), then calls [`Self::resume`].
    ///
    /// # Errors
    /// [`CloudError::InUse`] where another process has the directory; [`CloudError`] where it cannot be read.
    pub fn open(config: CloudConfig) -> Result<Self, CloudError> {
        let (opened, all) = Opened::open(config)?;
        Ok(Self { inner: Arc::new(Inner { opened, all }) })
    }

    /// Goes on with what was accepted before a restart, such as asynchronous events. To be called once all functions are
    /// registered.
    pub fn resume(&self) {
        for stand_in in &self.inner.all {
            Arc::clone(stand_in).resume();
        }
    }

    /// Answers a request to a service. Never fails: an error is a response of the service's own form, with one
    /// `x-amzn-requestid`.
    pub async fn handle(&self, service: Service, request: Request<Bytes>) -> Response<Bytes> {
        let request_id = self.inner.opened.context.uuid();
        let mut response = match self.stand_in(service) {
            Some(stand_in) => Arc::clone(stand_in).handle(request, &request_id).await,
            None => missing(service),
        };
        if !response.headers().contains_key("x-amzn-requestid") {
            wire::set_header(&mut response, "x-amzn-requestid", &request_id);
        }
        response
    }

    /// The answer to a request that is not carried out, in the form of its service's protocol.
    #[must_use]
    pub fn refusal(&self, service: Service, refusal: &Refusal<'_>) -> Response<Bytes> {
        self.stand_in(service).map_or_else(|| missing(service), |stand_in| stand_in.refusal(refusal))
    }

    fn stand_in(&self, service: Service) -> Option<&Arc<dyn StandIn>> {
        self.inner.all.iter().find(|stand_in| stand_in.service() == service)
    }

    /// Answers a request to S3, whose body comes and goes in pieces.
    pub async fn objects(&self, request: Request<Payload>) -> Response<s3::Body> {
        self.inner.opened.s3.answer(request).await
    }

    /// S3.
    #[must_use]
    pub fn s3(&self) -> &Arc<S3> {
        &self.inner.opened.s3.s3
    }

    /// DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &Arc<DynamoDb> {
        &self.inner.opened.dynamodb
    }

    /// SQS.
    #[must_use]
    pub fn sqs(&self) -> &Arc<Sqs> {
        &self.inner.opened.sqs
    }

    /// SNS.
    #[must_use]
    pub fn sns(&self) -> &Arc<Sns> {
        &self.inner.opened.sns
    }

    /// The Lambda host.
    #[must_use]
    pub fn lambda(&self) -> &Arc<Lambda> {
        &self.inner.opened.lambda
    }

    /// EventBridge Scheduler.
    #[must_use]
    pub fn scheduler(&self) -> &Arc<Scheduler> {
        &self.inner.opened.scheduler
    }

    /// EventBridge.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.inner.opened.events
    }

    /// CloudWatch Logs.
    #[must_use]
    pub fn logs(&self) -> &Arc<Logs> {
        &self.inner.opened.logs
    }

    /// IAM.
    #[must_use]
    pub fn iam(&self) -> &Arc<Iam> {
        &self.inner.opened.iam
    }

    /// CloudWatch.
    #[must_use]
    pub fn cloudwatch(&self) -> &Arc<CloudWatch> {
        &self.inner.opened.cloudwatch
    }

    /// HTTP APIs.
    #[must_use]
    pub fn http_apis(&self) -> &Arc<HttpApis> {
        &self.inner.opened.http_apis
    }

    /// AWS Signer.
    #[must_use]
    pub fn signer(&self) -> &Arc<Signer> {
        &self.inner.opened.signer
    }

    /// Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.inner.opened.secrets
    }

    /// Starts to read from a queue for a function, or changes how it does.
    ///
    /// # Errors
    /// [`CloudError::Resource`] where the queue or function does not exist, or a setting is out of its limits.
    pub fn map(&self, mapping: lambda::Mapping) -> Result<(), CloudError> {
        self.lambda().map(self.sqs(), mapping)
    }

    /// How many asynchronous events are accepted and not done with: retries that wait included.
    #[must_use]
    pub fn pending_events(&self) -> usize {
        self.lambda().events.pending()
    }

    /// Empties all state: functions, mappings and events first, then what they lead to.
    ///
    /// # Errors
    /// [`CloudError`] where the emptied state cannot be made durable.
    pub async fn reset(&self) -> Result<(), CloudError> {
        for stand_in in &self.inner.all {
            stand_in.reset().await?;
        }
        Ok(())
    }

    /// Ends all processes and tasks, waits for them, and closes the journal. What is asked afterwards is refused.
    pub async fn shutdown(&self) {
        self.inner.opened.context.stop().await;
        self.close();
    }

    /// Ends processes, tasks and the journal as well as it can be done without waiting for them.
    pub fn abandon(&self) {
        self.inner.opened.context.tasks.abandon();
        self.close();
    }

    fn close(&self) {
        for stand_in in &self.inner.all {
            stand_in.close();
        }
        self.inner.opened.context.journal.close();
    }
}

/// The answer where the list has a service that nothing was opened for.
fn missing(service: Service) -> Response<Bytes> {
    wire::response(501, "text/plain", format!("`{service}` is not a service of this gateway"))
}
