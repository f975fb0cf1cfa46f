//! The Lambda host: functions as real processes on the real Runtime API, and the Lambda API before them.
//!
//! - [`definition`]: what a function is, checked as `CreateFunction` checks it.
//! - [`error`]: the errors of the Lambda API.
//! - `runtime_api`: the HTTP side of one execution environment, for the process in it.
//! - `environment`: one execution environment: a process from its start through its invocations to its end.
//! - `pool`: the environments of one function: reused when idle, started on demand, limited.
//! - [`logs`]: what functions write, bounded, and the report of each invocation.
//! - `events`: asynchronous events: durable, retried, and handed to a destination in the end.
//! - [`permission`]: resource policies: who else may invoke a function.
//! - [`mapping`]: event source mappings from SQS.
//! - `remote`: functions that another server runs, behind the same API.
//! - `api`: the operations of the Lambda API.
//!
//! Follows the AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes", "Understanding the Lambda
//! execution environment lifecycle", "Invoking a Lambda function asynchronously".

pub(crate) mod api;
pub mod definition;
mod environment;
pub mod error;
pub(crate) mod events;
pub mod logs;
pub mod mapping;
pub mod permission;
mod pool;
mod remote;
mod runtime_api;

pub use definition::{Definition, EventInvokeConfig};
pub use error::LambdaError;
pub use logs::{LogLine, Report};
pub use mapping::Mapping;
pub use permission::Permission;

use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::sqs::Sqs;
use bytes::Bytes;
use drydock_core::{Arn, Timestamp};
use drydock_timers::{Name, Work};
use events::Events;
use logs::LogStore;
use pool::Pool;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The most bytes of a synchronous payload and of a response: 6 MB ("Lambda quotas").
pub const MAX_PAYLOAD: usize = 6_291_556;
/// The most bytes of an asynchronous payload: 1 MB since October 2025.
pub const MAX_EVENT: usize = 1_048_576;

/// A function with its processes and its resource policy.
pub struct Function {
    definition: Mutex<Arc<Definition>>,
    pool: Arc<Pool>,
    permissions: Mutex<Vec<Permission>>,
}

impl Function {
    /// The definition in force.
    pub fn definition(&self) -> Arc<Definition> {
        Arc::clone(&lock(&self.definition))
    }
}

/// The end of an invocation.
#[derive(Debug, Clone)]
pub struct Invoked {
    /// The response's payload, or the error's.
    pub payload: Bytes,
    /// `Unhandled` where the function failed: its code, its process, or its time limit.
    pub function_error: Option<&'static str>,
    /// The last 4 KB of the log of this invocation.
    pub log_tail: String,
}

impl Invoked {
    pub(crate) fn failed(request_id: &str, error_type: &str, message: &str) -> Self {
        let message = format!("RequestId: {request_id} Error: {message}");
        let payload = serde_json::json!({"errorType": error_type, "errorMessage": message}).to_string();
        Self { payload: payload.into(), function_error: Some("Unhandled"), log_tail: String::new() }
    }

    /// The error's type and message, where the function failed.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        self.function_error?;
        let error: serde_json::Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        let field = |name: &str| error.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        Some(match (field("errorType"), field("errorMessage")) {
            ("", "") => String::from_utf8_lossy(&self.payload).into_owned(),
            ("", message) => message.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        })
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
}

impl Lambda {
    pub(crate) fn open(context: Arc<Context>, outlets: Arc<Outlets>, events: Events) -> Arc<Self> {
        Arc::new(Self {
            logs: Arc::new(LogStore::new(context.config.observer.clone())),
            context,
            outlets,
            functions: Mutex::default(),
            events,
            mappings: Mutex::default(),
        })
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
            pool: Arc::new(Pool::new(Arc::clone(&self.context), Arc::clone(&self.logs))),
            definition: Mutex::new(Arc::clone(&definition)),
            permissions: Mutex::default(),
        });
        functions.insert(definition.name.clone(), Arc::clone(&function));
        Ok(function)
    }

    /// The ARN of a function's name.
    pub fn arn(&self, name: &str) -> Arn {
        self.context.config.scope.arn("lambda", &format!("function:{name}"))
    }

    /// The function that a name, partial ARN or ARN means, with `$LATEST` or no qualifier.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn function(&self, reference: &str) -> Result<Arc<Function>, LambdaError> {
        let scope = &self.context.config.scope;
        let name = definition::name_in(reference, scope).ok_or_else(|| LambdaError::not_found(self, reference))?;
        let function = lock(&self.functions).get(&name).cloned();
        function.ok_or_else(|| LambdaError::not_found(self, &name))
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
            let name = self.function(reference).map_or_else(|_| reference.to_owned(), |f| f.definition().name.clone());
            return remote::invoke(&self.context.config.own, endpoint, &name, payload, client_context).await;
        }
        let function = self.function(reference)?;
        let job = environment::Job {
            request_id: request_id.to_owned(),
            payload,
            arn: self.arn(&function.definition().name).to_string(),
            client_context,
            trace_id: self.trace_id(),
        };
        function.pool.run(function.definition(), job).await
    }

    /// Invokes a function and does not wait ("Invoke" with `Event`): returns the event's request id once the event is
    /// durable. Failures are retried, and in the end handed to the function's failure destination.
    ///
    /// # Errors
    /// As [`Self::invoke`], with the smaller limit of asynchronous payloads.
    pub async fn invoke_async(self: &Arc<Self>, reference: &str, payload: Bytes) -> Result<String, LambdaError> {
        error::check_payload(&payload, MAX_EVENT)?;
        let name = if self.context.config.lambda.endpoint.is_some() {
            self.function(reference).map_or_else(|_| reference.to_owned(), |f| f.definition().name.clone())
        } else {
            self.function(reference)?.definition().name.clone()
        };
        events::accept(self, name, payload).await
    }

    /// Invokes a function asynchronously on behalf of a service, as a rule or a topic does: the function's resource policy
    /// has to allow it.
    ///
    /// # Errors
    /// `AccessDeniedException` where no statement allows it, else as [`Self::invoke_async`].
    pub async fn invoke_from(
        self: &Arc<Self>,
        principal: &str,
        source: &Arn,
        reference: &str,
        payload: Bytes,
    ) -> Result<String, LambdaError> {
        self.check_permission(principal, source, reference)?;
        self.invoke_async(reference, payload).await
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
        let function = self.function(reference)?;
        let name = function.definition().name.clone();
        let permissions = lock(&function.permissions);
        permission::check(&permissions, principal, source, &self.context.config.scope)
            .map_err(|why| LambdaError::AccessDenied { function: self.arn(&name).to_string(), why })
    }

    /// Starts to read from a queue for a function, or changes how it does.
    ///
    /// # Errors
    /// [`CloudError::Resource`] where the queue or function does not exist, or a setting is out of its limits.
    pub fn map(self: &Arc<Self>, sqs: &Arc<Sqs>, mapping: Mapping) -> Result<(), CloudError> {
        let running = mapping::start(self, sqs, &mapping)?;
        lock(&self.mappings).insert(mapping.id, running);
        Ok(())
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

    /// Takes up the asynchronous events that were accepted before a restart. To be called once all functions are registered.
    pub(crate) fn resume(self: &Arc<Self>) {
        events::resume(self);
    }

    /// Forgets functions, mappings, events and logs; processes end.
    pub(crate) async fn clear(&self) -> Result<(), CloudError> {
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
