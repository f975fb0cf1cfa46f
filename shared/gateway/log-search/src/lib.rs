//! How logs are searched: filter patterns of CloudWatch Logs, and the plain part of Logs Insights.
//!
//! - [`pattern`]: the filter patterns of `FilterLogEvents`, metric filters, subscription filters and `aws logs tail`.
//! - [`insights`]: queries of `StartQuery`: `fields`, `display`, `filter`, `parse`, `stats`, `sort`, `dedup`, `limit`.
//!
//! Follows "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail" and "CloudWatch Logs
//! Insights language query syntax" of the Amazon CloudWatch Logs user guide. Pure: it keeps no logs and reads no clock.

pub mod insights;
pub mod pattern;
