//! Registration at every interleaving: the certificate is decided on once, wholly, and told of as it was.

use super::tests::{CHARGER, WEAK, World, presented};
use super::*;
use fleet::fakes::Faults;
use fleet::interleavings::{Invocation, Most, START, Scenario, check, told};

/// One certificate that is presented so often.
struct Presented {
    pem: &'static str,
    times: usize,
    status: CertificateStatus,
}

impl Scenario for Presented {
    type World = World;
    type Job = &'static str;

    fn world(&self, faults: &Faults) -> World {
        World::with(self.pem, faults)
    }

    fn jobs(&self) -> Vec<&'static str> {
        vec!["presented"; self.times]
    }

    fn invoke<'a>(&'a self, world: &'a World, _: &'static str, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            // The queue delivers again later than the checker does; the time between is the same in leases.
            let now = presented().timestamp + (now - START) * 3;
            world.take(&presented(), now).await.map(drop).map_err(|error| error.to_string())
        })
    }

    fn judge(&self, world: &World, faults: usize) -> Result<(), String> {
        let state = world.state();
        if state.status.as_ref() != Some(&self.status) {
            return Err(format!("the certificate is {:?}", state.status));
        }
        if state.connected_too_early {
            return Err("it was active before it was complete".to_owned());
        }
        let record = world.record().ok_or("no record")?;
        if record.text("status") != Some(self.status.as_str()) || record.number("doneAt").is_none() {
            return Err(format!("the record is {record:?}"));
        }
        let active = self.status == CertificateStatus::Active;
        if active != world.devices.row("charger-0001").is_some() {
            return Err(format!("the devices are {:?}", world.devices));
        }
        let alerts = told(&world.alerts.sent(), faults)?;
        (alerts.len() == usize::from(!active)).then_some(()).ok_or_else(|| format!("told {alerts:?}"))
    }
}

#[test]
fn a_device_that_presents_its_certificate_again_and_again() {
    let joins = |times| Presented { pem: CHARGER, times, status: CertificateStatus::Active };
    check("jit-registration: two events of one device", &joins(2), Most::Faults(2));
    check("jit-registration: three events of one device", &joins(3), Most::Faults(2));
    let refused = |times| Presented { pem: WEAK, times, status: CertificateStatus::Revoked };
    check("jit-registration: two events of a weak certificate", &refused(2), Most::Faults(2));
    check("jit-registration: three events of a weak certificate", &refused(3), Most::Faults(2));
}
