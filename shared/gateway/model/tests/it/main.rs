//! The wire against AWS's service models, and its laws.

mod errors;
mod properties;
