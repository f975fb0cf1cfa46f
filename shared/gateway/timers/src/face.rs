//! What the clock shows.

use drydock_core::{Clock, Timestamp};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The word of a clock that runs at another rate than the machine's: [`Face::mode`] has to be asked.
const ASK: i64 = i64::MIN;

/// How the clock goes, as far as who reads it without asking has to know: at a time `now` of the machine it shows
/// `gateway + (now - machine) * rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// A time of the machine's clock.
    pub machine: Timestamp,
    /// What this clock showed then.
    pub gateway: Timestamp,
    /// Milliseconds of this clock in one of the machine's; 0 while it stands.
    pub rate: f64,
}

impl Course {
    /// Whether the clock shows what the machine's does.
    #[must_use]
    pub fn is_the_machines(&self) -> bool {
        #[expect(clippy::float_cmp, reason = "1 is set as 1")]
        let same_rate = self.rate == 1.0;
        same_rate && self.machine == self.gateway
    }
}

/// How the clock goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// From `gateway`, which it showed when the machine's clock showed `machine`.
    Running { machine: Timestamp, gateway: Timestamp },
    /// It stands.
    Stopped(Timestamp),
}

#[derive(Debug, Clone, Copy)]
struct Going {
    mode: Mode,
    /// Milliseconds of the gateway in one of the machine.
    rate: f64,
}

impl Going {
    fn at(&self, machine_now: Timestamp) -> Timestamp {
        match self.mode {
            Mode::Stopped(at) => at,
            Mode::Running { machine, gateway } => {
                let passed = machine_now.since(machine);
                // At the machine's own rate not a millisecond may be lost to a fraction.
                #[expect(clippy::float_cmp, reason = "1 is set as 1")]
                let passed = if self.rate == 1.0 { passed } else { scaled(passed, self.rate) };
                gateway.plus_millis(passed)
            }
        }
    }

    /// The word: twice the offset from the machine's clock where the clock runs at its rate; twice the time plus one where it
    /// stands; [`ASK`] otherwise.
    fn word(&self) -> i64 {
        #[expect(clippy::float_cmp, reason = "1 is set as 1")]
        match self.mode {
            Mode::Stopped(at) => at.0.saturating_mul(2) | 1,
            Mode::Running { machine, gateway } if self.rate == 1.0 => gateway.since(machine).saturating_mul(2),
            Mode::Running { .. } => ASK,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "milliseconds stay far below 2^53")]
fn scaled(millis: i64, by: f64) -> i64 {
    (millis as f64 * by) as i64
}

/// The face of the clock: one word for those who only read the time, and the whole of it under a lock.
#[derive(Debug)]
pub(crate) struct Face {
    word: AtomicI64,
    going: Mutex<Going>,
}

impl Face {
    /// A clock that shows what the machine's does.
    pub(crate) fn new(machine: Timestamp) -> Self {
        let going = Going { mode: Mode::Running { machine, gateway: machine }, rate: 1.0 };
        Self { word: AtomicI64::new(going.word()), going: Mutex::new(going) }
    }

    pub(crate) fn now(&self, machine: &dyn Clock) -> Timestamp {
        match self.word.load(Ordering::Acquire) {
            ASK => self.going.lock().at(machine.now()),
            word if word & 1 == 1 => Timestamp(word >> 1),
            word => machine.now().plus_millis(word >> 1),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Going)) {
        let mut going = self.going.lock();
        change(&mut going);
        self.word.store(going.word(), Ordering::Release);
    }

    /// What has to be known to read it without asking.
    pub(crate) fn course(&self) -> Course {
        let going = self.going.lock();
        match going.mode {
            Mode::Running { machine, gateway } => Course { machine, gateway, rate: going.rate },
            Mode::Stopped(at) => Course { machine: Timestamp::default(), gateway: at, rate: 0.0 },
        }
    }

