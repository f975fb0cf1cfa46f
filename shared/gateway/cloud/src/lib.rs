//! The stand-ins beside AWS IoT: what the functions of a fleet backend call, and what rules hand their messages to, on one
//! machine and over AWS's own wire protocols.
//!
//! - [`cloud`]: [`Cloud`], the door to all of it: opens and closes the stand-ins, takes the requests of the API listener,
//!   and offers the typed calls that wire a template up.
//! - [`config`]: what a [`Cloud`] is opened with. [`notice`]: what it tells of while it runs ([`Notice`]).
//! - [`stand_in`]: what all stand-ins have in common. [`stand_ins`]: which there are, a line each, and which one a request is for.
//! - [`lambda`]: the Lambda host (a process per concurrent execution on the real Runtime API), the asynchronous queue with its
//!   retries and destinations, resource policies, event source mappings, and the Lambda API.
//! - [`dynamodb`]: DynamoDB, an engine of its own crate on SQLite, behind the JSON protocol.
//! - [`s3`]: buckets and objects.
//! - [`cloudwatch`]: metrics and alarms.
//! - [`http_api`]: HTTP APIs of API Gateway before functions.
//! - [`scheduler`], [`events`]: what runs at times, and rules on events; `courier` hands over what they have, `universal` calls APIs for them.
//! - [`iam`]: roles, policies and instance profiles, which are kept and not evaluated.
//! - [`logs`]: log groups, what is searched in them, and where the output of functions goes.
//! - [`secrets`]: secrets, as far as they are read.
//! - [`signer`]: signatures of firmware.
//! - [`sqs`], [`sns`], [`sts`]: queues, topics, and who a caller is.
//! - `journal`: one SQLite file with one writer and group commit; what was acknowledged survives `kill -9`.
//! - `delivery`: how one stand-in hands a message to another by ARN.
//!
//! Nothing here reads the system clock, randomness or the environment: the composition passes them in.

pub mod cloud;
pub mod cloudwatch;
pub mod config;
mod context;
mod courier;
mod delivery;
pub mod dynamodb;
pub mod error;
pub mod events;
pub mod going;
pub mod http_api;
mod http_client;
pub mod iam;
mod journal;
pub mod lambda;
pub mod logs;
pub mod notice;
pub mod s3;
pub mod scheduler;
pub mod secrets;
pub mod signer;
pub mod sns;
pub mod sqs;
pub mod stand_in;
pub mod stand_ins;
pub mod sts;
mod universal;
mod wire;

pub use cloud::Cloud;
pub use config::{CloudConfig, FunctionKeys, KeySource, LambdaConfig, RetryPolicy};
pub use error::CloudError;
pub use notice::{Notice, Observer};
pub use stand_in::Service;
pub use universal::IotApi;
