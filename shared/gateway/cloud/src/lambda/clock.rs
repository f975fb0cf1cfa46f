//! The gateway's time for the processes of functions: a file that says how the clock goes. `fleet-aws` reads it where the variable
//! [`VARIABLE`] names it; a function of somebody else's may do the same.
//!
//! The file has one line of three numbers: a time of the machine's clock and what the gateway's showed then, both in milliseconds since
//! 1970, and how many milliseconds of the gateway's clock pass in one of the machine's, 0 while it stands. It is replaced, never
//! written to, so that a reader sees one state or the next; and it is there before an invocation begins that is to see it. While the clock
//! is the machine's own there is no file.

use crate::context::{Context, lock};
use drydock_timers::{Course, Timers};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The environment variable that names the file to a function's process.
pub(super) const VARIABLE: &str = "DRYDOCK_CLOCK_FILE";
/// Its name in the gateway's folder.
const NAME: &str = "functions.clock";

/// The file.
pub(super) struct ClockFile {
    timers: Timers,
    path: PathBuf,
    /// What it says; the machine's own clock where there is none.
    says: Mutex<Option<Course>>,
}

impl ClockFile {
    /// The file in the gateway's folder; `None` where it has none. What is there of an earlier run is taken away: the clock
    /// starts as the machine's.
    pub(super) fn open(context: &Context) -> io::Result<Option<Arc<Self>>> {
        let config = &context.config;
        let Some(folder) = config.data_dir.as_ref().or(config.scratch.as_ref()) else { return Ok(None) };
        // Functions start in folders of their own.
        let path = std::path::absolute(folder)?.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = Arc::new(Self { timers: context.timers.clone(), path, says: Mutex::default() });
        file.follow(context);
        Ok(Some(file))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Has the file say how the clock goes now. Costs a comparison where it does.
    pub(super) fn bring_up_to_date(&self) {
        let mut says = lock(&self.says);
        let course = self.timers.course();
        if *says == Some(course) || (says.is_none() && course.is_the_machines()) {
            return;
        }
        match self.replace(course) {
            Ok(()) => *says = Some(course),
            Err(error) => {
                tracing::error!(%error, path = %self.path.display(), "functions do not see the gateway's time");
            }
        }
    }

    fn replace(&self, course: Course) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        writeln!(file, "{} {} {}", course.machine.millis(), course.gateway.millis(), course.rate)?;
        fs::rename(&next, &self.path)
    }

    /// Follows what is done to the clock while invocations go on; those that begin have it brought up to date themselves.
    fn follow(self: &Arc<Self>, context: &Context) {
        let (file, mut changes) = (Arc::clone(self), context.timers.changes());
        context.spawn(async move {
            while changes.changed().await.is_ok() {
                file.bring_up_to_date();
            }
        });
    }
}
