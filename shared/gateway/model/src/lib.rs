//! AWS IoT's wire: the operations of `iot`, `iot-data` and `iot-jobs-data`, generated from AWS's service models.
//!
//! - [`iot`], [`iot_data`], [`iot_jobs_data`]: the structures, enums and operations of each service (generated).
//! - [`operation`]: what the model says of an operation, and the operation as a type.
//! - [`schema`]: the shapes as data, with their constraints and where their members travel.
//! - [`wire`]: typed values to and from JSON.
//!
//! The generated files come from `service/*.json`, which are botocore's models without their documentation. `cargo
//! xtask model` renews both; a test of `xtask` fails where the code is not what the JSON gives.

pub mod iot;
pub mod iot_data;
pub mod iot_jobs_data;
pub mod operation;
pub mod schema;
pub mod wire;

pub use operation::{Operation, OperationMeta, Service};
pub use wire::{JsonError, UnknownValue, Wire};
