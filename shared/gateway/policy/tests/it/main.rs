//! The language of policies and the book of them, beside their cases.

mod book;
mod explain;
mod no_allocation;
mod properties;
