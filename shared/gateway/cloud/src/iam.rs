//! IAM, as far as scripts that set a fleet up use it: roles, their policies, managed policies and instance profiles are kept and given
//! back. Nothing is evaluated but who may assume a role.
//!
//! - `state`: what is held.
//! - `api`: the operations, over the query protocol; `form`: what requests give, and what answers are made of.
//! - `roles`, `policies`, `profiles`: what each operation does.
//!
//! Follows the AWS IAM API reference, version 2010-05-08.

mod api;
mod form;
mod policies;
mod profiles;
mod roles;
mod state;

use crate::stand_in::{Facts, Service};
pub use state::{Iam, Role};

/// IAM.
pub const SERVICE: Service = Service::new(&Facts { name: "iam", title: "AWS IAM", ..Facts::PLAIN });
