//! The backend's decisions, as the functions ask for them.

mod authorization;
mod connectivity;
mod registration;
mod release;
