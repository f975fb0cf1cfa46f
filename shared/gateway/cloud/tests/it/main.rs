//! The stand-ins over their wire protocols, by hand and with the AWS SDK.

#[path = "../common/stand_ins.rs"]
mod common;
mod queues;
mod sdk;
#[path = "../common/serve.rs"]
mod serve;
mod tables;
mod topics;
