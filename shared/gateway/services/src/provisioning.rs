//! Provisioning carried out: plans become things, certificates and policies.
//!
//! - [`service`]: what it stands on. `operations`: the operations over HTTP.
//! - [`run`]: the one runner of plans, behind all four ways to provision.
//! - [`bulk`]: bulk registration, a line of a file after the other.
//! - [`certificate`], [`thing`]: its parts about the certificate, and about the thing with its groups.
//! - [`failure`]: why a device was not provisioned, in AWS's words.
//! - [`jitp`]: a certificate of a CA with a registration configuration was shown.
//! - [`mqtt`]: the MQTT API of fleet provisioning; `payload` reads and writes its JSON and CBOR, `hook` asks the
//!   pre-provisioning hook, `provider` the certificate provider, `waiting` lets connections take turns.
//! - [`sweep`]: certificates that were asked for and never provisioned go.
//!
//! Follows "Device provisioning" of the AWS IoT Core developer guide.

pub mod bulk;
pub mod certificate;
pub mod failure;
mod hook;
pub mod jitp;
pub mod mqtt;
pub(crate) mod operations;
mod payload;
mod provider;
pub mod run;
pub mod service;
pub mod sweep;
mod thing;
mod waiting;
