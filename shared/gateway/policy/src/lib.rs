//! AWS IoT policies: documents, their evaluation with reasons, and the book of policies and attachments.
//!
//! The language has one module per representation, each made from the one before:
//! - [`document`]: the text of a policy, taken apart and checked against the grammar.
//! - [`compile`]: the same with actions, resources and conditions as [`pattern`]s and [`template`]s.
//! - [`set`]: the policies that apply to one principal.
//! - [`session`]: those policies for one connection: variables substituted, conditions decided. This is what the broker asks
//!   for each message; it parses nothing and allocates nothing.
//!
//! Beside them:
//! - [`variables`]: the facts about a connection, and the policy variables that name them.
//! - [`condition`]: condition operators.
//! - [`action`]: the actions of the data plane and the resource each is judged on.
//! - [`explain`]: a decision with everything that led to it, as text and as JSON.
//! - [`book`]: policies, versions and attachments as the control plane keeps them.
//!
//! Follows "AWS IoT Core policies" of the AWS IoT Core developer guide, and where that is silent the IAM user guide's JSON
//! policy reference.

pub mod action;
pub mod book;
pub mod compile;
pub mod condition;
pub mod document;
mod error;
pub mod explain;
pub mod pattern;
pub mod session;
pub mod set;
pub mod template;
pub mod variables;

pub use action::Action;
pub use book::{Policies, Target};
pub use compile::CompiledDocument;
pub use document::{Document, Effect};
pub use error::PolicyError;
pub use explain::Explanation;
pub use session::{Decision, SessionPolicies};
pub use set::{AppliedPolicy, PolicySet};
pub use variables::{CertificateFacts, ConnectFacts, Context, ThingFacts};
