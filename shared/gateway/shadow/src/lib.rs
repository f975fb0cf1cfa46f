//! Device shadows: what a thing is wanted to be (`desired`), what it says it is (`reported`), and how the two differ.
//!
//! In the order in which an update passes through them:
//! - [`Address`]: whose shadow it is.
//! - `request`: the body of an update, taken apart and checked, with AWS's messages where it is refused.
//! - `merge`: a request's fields put into a section, their metadata beside them.
//! - `delta`: where `desired` differs from `reported`.
//! - `metadata`: when each field was last set, as a tree of the state's form.
//! - `document`: a shadow, and the documents that tell of it.
//! - `row`: a shadow as it is stored.
//! - [`Shadows`]: the book of all shadows.
//!
//! Follows "AWS IoT Device Shadow service" of the AWS IoT Core developer guide, with its pages "Interacting with
//! shadows", "Device Shadow service documents", "Device Shadow REST API" and "Device Shadow error messages". Pure: it
//! knows no topic and reads no clock.

mod address;
mod book;
mod delta;
mod document;
mod merge;
mod metadata;
mod request;
mod row;

pub use address::Address;
pub use book::{Shadows, Updated};
pub use request::client_token;
