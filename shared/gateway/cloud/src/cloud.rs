//! The door to all stand-ins.

use crate::config::CloudConfig;
use crate::context::Context;
use crate::delivery::Outlets;
use crate::dynamodb::DynamoDb;
use crate::error::CloudError;
use crate::journal::Journal;
use crate::lambda::events::Events;
use crate::lambda::{self, Lambda};
use crate::s3::payload::{Framing, Payload};
use crate::s3::{self, S3};
use crate::secrets::{self, Secrets};
use crate::service::Service;
use crate::sns::{self, Sns};
use crate::sqs::{self, Sqs};
use crate::{sts, wire};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use std::sync::Arc;

/// All stand-ins of one account and region. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    dynamodb: Arc<DynamoDb>,
    sqs: Arc<Sqs>,
    sns: Arc<Sns>,
    s3: s3::Door,
    lambda: Arc<Lambda>,
    secrets: Arc<Secrets>,
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
        let (journal, rows) = match &config.data_dir {
            Some(dir) => Journal::open(dir)?,
            None => Journal::memory(),
        };
        let context = Arc::new(Context::new(config, journal));
        let dynamodb = DynamoDb::open(&context)?;
        let sqs = Arc::new(Sqs::open(Arc::clone(&context), &rows)?);
        let outlets = Arc::new(Outlets::new(Arc::clone(&sqs)));
        let sns = Sns::open(Arc::clone(&context), Arc::clone(&outlets), &rows)?;
        let s3 = s3::Door::open(Arc::clone(&context), &rows)?;
        let lambda = Lambda::open(Arc::clone(&context), Arc::clone(&outlets), Events::open(&rows)?);
        let secrets = Secrets::open(Arc::clone(&context), &rows)?;
        outlets.join(&sns, &lambda);
        context.journal.start(rows)?;
        dynamodb.start(&context);
        sqs.start();
        Ok(Self { inner: Arc::new(Inner { context, dynamodb, sqs, sns, s3, lambda, secrets }) })
    }

    /// Takes up the asynchronous events that were accepted before a restart. To be called once all functions are registered.
    pub fn resume(&self) {
        self.inner.lambda.resume();
    }

    /// Answers a request to a service. Never fails: an error is a response of the service's own form, with one
    /// `x-amzn-requestid`.
    pub async fn handle(&self, service: Service, request: Request<Bytes>) -> Response<Bytes> {
        let request_id = self.inner.context.uuid();
        let mut response = match service {
            Service::DynamoDb => self.inner.dynamodb.handle(&request).await,
            Service::Lambda => lambda::api::handle(&self.inner.lambda, &request, &request_id).await,
            Service::S3 => {
                let answer = self.objects(request.map(|body| Payload::new(Full::new(body), Framing::Plain))).await;
                let (parts, body) = answer.into_parts();
                match body.collect().await {
                    Ok(body) => Response::from_parts(parts, body.to_bytes()),
                    Err(error) => wire::response(500, "text/plain", error.to_string()),
                }
            }
            Service::SecretsManager => secrets::handle(&self.inner.secrets, &request).await,
            Service::Sns => sns::api::handle(&self.inner.sns, &request, &request_id).await,
            Service::Sqs => sqs::api::handle(&self.inner.sqs, &request).await,
            Service::Sts => sts::handle(&self.inner.context, &request, &request_id),
        };
        if !response.headers().contains_key("x-amzn-requestid") {
            wire::set_header(&mut response, "x-amzn-requestid", &request_id);
        }
        response
    }

    /// Answers a request to S3, whose body comes and goes in pieces.
    pub async fn objects(&self, request: Request<Payload>) -> Response<s3::Body> {
        self.inner.s3.handle(request).await
    }

    /// S3.
    #[must_use]
    pub fn s3(&self) -> &Arc<S3> {
        &self.inner.s3.s3
    }

    /// DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &Arc<DynamoDb> {
        &self.inner.dynamodb
    }

    /// SQS.
    #[must_use]
    pub fn sqs(&self) -> &Arc<Sqs> {
        &self.inner.sqs
    }

    /// SNS.
    #[must_use]
    pub fn sns(&self) -> &Arc<Sns> {
        &self.inner.sns
    }

    /// The Lambda host.
    #[must_use]
    pub fn lambda(&self) -> &Arc<Lambda> {
        &self.inner.lambda
    }

    /// Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.inner.secrets
    }

    /// Starts to read from a queue for a function, or changes how it does.
    ///
    /// # Errors
    /// [`CloudError::Resource`] where the queue or function does not exist, or a setting is out of its limits.
    pub fn map(&self, mapping: lambda::Mapping) -> Result<(), CloudError> {
        self.inner.lambda.map(&self.inner.sqs, mapping)
    }

    /// How many asynchronous events are accepted and not done with: retries that wait included.
    #[must_use]
    pub fn pending_events(&self) -> usize {
        self.inner.lambda.events.pending()
    }

    /// Empties all state: functions, mappings and events first, then topics, queues and tables.
    ///
    /// # Errors
    /// [`CloudError`] where the emptied state cannot be made durable.
    pub async fn reset(&self) -> Result<(), CloudError> {
        self.inner.lambda.clear().await?;
        self.inner.secrets.clear().await?;
        self.inner.sns.clear().await?;
        self.inner.sqs.clear().await?;
        self.inner.s3.s3.clear().await?;
        self.inner.dynamodb.clear().await
    }

    /// Ends all processes and tasks, waits for them, and closes the journal. What is asked afterwards is refused.
    pub async fn shutdown(&self) {
        self.inner.context.stop().await;
        self.inner.dynamodb.close();
        self.inner.context.journal.close();
    }

    /// Ends processes, tasks and the journal as well as it can be done without waiting for them.
    pub fn abandon(&self) {
        self.inner.context.tasks.abandon();
        self.inner.dynamodb.close();
        self.inner.context.journal.close();
    }
}
