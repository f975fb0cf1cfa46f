//! AWS IoT's wire: the operations of `iot`, `iot-data` and `iot-jobs-data`, generated from AWS's service models.
//!
//! - [`iot`], [`iot_data`], [`iot_jobs_data`]: the structures, enums and operations of each service (generated).
//! - [`operation`]: what the model says of an operation, and the operation as a type.
//! - [`schema`]: the shapes as data, with their constraints and where their members travel.
//! - [`wire`]: typed values to and from JSON.
//! - [`payload`]: the formats of payloads over MQTT.
//! - [`http`]: requests and responses as plain values; [`route`]: from a path to an operation.
//! - [`decode`](mod@decode), [`validate`](mod@validate), [`encode`](mod@encode): from a request to a checked, typed input,
//!   and from an output to a response.
//! - [`router`]: typed handlers, and the answers where there is none.
//!
//! The generated files come from `service/*.json`, which are botocore's models without their documentation. `cargo
//! xtask model` renews both; a test of `xtask` fails where the code is not what the JSON gives.

pub mod decode;
pub mod encode;
pub mod http;
pub mod iot;
pub mod iot_data;
pub mod iot_jobs_data;
pub mod operation;
pub mod payload;
pub mod route;
pub mod router;
pub mod row;
pub mod schema;
pub mod validate;
pub mod wire;

pub use drydock_core::Service;
pub use http::{Request, Response};
pub use operation::{Operation, OperationMeta, operations};
pub use router::{Reply, Router};
pub use wire::{JsonError, UnknownValue, Wire};
