//! The Lambda host: functions as real processes on the real Runtime API, and the Lambda API before them.
//!
//! - [`definition`]: what a function is, checked as `CreateFunction` checks it.
//! - [`error`]: the errors of the Lambda API.
//! - `runtime_api`: the HTTP side of one execution environment, for the process in it.
//! - `environment`: one execution environment: a process from its start through its invocations to its end.
//!   `setup`: what it is made from.
//! - `pool`: the environments of one function: reused when idle, started on demand, limited.
//! - [`logs`]: what functions write, bounded, and the report of each invocation.
//! - `invocation`: how an invocation ends.
//! - `events`: asynchronous events that wait; `asynchronous`: they are run, retried, and handed to a destination in the end.
//! - [`permission`]: resource policies: who else may invoke a function.
//! - [`mapping`]: event source mappings from SQS; `source`: they are at work.
//! - `remote`: functions that another server runs, behind the same API.
//! - `api`: the operations of the Lambda API.
//!
//! Follows the AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes", "Understanding the Lambda
//! execution environment lifecycle", "Invoking a Lambda function asynchronously".

mod api;
mod asynchronous;
mod clock;
pub mod definition;
mod environment;
pub mod error;
pub(crate) mod events;
mod invocation;
pub mod logs;
pub mod mapping;
pub mod permission;
mod pool;
mod remote;
mod runtime_api;
mod setup;
mod source;

pub use definition::{Definition, EventInvokeConfig, Launch};
pub use error::LambdaError;
pub use invocation::{Invoked, MAX_EVENT, MAX_PAYLOAD};
pub use logs::{LogLine, Report};
pub use mapping::Mapping;
pub use permission::Permission;

use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::logs::Ingest;
use crate::stand_in::{Facts, Service};
use bytes::Bytes;
use clock::ClockFile;
use drydock_core::{Arn, Timestamp};
use drydock_timers::{Name, Work};
use events::Events;
use logs::LogStore;
use pool::Pool;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The Lambda API, and functions behind it.
pub const SERVICE: Service = Service::new(&Facts {
    name: "lambda",
    title: "AWS Lambda",
    path: "/2015-03-31/",
    most: Facts::LARGE,
    ..Facts::PLAIN
});

/// A function with its processes and its resource policy.
pub struct Function {
    definition: Mutex<Arc<Definition>>,
    pool: Arc<Pool>,
    permissions: Mutex<Vec<Permission>>,
    /// The names of its versions and aliases, which all run the same code.
    qualifiers: Mutex<BTreeSet<String>>,
}

impl Function {
    /// The definition in force.
    pub fn definition(&self) -> Arc<Definition> {
        Arc::clone(&lock(&self.definition))
    }
}

/// The functions of the account and region.
pub struct Lambda {
    pub(crate) context: Arc<Context>,
    pub(crate) outlets: Arc<Outlets>,
    functions: Mutex<BTreeMap<String, Arc<Function>>>,
    pub(crate) events: Events,
    logs: Arc<LogStore>,
    mappings: Mutex<BTreeMap<String, mapping::Running>>,
    clock: Option<Arc<ClockFile>>,
}

impl Lambda {
    pub(crate) fn open(
        context: Arc<Context>,
        outlets: Arc<Outlets>,
        events: Events,
        ingest: Ingest,
    ) -> Result<Arc<Self>, CloudError> {
        let clock = ClockFile::open(&context).map_err(|source| {
            let folder = context.config.data_dir.clone().or_else(|| context.config.scratch.clone());
            CloudError::DataDir { path: folder.unwrap_or_default(), source }
        })?;
        Ok(Arc::new(Self {
            clock,
            logs: Arc::new(LogStore::new(context.config.observer.clone(), Arc::clone(&context.meter), ingest)),
            context,
            outlets,
            functions: Mutex::default(),
            events,
            mappings: Mutex::default(),
        }))
    }

    /// Registers a function, or replaces the definition of one of the same name: its processes end when they are idle.
    ///
    /// # Errors
    /// [`CloudError::Resource`] with what Lambda would refuse.
    pub fn register(&self, definition: Definition) -> Result<Arc<Function>, CloudError> {
        definition.check().map_err(|why| CloudError::resource("function", &*definition.name, why))?;
        let definition = Arc::new(definition);
        let mut functions = lock(&self.functions);
        if let Some(function) = functions.get(&definition.name) {
            let replaced = {
                let mut held = lock(&function.definition);
                let replaced = **held != *definition;
                *held = definition;
                replaced
            };
            if replaced {
                function.pool.retire();
            }
            return Ok(Arc::clone(function));
        }
        let function = Arc::new(Function {
            pool: Arc::new(Pool::new(Arc::clone(&self.context), Arc::clone(&self.logs), self.clock.clone())),
            definition: Mutex::new(Arc::clone(&definition)),
            permissions: Mutex::default(),
            qualifiers: Mutex::default(),
        });
        functions.insert(definition.name.clone(), Arc::clone(&function));
        Ok(function)
    }

    /// The ARN of a function's name.
    pub fn arn(&self, name: &str) -> Arn {
        self.context.config.scope.arn("lambda", &format!("function:{name}"))
    }

