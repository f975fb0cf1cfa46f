//! The rules SQL and topic rules beside their cases: explanations, laws, any statement on any payload.

mod explain;
mod fuzz;
mod properties;
mod rules;
