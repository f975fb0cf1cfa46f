//! The gateway in the process of the test: its data plane over a real socket, changes as units, how it starts and stops.

mod changes;
mod data_plane;
mod embedded;
mod mended;
