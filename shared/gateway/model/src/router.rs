//! From a request to the handler of its operation, and back: implementing an operation is registering one typed function.

use crate::decode::decode;
use crate::encode::encode;
use crate::http::{Request, Response};
use crate::operation::{Operation, OperationMeta};
use crate::route;
use drydock_core::{ApiError, Service};
use std::collections::BTreeMap;
use std::pin::Pin;

/// A future that a router hands out.
pub type Reply<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What implements an operation: a function of the caller's context and the typed input.
pub trait Handler<C, O: Operation>: Fn(C, O::Input) -> <Self as Handler<C, O>>::Future + Send + Sync + 'static {
    /// What the function returns.
    type Future: Future<Output = Result<O::Output, ApiError>> + Send + 'static;
}

impl<C, O, F, R> Handler<C, O> for F
where
    O: Operation,
    F: Fn(C, O::Input) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O::Output, ApiError>> + Send + 'static,
{
    type Future = R;
}

type Erased<C> = Box<dyn Fn(C, &[(&'static str, String)], &Request) -> Reply<Response> + Send + Sync>;

/// The handlers of operations. `C` is what a handler is given besides the input: the state it works on, and who calls.
pub struct Router<C> {
    handlers: BTreeMap<(Service, &'static str), (&'static OperationMeta, Erased<C>)>,
}

impl<C> std::fmt::Debug for Router<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

impl<C: 'static> Default for Router<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: 'static> Router<C> {
    /// A router without handlers: every operation answers 501.
    #[must_use]
    pub fn new() -> Self {
        Self { handlers: BTreeMap::new() }
    }

    /// Registers the handler of an operation, in the place of an earlier one:
    /// `router.on::<iot::ops::CreateThing>(|context, input| async move { … })`.
    pub fn on<O: Operation>(&mut self, handler: impl Handler<C, O>) -> &mut Self {
        let erased: Erased<C> = Box::new(move |context, labels, request| match decode::<O>(labels, request) {
            Ok(input) => {
                let reply = handler(context, input);
                Box::pin(async move {
                    match reply.await {
                        Ok(output) => encode::<O>(output),
                        Err(error) => Response::error(O::META.service, &error),
                    }
                })
            }
            Err(error) => Box::pin(std::future::ready(Response::error(O::META.service, &error))),
        });
        self.handlers.insert((O::META.service, O::META.name), (O::META, erased));
        self
    }

    /// Answers a request to a service. The request is routed, decoded and checked before this returns; the future is the
    /// handler's.
    ///
    /// A path that is not an operation's answers 404 or 405, an invalid request 400, and an operation without a handler 501
    /// with a message that names it.
    #[must_use]
    pub fn call(&self, context: C, service: Service, request: &Request) -> Reply<Response> {
        let failed =
            |error: &ApiError| -> Reply<Response> { Box::pin(std::future::ready(Response::error(service, error))) };
        let found = match route::find(service, &request.method, &request.path) {
            Ok(found) => found,
            Err(error) => return failed(&error),
        };
        match self.handlers.get(&(service, found.operation.name)) {
            Some((_, handler)) => handler(context, &found.labels, request),
            None => failed(&ApiError::not_implemented(&format!("operation `{}` of {service}", found.operation.name))),
        }
    }

    /// The operations that have a handler, by service, then by name.
    pub fn implemented(&self) -> impl Iterator<Item = &'static OperationMeta> + '_ {
        self.handlers.values().map(|(operation, _)| *operation)
    }
}
