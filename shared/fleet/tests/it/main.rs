//! The backend's decisions, as the functions ask for them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod authorization;
mod connectivity;
mod registration;
mod release;