    /// Gives a function a version or an alias.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn qualify(&self, function: &str, qualifier: &str) -> Result<(), LambdaError> {
        let function = self.function(function)?;
        lock(&function.qualifiers).insert(qualifier.to_owned());
        Ok(())
    }

    /// The function that a name, partial ARN or ARN means, with no qualifier, `$LATEST`, or one that it was given.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn function(&self, reference: &str) -> Result<Arc<Function>, LambdaError> {
        Ok(self.qualified(reference)?.0)
    }

    fn qualified(&self, reference: &str) -> Result<(Arc<Function>, Option<String>), LambdaError> {
        let scope = &self.context.config.scope;
        let found = definition::name_in(reference, scope);
        let (name, qualifier) = found.ok_or_else(|| LambdaError::not_found(scope, reference))?;
        let function = lock(&self.functions).get(&name).cloned();
        let function = function.ok_or_else(|| LambdaError::not_found(scope, &name))?;
        if let Some(unknown) = qualifier.as_ref().filter(|one| !lock(&function.qualifiers).contains(*one)) {
            return Err(LambdaError::not_found(scope, &format!("{name}:{unknown}")));
        }
        Ok((function, qualifier))
    }

    /// All functions, by name.
    pub fn functions(&self) -> Vec<Arc<Function>> {
        lock(&self.functions).values().cloned().collect()
    }

    /// Invokes a function and waits for its end ("Invoke" with `RequestResponse`).
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `TooManyRequestsException`, `RequestTooLargeException`,
    /// `InvalidRequestContentException`; that the function failed is not an error but [`Invoked::function_error`].
    pub async fn invoke(&self, reference: &str, payload: Bytes) -> Result<Invoked, LambdaError> {
        let request_id = self.context.uuid();
        self.invoke_as(reference, payload, &request_id, None).await
    }

    pub(crate) async fn invoke_as(
        &self,
        reference: &str,
        payload: Bytes,
        request_id: &str,
        client_context: Option<String>,
    ) -> Result<Invoked, LambdaError> {
        error::check_payload(&payload, MAX_PAYLOAD)?;
        let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
        if let Some(endpoint) = &self.context.config.lambda.endpoint {
            // Processes of another server on this machine may have been given the file.
            if let Some(clock) = &self.clock {
                clock.bring_up_to_date();
            }
            let mut names = Vec::new();
            match self.function(reference) {
                Ok(function) => {
                    let definition = function.definition();
                    names.extend(definition.known_as.iter().chain([&definition.name]).cloned());
                }
                Err(_) => names.push(reference.to_owned()),
            }
            return remote::invoke(&self.context.config.own, endpoint, &names, payload, client_context).await;
        }
        let (function, qualifier) = self.qualified(reference)?;
        let name = function.definition().name.clone();
        let job = environment::Job {
            request_id: request_id.to_owned(),
            payload,
            arn: self.arn(&qualifier.map_or(name.clone(), |one| format!("{name}:{one}"))).to_string(),
            client_context,
            trace_id: self.trace_id(),
        };
        function.pool.run(function.definition(), job).await
    }

    /// The same with waiting for the end, as the rules SQL's `aws_lambda()` and custom authorizers do.
    ///
    /// # Errors
    /// `AccessDeniedException` where no statement allows it, else as [`Self::invoke`].
    pub async fn invoke_from_sync(
        &self,
        principal: &str,
        source: &Arn,
        reference: &str,
        payload: Bytes,
    ) -> Result<Invoked, LambdaError> {
        self.check_permission(principal, source, reference)?;
        self.invoke(reference, payload).await
    }

    /// Adds a statement to a function's resource policy; one of the same id is replaced.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn permit(&self, reference: &str, permission: Permission) -> Result<(), LambdaError> {
        let function = self.function(reference)?;
        let mut permissions = lock(&function.permissions);
        permissions.retain(|held| held.statement_id != permission.statement_id);
        permissions.push(permission);
        Ok(())
    }

    fn check_permission(&self, principal: &str, source: &Arn, reference: &str) -> Result<(), LambdaError> {
        let (function, qualifier) = self.qualified(reference)?;
        let name = function.definition().name.clone();
        let permissions = lock(&function.permissions);
        permission::check(&permissions, qualifier.as_deref(), principal, source, &self.context.config.scope)
            .map_err(|why| LambdaError::AccessDenied { function: self.arn(&name).to_string(), why })
    }

    /// The last lines of a function's log, oldest first.
    pub fn logs(&self, function: &str) -> Vec<LogLine> {
        self.logs.lines(function)
    }

    /// How many processes of a function exist: busy ones and idle ones.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn processes(&self, reference: &str) -> Result<(usize, usize), LambdaError> {
        Ok(self.function(reference)?.pool.count())
    }

    /// Forgets functions, mappings, events and logs; processes end.
    async fn clear(&self) -> Result<(), CloudError> {
        lock(&self.mappings).clear();
        for function in std::mem::take(&mut *lock(&self.functions)).into_values() {
            function.pool.retire();
        }
        self.logs.clear();
        self.events.clear(&self.context).await
    }

    /// Waits for a place at a function that has none free, no longer than until a time; at once where there may be one. The work
    /// rests meanwhile.
    async fn place(&self, reference: &str, work: Work, until: Timestamp) -> Work {
        let over = self.context.timers.until(Name::new("Lambda throttling", reference), until);
        let freed = match self.function(reference) {
            Ok(function) if self.context.config.lambda.endpoint.is_none() => {
                match function.pool.freed(&function.definition()) {
                    Some(freed) => freed,
                    None => return work,
                }
            }
            // Another server's places are not known.
            _ => {
                drop(work);
                return over.await;
            }
        };
        drop(work);
        tokio::select! {
            work = freed.rung() => work,
            work = over => work,
        }
    }

    /// A trace id that is not sampled, in the form of AWS X-Ray.
    fn trace_id(&self) -> String {
        let (root, parent) = (self.context.config.ids.uuid().simple().to_string(), self.context.config.ids.uuid());
        let seconds = self.context.timers.machine_now().seconds();
        let parent = parent.simple().to_string();
        format!(
            "Root=1-{seconds:08x}-{};Parent={};Sampled=0",
            root.get(..24).unwrap_or_default(),
            parent.get(..16).unwrap_or_default()
        )
    }
}