    /// Whether it runs, and at which rate, be it that it stands now.
    pub(crate) fn goes(&self) -> (bool, f64) {
        let going = self.going.lock();
        (matches!(going.mode, Mode::Running { .. }), going.rate)
    }

    /// Stops at a time.
    pub(crate) fn stop_at(&self, time: Timestamp) {
        self.change(|going| going.mode = Mode::Stopped(time));
    }

    /// Stops at the time that it shows, which it returns.
    pub(crate) fn stop(&self, machine: &dyn Clock) -> Timestamp {
        let mut at = Timestamp::default();
        self.change(|going| {
            at = going.at(machine.now());
            going.mode = Mode::Stopped(at);
        });
        at
    }

    /// Goes on from the time that it shows.
    pub(crate) fn run(&self, machine: &dyn Clock) {
        self.change(|going| {
            let machine = machine.now();
            going.mode = Mode::Running { machine, gateway: going.at(machine) };
        });
    }

    /// Goes at a rate from now on, or once it goes on.
    pub(crate) fn set_rate(&self, rate: f64, machine: &dyn Clock) {
        self.change(|going| {
            let machine = machine.now();
            if let Mode::Running { .. } = going.mode {
                going.mode = Mode::Running { machine, gateway: going.at(machine) };
            }
            going.rate = rate;
        });
    }

    /// How long the machine takes until the clock, which runs, shows `due`; `None` where it stands and `due` is to come.
    pub(crate) fn wait(&self, due: Timestamp, machine: &dyn Clock) -> Option<Duration> {
        let going = self.going.lock();
        let left = due.since(going.at(machine.now()));
        if left <= 0 {
            return Some(Duration::ZERO);
        }
        match going.mode {
            Mode::Stopped(_) => None,
            Mode::Running { .. } => {
                // At least a millisecond, the timer's own measure; longer rather than shorter, so that nothing is woken twice.
                let left = scaled(left, 1.0 / going.rate).max(0).saturating_add(1);
                #[expect(clippy::float_cmp, reason = "1 is set as 1")]
                let left = if going.rate == 1.0 { left - 1 } else { left };
                Some(Duration::from_millis(left.unsigned_abs()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(AtomicI64);

    impl Clock for Machine {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn the_clock_runs_stands_goes_on_and_speeds_up() {
        let machine = Machine(AtomicI64::new(1_000));
        let face = Face::new(machine.now());
        machine.0.store(1_500, Ordering::SeqCst);
        assert_eq!(face.now(&machine), Timestamp(1_500));
        assert_eq!(face.wait(Timestamp(1_700), &machine), Some(Duration::from_millis(200)));

        assert_eq!(face.stop(&machine), Timestamp(1_500));
        machine.0.store(9_000, Ordering::SeqCst);
        assert_eq!(face.now(&machine), Timestamp(1_500));
        assert_eq!(face.wait(Timestamp(1_501), &machine), None);
        assert_eq!(face.wait(Timestamp(1_500), &machine), Some(Duration::ZERO));

        face.run(&machine);
        machine.0.store(9_100, Ordering::SeqCst);
        assert_eq!(face.now(&machine), Timestamp(1_600));

        face.set_rate(60.0, &machine);
        assert_eq!(face.now(&machine), Timestamp(1_600), "a new rate does not move the clock");
        machine.0.store(9_110, Ordering::SeqCst);
        assert_eq!(face.now(&machine), Timestamp(2_200));
        assert_eq!(face.wait(Timestamp(8_200), &machine), Some(Duration::from_millis(101)));

        face.stop_at(Timestamp(50_000));
        assert_eq!(face.goes(), (false, 60.0));
        face.set_rate(0.5, &machine);
        assert_eq!(face.now(&machine), Timestamp(50_000));
        face.run(&machine);
        machine.0.store(9_210, Ordering::SeqCst);
        assert_eq!(face.now(&machine), Timestamp(50_050));
    }
}
