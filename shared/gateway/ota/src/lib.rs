//! Streams and over-the-air updates: which files devices get over MQTT, in blocks, and which firmware they are to take.
//!
//! - [`Ota`]: the rulebook: streams and OTA updates.
//! - `streams`: the operations on streams, of the control plane. [`Seen`] is what is known of a file in Amazon S3,
//!   by whoever is asked ([`Look`]).
//! - [`request`]: what a device asks of a stream, in JSON or CBOR, and how it is refused. `blocks`: which blocks of which file that
//!   comes to. [`messages`]: what the device is told.
//! - `updates`: the operations on OTA updates, and where their files are ([`Place`], [`Signing`]). `make`: the stream and the job
//!   that one makes, of files that are [`Found`].
//!
//! Follows "MQTT-based file delivery" of the AWS IoT Core developer guide, and "FreeRTOS over-the-air updates". Pure: it knows no topic, reads no file and no clock.

mod blocks;
mod book;
mod make;
pub mod messages;
pub mod request;
mod streams;
mod updates;
mod wire;

pub use blocks::{Delivery, File};
pub use book::Ota;
pub use make::Found;
pub use streams::{Look, Seen};
pub use updates::{Place, Signing, job_id, place, signing};
