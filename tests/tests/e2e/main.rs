//! End to end: the real `drydock` binary with real sockets, as people and devices use it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod account;
mod actions;
mod atomic;
mod attacks;
mod audit;
mod audit_template;
mod authorizers;
mod authz;
mod backend;
mod bad_input;
mod bulk;
mod certificates;
mod changes;
mod clock;
mod cloudwatch_logs;
mod commands;
mod config;
mod connections;
mod credentials;
mod defended;
mod demo;
mod destinations;
mod detect;
mod detection;
mod device_run;
mod devices;
mod doctor;
mod doors;
mod durability;
mod dynamic_groups;
mod explain;
mod externals;
mod faults;
mod fleet_index;
mod fleet_metrics;
mod front;
mod functions;
mod groups;
mod http_api;
mod isolation;
mod issuer;
mod jitr;
mod job_kills;
mod jobs;
mod kills;
mod left_behind;
mod lifecycle;
mod logs;
mod ota;
mod packages;
mod provisioning;
mod reconciliation;
mod refusals;
mod registry;
mod releases;
mod remembered;
mod reset;
mod rules;
mod s3;
mod schedules;
mod scopes;
mod shadows;
mod signer;
mod sigv4;
mod silence;
mod simulation;
mod sql;
mod streams;
mod templates;
mod transports;
mod websocket;
