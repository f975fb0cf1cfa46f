//! Releases: firmware, configuration or a remedy that goes to an environment's devices in waves, each an AWS IoT job on a thing
//! group; the next wave begins when the one before it has done well, and a wave that does not is stopped.
//!
//! - [`definition`]: what a release is, as whoever asks for it writes it.
//! - [`job`]: the jobs of a release, called after it and its waves, and how they stand.
//! - [`state`]: how far a release is: its phase, what became of its waves, and what is yet to be done.
//! - [`progress`]: what happens to a release: commands of people, how its job stands, what became of what was to be done.
//! - [`judgement`]: whether a wave has done well, or fails.
//! - [`environment`]: one release at a time in an environment, and which one was the last to succeed there.
//! - [`history`]: what devices were given, and what became of it.
//!
//! How a crash is survived: a decision is one conditional write of the release's row, with all that follows from it as a list
//! of [`state::Effect`]s in the same write. Whoever writes them holds the row's lease and carries them out, one after the other,
//! and notes each as done; each may be done twice without harm (jobs have their ids from the release and the wave, alerts
//! are told again under the same id). What is left when an invocation dies is taken up once its lease has run out, by the event that comes
//! again, or by the schedule that looks at all releases. Events only say that it is worth to look: how a job stands is asked of
//! AWS IoT, so that events may come twice, late, in any order, or not at all.

pub mod definition;
pub mod environment;
pub mod history;
pub mod job;
pub mod judgement;
pub mod progress;
pub mod state;

pub use definition::Definition;
pub use job::{Counts, Failure, JobName, JobRequest, JobStatus, JobView, Part};
pub use progress::{Refusal, Step};
pub use state::{Effect, Phase, Release, Telling};
