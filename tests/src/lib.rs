//! What the tests of the whole workspace share: the tests themselves are under `tests/`.
//!
//! - [`workspace`]: the packages and what they depend on, as `cargo metadata` tells it
//! - [`sources`]: the Rust files of the repository, and a file reduced to the code that ships

pub mod sources;
pub mod workspace;
