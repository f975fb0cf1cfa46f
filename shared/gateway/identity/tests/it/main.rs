//! Certificates made by a third-party library, against the rulebook and over real TLS connections.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test by panicking"
)]

mod authorities;
mod authorizer;
mod authorizers;
mod certificates;
mod handshake;
mod issuer;
mod present;
mod provisioned;
mod recognised;
mod role_aliases;
mod sigv4;
mod support;
mod transfers;
