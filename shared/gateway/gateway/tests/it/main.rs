//! The gateway in the process of the test: its data plane over a real socket, and changes as units.

mod changes;
mod data_plane;
