//! The command line of the gateway, as a library so that tests can run it.
//!
//! - [`cli`]: the commands. [`demo`]: the main job on real input, as a timeline.
//! - [`client`]: the small client that they call a gateway with. [`mqtt`]: a device's connection. `simulated`: devices that run.

pub mod cli;
pub mod client;
pub mod demo;
pub mod mqtt;
mod simulated;
