//! AWS Signer, as far as firmware of devices is signed: profiles and jobs that sign an object of S3 with a key of this gateway.
//!
//! - `api`: the operations over HTTP. `profiles` and `jobs` have their work, `page` their lists.
//! - `state`: profiles, jobs and the key, whose rows are `rows`. `platform`: what is signed for. `refusal`: why something is refused.
//! - `key`: the key, and the certificate that devices check signatures with: the file [`CERTIFICATE`] of the data folder.
//!
//! Follows the AWS Signer API reference, and "Sign Internet of Things (IoT) objects" of its developer guide. The certificate that a
//! profile names is one of ACM's, which nothing stands in for: whatever it is, signatures are the gateway's own key's.

mod api;
mod jobs;
mod key;
mod page;
mod platform;
mod profiles;
mod refusal;
mod rows;
mod state;

pub use key::CERTIFICATE;
pub use rows::{Asked, Signed};
pub use state::{SERVICE, Signer};
