//! What the HTTP API is about: homes, their rooms, members and devices, and what devices are wanted to be.
//!
//! - `http`: a request as API Gateway hands it over, and the answer.
//! - `route`: every route, who may take it, and what it reads of a request: the one table.
//! - `role`: what members may do. `row`: the keys of the one table that all of this is kept in.
//! - `text`: names, ids and the like, valid once they are there. `resource`: what requests and answers are made of.
//! - `home`, `room`, `member`, `share`, `device`: what is written for each, and what is read from it.
//! - `possession`: the proof that somebody holds a device. `state`: what a device is wanted to be, and whether it is.
//! - `idempotency`: a request that is sent again is answered again, and done once.
//! - `entity_tag`: versions in `ETag` and `If-Match`. `page`: lists, a part at a time.
//! - `problem`: what callers are told when something is not done (RFC 9457).
//! - `openapi` (feature `openapi`): the document that describes the API.

pub mod device;
pub mod entity_tag;
pub mod home;
pub mod http;
pub mod idempotency;
pub mod member;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod page;
pub mod possession;
pub mod problem;
pub mod resource;
pub mod role;
pub mod room;
pub mod route;
pub mod row;
pub mod share;
pub mod state;
pub mod text;
