//! AWS IoT Jobs: what is to be done on which things, and how far that is.
//!
//! - [`Jobs`]: the rulebook: jobs, what each of them is on each of its things, and job templates.
//! - [`Context`]: what a command is told of the outside; [`Fleet`] is what it asks of the registry. [`Outcome`]: its answer.
//! - `config`: what may be asked of a job, checked. `create`, `control`: the operations on jobs. `lists`: their lists.
//! - `templates`, [`managed`]: job templates, those of the account and those of AWS.
//! - `executions`: the operations on job executions, of the control plane. [`device`]: those of devices, and how they are refused;
//!   [`request`] reads what a device asks over MQTT, [`messages`] is what it is told.
//! - `job`, `assignment`: a job, and a job on one of its things, as they are kept. `step`: what a command changes, the one way for
//!   all of them, so that counts, lists and timers are always in step.
//! - `due`: what time does: `rollout`, timeouts, and the `schedule` with its maintenance windows, whose times are cron expressions.
//! - `membership`: things that come to the targets of a continuous job, or leave them.
//! - `install`: the package versions that a job installs; [`Catalog`] is what it asks of the software package catalog. `installed`:
//!   those that were installed, until it is told.
//! - [`document`]: job documents and what is filled in when one is handed out.
//!
//! Follows "Jobs" of the AWS IoT Core developer guide. Pure: it knows no topic and reads no clock.

mod assignment;
mod book;
mod config;
mod context;
mod control;
mod create;
pub mod device;
pub mod document;
mod due;
mod executions;
mod install;
mod installed;
mod job;
mod lists;
pub mod managed;
mod membership;
pub mod messages;
pub mod request;
mod rollout;
mod schedule;
mod signed;
mod step;
mod templates;

use drydock_model::row as wire;

pub use book::Jobs;
pub use context::{Changed, Context, Fleet, Known, Links, Outcome, Tells};
pub use create::NewJob;
pub use install::{Catalog, Install, PackageVersion};
pub use installed::Installed;
pub use signed::{Signature, Signatures};
