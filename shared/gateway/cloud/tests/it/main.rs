//! The stand-ins over their wire protocols, by hand and with the AWS SDK.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test by panicking"
)]

#[path = "../common/stand_ins.rs"]
mod common;
mod logs;
mod queues;
mod schedules;
mod sdk;
#[path = "../common/serve.rs"]
mod serve;
mod tables;
mod topics;
mod watch;
