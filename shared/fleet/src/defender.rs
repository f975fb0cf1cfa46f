//! Answers to AWS IoT Device Defender: what is done about the findings of an audit, and about a device that does not behave as it should.
//!
//! - [`plan`]: what is to be done, by check and by behavior, as people write it into a table.
//! - [`finding`]: what an audit has found.
//! - [`audit`]: what is done about an audit, and the report of it.
//! - [`steps`]: what people are to do about a check's findings.
//! - [`watched`]: a device's violations, and whether it is in quarantine.
//! - [`window`]: how many devices may come into quarantine in a while.
//! - [`remedy`]: something that devices are to do, as a release.
//!
//! How a crash is survived: what is decided is written down before anything is done, each call may be made twice without harm (a
//! mitigation task, a suppression, a release and an alert have ids that follow from what they are for), and one invocation at a time
//! holds a row's lease. What an invocation leaves that dies is taken up by the event that comes again.

pub mod audit;
pub mod finding;
pub mod plan;
pub mod remedy;
pub mod steps;
pub mod watched;
pub mod window;
