//! HTTP APIs of API Gateway: requests that apps and partners send are matched to routes, let in by JWT or Lambda authorizers, and
//! answered by functions.
//!
//! - `definition`: what an API consists of, as CloudFormation spells it.
//! - `state`: the APIs that there are.
//! - `routing`: which stage and route a request is for.
//! - `cors`: what browsers are told. `throttle`: how many requests are let through.
//! - `jwt`: tokens and what they have to say; `keys`: the keys of their issuers; [`issuers`]: where those are.
//! - `authorizer`: functions that let callers in.
//! - `event`: what functions get. `reply`: what becomes of what they give back. `refusal`: what callers are told otherwise.
//! - `call`: a request from its head to its answer.
//! - `api`: what is asked of the APIs themselves (`aws apigatewayv2 get-apis`).
//!
//! Follows "Working with HTTP APIs" of the Amazon API Gateway developer guide.

mod api;
mod authorizer;
mod call;
mod cors;
pub mod definition;
mod event;
pub mod issuers;
mod jwt;
mod keys;
mod refusal;
mod reply;
mod routing;
mod state;
mod throttle;

use crate::stand_in::{Facts, Service};
pub use call::{Admitted, MAX_BODY};
pub use definition::Part;
pub use refusal::refused;
pub use routing::Asked;
pub use state::{Api, HttpApis};

/// API Gateway's control plane, as far as it is read.
pub const SERVICE: Service = Service::new(&Facts {
    name: "apigateway",
    title: "Amazon API Gateway",
    path: "/v2/apis",
    method: "GET",
    ..Facts::PLAIN
});
