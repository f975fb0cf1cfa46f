//! The broker beside its cases: with a client library, under load, with faults, on any bytes, and what its tap keeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test by panicking"
)]

mod clients;
mod faults;
mod fuzz;
mod keep;
mod leaks;
#[path = "../cases/packets.rs"]
mod packets;
mod pressure;
#[path = "../cases/wire.rs"]
mod wire;
#[path = "../cases/world.rs"]
#[expect(dead_code, reason = "the case files need more of it than these tests")]
mod world;
