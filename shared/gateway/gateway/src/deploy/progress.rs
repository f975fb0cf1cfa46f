//! Who is told how functions are made ready to be run.

use std::time::Duration;

/// Who is told how a build goes on. `()` is told nothing.
pub trait Progress: Send + Sync {
    /// A crate is compiled: how many were begun so far, and which this is.
    fn compiling(&self, crates: u32, what: &str);
    /// A workspace was built, in so long.
    fn built(&self, took: Duration);
    /// The build failed; this is all that cargo said.
    fn failed(&self, said: &str);
    /// Something is installed, for the first time in this folder.
    fn installing(&self, what: &str);
    /// It was installed, in so long.
    fn installed(&self, what: &str, took: Duration);
    /// A function runs on another version than its runtime names.
    fn differs(&self, function: &str, runtime: &str, here: &str);
}

impl Progress for () {
    fn compiling(&self, _crates: u32, _what: &str) {}

    fn built(&self, _took: Duration) {}

    fn failed(&self, said: &str) {
        tracing::error!("cargo: {said}");
    }

    fn installing(&self, what: &str) {
        tracing::info!("installing {what}");
    }

    fn installed(&self, _what: &str, _took: Duration) {}

    fn differs(&self, function: &str, runtime: &str, here: &str) {
        tracing::warn!("function `{function}` is for `{runtime}`, and runs on {here}");
    }
}
