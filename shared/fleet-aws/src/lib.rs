//! The fleet backend's ports on AWS. This is the only crate of the backend that names the AWS SDK; each service is a
//! feature, so that a function links what it calls and nothing else.
//!
//! - [`chance`]: random bytes. [`clock`]: what time it is.
//! - [`config`]: the SDK's configuration, built once per process.
//! - `iot` (feature `iot`): things and certificates. `jobs` (the same feature): jobs on groups of things.
//!   `defender` (the same feature): Device Defender's findings and mitigation, and groups.
//! - `dynamodb` (feature `dynamodb`): conditional writes, and the tables that are asked.
//! - `shadows` (feature `iot-data`): what devices are wanted to be.
//! - `sns` (feature `sns`): a topic for alerts.
//! - `sqs` (feature `sqs`): queues for second looks and for what is set aside.
//! - [`env`]: a function's settings, read from its environment.
//! - [`logging`]: structured logs.
//! - [`emf`]: metrics, as log lines that CloudWatch counts.
//!
//! Every client honours `AWS_ENDPOINT_URL` (and `AWS_ENDPOINT_URL_IOT`, …), the SDK's own way to be pointed elsewhere.

pub mod chance;
pub mod clock;
pub mod config;
#[cfg(feature = "iot")]
pub mod defender;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod emf;
pub mod env;
#[cfg(any(feature = "dynamodb", feature = "iot", feature = "iot-data", feature = "sns", feature = "sqs"))]
mod failure;
#[cfg(feature = "iot")]
pub mod iot;
#[cfg(feature = "iot")]
pub mod jobs;
pub mod logging;
#[cfg(any(feature = "dynamodb", feature = "iot"))]
mod remembered;
#[cfg(feature = "iot-data")]
pub mod shadows;
#[cfg(feature = "sns")]
pub mod sns;
#[cfg(feature = "sqs")]
pub mod sqs;
