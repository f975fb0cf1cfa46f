//! All stand-ins: the whole registration. A new one is a folder of its own and a line in `ALL`; it has a field in `Opened` only
//! where others call it by its own methods.

use crate::cloudwatch::{self, CloudWatch};
use crate::config::CloudConfig;
use crate::context::Context;
use crate::delivery::Outlets;
use crate::dynamodb::{self, DynamoDb};
use crate::error::CloudError;
use crate::events::{self, Events};
use crate::http_api::{self, HttpApis};
use crate::iam::{self, Iam};
use crate::journal::Journal;
use crate::lambda::{self, Lambda, events as invocations};
use crate::logs::{self, Logs};
use crate::s3;
use crate::s3::door::Door;
use crate::scheduler::{self, Scheduler};
use crate::secrets::{self, Secrets};
use crate::signer::{self, Signer};
use crate::sns::{self, Sns};
use crate::sqs::{self, Sqs};
use crate::stand_in::{Facts, Service, StandIn};
use crate::sts::{self, Sts};
use crate::wire;
use bytes::Bytes;
use http::Response;
use std::sync::Arc;

/// A stand-in, registered.
struct Registered {
    service: Service,
    of: fn(&Opened) -> Arc<dyn StandIn>,
}

const fn register(service: Service, of: fn(&Opened) -> Arc<dyn StandIn>) -> Registered {
    Registered { service, of }
}

/// In the order in which they are emptied: who hands something on comes before whom it is handed to.
const ALL: &[Registered] = &[
    register(cloudwatch::SERVICE, |opened| opened.cloudwatch.clone()),
    register(http_api::SERVICE, |opened| opened.http_apis.clone()),
    register(scheduler::SERVICE, |opened| opened.scheduler.clone()),
    register(events::SERVICE, |opened| opened.events.clone()),
    register(lambda::SERVICE, |opened| opened.lambda.clone()),
    register(sns::SERVICE, |opened| opened.sns.clone()),
    register(sqs::SERVICE, |opened| opened.sqs.clone()),
    register(s3::SERVICE, |opened| opened.s3.clone()),
    register(dynamodb::SERVICE, |opened| opened.dynamodb.clone()),
    register(secrets::SERVICE, |opened| opened.secrets.clone()),
    register(signer::SERVICE, |opened| opened.signer.clone()),
    register(logs::SERVICE, |opened| opened.logs.clone()),
    register(iam::SERVICE, |opened| opened.iam.clone()),
    register(sts::SERVICE, |opened| Arc::new(Sts::new(Arc::clone(&opened.context)))),
];

/// The services that this crate stands in for.
pub fn services() -> impl Iterator<Item = Service> + Clone {
    ALL.iter().map(|registered| registered.service)
}

/// The service of a SigV4 credential scope's service field, for example `dynamodb`; `None` where no stand-in is here.
#[must_use]
pub fn of_scope(name: &str) -> Option<Service> {
    services().find(|service| service.name == name)
}

/// The service that `X-Amz-Target` names.
#[must_use]
pub fn of_target(target: &str) -> Option<Service> {
    let name = target.split(['_', '.']).next().unwrap_or_default();
    services().find(|service| service.targets.contains(&name))
}

/// The service whose own a path is.
#[must_use]
pub fn of_path(path: &str) -> Option<Service> {
    services().find(|service| service.path != Facts::PLAIN.path && path.starts_with(service.path))
}

/// An error in the form of the query protocol, of whichever service.
#[must_use]
pub fn query_error(status: u16, code: &str, message: &str, request_id: &str) -> Response<Bytes> {
    wire::query::error("http://webservices.amazon.com/AWSFault/2005-15-09", status, code, message, request_id)
}

/// Tags as templates write them: a list of `Key` and `Value`, or a map.
///
/// # Errors
/// What is wrong with them.
pub fn tags(value: &serde_json::Value) -> Result<std::collections::BTreeMap<String, String>, String> {
    wire::tags_of_properties(value)
}

/// The names of all of them for people, in a sentence.
#[must_use]
pub fn titles() -> String {
    let mut titles: Vec<&str> = services().map(|service| service.title).collect();
    titles.sort_by_cached_key(|title| title.split_once(' ').map_or(*title, |(_, name)| name).to_lowercase());
    match titles.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The stand-ins that are called by their own methods, and what hands something to them at times.
pub(crate) struct Opened {
    pub(crate) context: Arc<Context>,
    pub(crate) dynamodb: Arc<DynamoDb>,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) sns: Arc<Sns>,
    pub(crate) s3: Arc<Door>,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) logs: Arc<Logs>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) cloudwatch: Arc<CloudWatch>,
    pub(crate) http_apis: Arc<HttpApis>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) events: Arc<Events>,
}

impl Opened {
    /// Opens all of them, and has each asked what is due.
    pub(crate) fn open(config: CloudConfig) -> Result<(Self, Vec<Arc<dyn StandIn>>), CloudError> {
        let (journal, rows) = match &config.data_dir {
            Some(dir) => Journal::open(dir)?,
            None => Journal::memory(),
        };
        let context = Arc::new(Context::new(config, journal));
        let outlets = Arc::new(Outlets::default());
        let objects = Arc::new(Door::open(Arc::clone(&context), Arc::clone(&outlets), &rows)?);
        let sqs = Arc::new(Sqs::open(Arc::clone(&context), &rows)?);
        let sns = Sns::open(Arc::clone(&context), Arc::clone(&outlets), &rows)?;
        let heard = (Arc::clone(&sns), Arc::clone(&sqs));
        let logs = Logs::open(Arc::clone(&context), Arc::clone(&outlets), &rows)?;
        let ingest = logs.ingest().clone();
        let lambda =
            Lambda::open(Arc::clone(&context), Arc::clone(&outlets), invocations::Events::open(&rows)?, ingest)?;
        let opened = Self {
            dynamodb: DynamoDb::open(&context)?,
            cloudwatch: CloudWatch::open(Arc::clone(&context), Arc::clone(&outlets), heard, &rows)?,
            sqs,
            sns,
            signer: Signer::open(Arc::clone(&context), Arc::clone(&objects.s3), &rows)?,
            s3: objects,
            http_apis: Arc::new(HttpApis::new(Arc::clone(&context), Arc::clone(&lambda))),
            lambda,
            secrets: Secrets::open(Arc::clone(&context), &rows)?,
            logs,
            iam: Iam::open(Arc::clone(&context), &rows)?,
            scheduler: Scheduler::open(&context, &outlets, &rows)?,
            events: Events::open(&context, &outlets, &rows)?,
            context,
        };
        let all: Vec<Arc<dyn StandIn>> = ALL.iter().map(|registered| (registered.of)(&opened)).collect();
        outlets.lead_to(&all);
        opened.context.journal.start(rows)?;
        opened.context.spawn_to_end(Arc::clone(&opened.logs).take_lines());
        for stand_in in &all {
            if let Some(reminder) = stand_in.reminder() {
                opened.context.spawn(reminder.run(Arc::clone(stand_in)));
            }
        }
        Ok((opened, all))
    }
}
