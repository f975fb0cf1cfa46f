//! What the stand-ins are opened with.

use crate::http_api::issuers::Issuers;
use crate::notice::Observer;
use drydock_core::{Ids, OwnAddresses, Scope};
use drydock_timers::Timers;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything a [`Cloud`](crate::Cloud) needs from the outside.
#[derive(Clone)]
pub struct CloudConfig {
    /// The account and region that the stand-ins play.
    pub scope: Scope,
    /// Where durable state lives; `None` keeps all of it in memory. One process at a time may use a directory.
    pub data_dir: Option<PathBuf>,
    /// Where files are that go with the process, where there is no `data_dir`: the bytes of S3's objects.
    pub scratch: Option<PathBuf>,
    /// The gateway's clock: visibility timeouts, delays, retries and event ages follow it. Functions see it through a file
    /// (`lambda/clock.rs`); the deadlines that they are handed, which the machine's time ends, are on the machine's.
    pub timers: Timers,
    /// Where ids and tokens come from.
    pub ids: Arc<dyn Ids>,
    /// The URL of the gateway's API, without a trailing slash, for example `http://127.0.0.1:4566`. Functions get it as
    /// `AWS_ENDPOINT_URL`, and queue URLs start with it.
    pub endpoint: String,
    /// The gateway's own sockets, which no message is sent to.
    pub own: OwnAddresses,
    /// Where the keys of a function's process come from.
    pub function_keys: KeySource,
    /// Variables that every function process gets besides those of Lambda, for example `PATH` and `HOME`; a process
    /// inherits nothing else.
    pub function_env: BTreeMap<String, String>,
    /// How functions are run.
    pub lambda: LambdaConfig,
    /// Where the keys of those are who issue tokens for HTTP APIs.
    pub issuers: Issuers,
    /// Who is told of what happens.
    pub observer: Observer,
}

impl CloudConfig {
    /// A configuration in memory, with defaults for a laptop and an observer that listens to nothing.
    pub fn new(scope: Scope, timers: Timers, ids: Arc<dyn Ids>, endpoint: impl Into<String>) -> Self {
        Self {
            scope,
            data_dir: None,
            scratch: None,
            timers,
            ids,
            endpoint: endpoint.into(),
            own: OwnAddresses::default(),
            function_keys: KeySource::in_name(),
            function_env: BTreeMap::new(),
            lambda: LambdaConfig::default(),
            issuers: Issuers::new(),
            observer: Observer::silent(),
        }
    }
}

/// The keys of a function's process. They have no `Debug`: two of them are secret.
#[derive(Clone)]
pub struct FunctionKeys {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: String,
}

/// Gives the keys of a function's process, by the function's name. Called when a process starts.
#[derive(Clone)]
pub struct KeySource(Arc<dyn Fn(&str) -> FunctionKeys + Send + Sync>);

impl KeySource {
    /// A source that asks a function.
    pub fn new(give: impl Fn(&str) -> FunctionKeys + Send + Sync + 'static) -> Self {
        Self(Arc::new(give))
    }

    /// Keys in name only, for where signatures are not checked.
    #[must_use]
    pub fn in_name() -> Self {
        Self::new(|function| FunctionKeys {
            access_key_id: "ASIADRYDOCKFUNCTION0".to_owned(),
            secret_access_key: "any-key-is-accepted-on-loopback".to_owned(),
            session_token: format!("drydock-{function}"),
        })
    }

    pub(crate) fn give(&self, function: &str) -> FunctionKeys {
        (self.0)(function)
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySource")
    }
}

/// How functions are run. The defaults suit a laptop; AWS's own values stand beside each.
#[derive(Debug, Clone)]
pub struct LambdaConfig {
    /// The delays between the attempts at an asynchronous event.
    pub retry: RetryPolicy,
    /// The most processes of one function that has no reserved concurrency. Default 16 (AWS: 1,000 for an account).
    pub concurrency: usize,
    /// How long a process may idle before it is stopped. Default 10 minutes (AWS does not say).
    pub idle_after: Duration,
    /// How long a process may take from its start to its first poll. Default 10 s, as on AWS.
    pub init_timeout: Duration,
    /// Hands every invoke to a server that speaks the Lambda API at this `http` URL (`sam local start-lambda`,
    /// `cargo lambda watch`), instead of running processes.
    pub endpoint: Option<http::Uri>,
}

impl Default for LambdaConfig {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            concurrency: 16,
            idle_after: Duration::from_mins(10),
            init_timeout: Duration::from_secs(10),
            endpoint: None,
        }
    }
}

/// When an asynchronous event is tried again ("How Lambda handles errors and retries with asynchronous invocation").
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// The wait before the first retry after a function error. Default 1 s (AWS: 1 minute).
    pub first: Duration,
    /// The wait before the second. Default 2 s (AWS: 2 minutes).
    pub second: Duration,
    /// The wait after the first throttle or system error; it doubles each time. Default 1 s, as on AWS.
    pub throttled: Duration,
    /// The longest wait between two throttled attempts. Default 30 s (AWS: 5 minutes).
    pub throttled_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            second: Duration::from_secs(2),
            throttled: Duration::from_secs(1),
            throttled_max: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// AWS's own delays: one minute, two minutes, and up to five minutes when throttled.
    #[must_use]
    pub fn aws() -> Self {
        Self {
            first: Duration::from_mins(1),
            second: Duration::from_mins(2),
            throttled: Duration::from_secs(1),
            throttled_max: Duration::from_mins(5),
        }
    }
}
