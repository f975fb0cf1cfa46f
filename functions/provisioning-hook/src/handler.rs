//! One device that asks to be provisioned: its serial number against the lists.
//!
//! AWS IoT takes an error, and an answer that comes after five seconds, for a no. So nothing is tried again here; the device
//! asks again.

use fleet::ports::{FindAllowed, FindBlocked, PortResult};
use fleet::registration::claim::{Claim, MODEL, SERIAL_NUMBER, decide_claim};
use fleet::registration::{Blocked, Reason, Rules};
use iot_events::{PreProvisioning, PreProvisioningAnswer};

/// What the hook needs of the outside.
pub(crate) struct Ports<'a, B, A> {
    /// What may never join.
    pub(crate) block_list: &'a B,
    /// The devices that were made.
    pub(crate) allow_list: &'a A,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What AWS IoT is told.
    pub(crate) answer: PreProvisioningAnswer,
    /// Why not; empty where it may.
    pub(crate) reasons: Vec<Reason>,
}

/// Decides whether the device may be provisioned, and as what.
///
/// # Errors
/// [`PortError`](fleet::ports::PortError) where a list cannot be asked.
pub(crate) async fn decide<B: FindBlocked, A: FindAllowed>(
    ports: &Ports<'_, B, A>,
    rules: &Rules,
    event: &PreProvisioning,
) -> PortResult<Outcome> {
    let serial_number = event.parameters.get(SERIAL_NUMBER).filter(|serial| !serial.is_empty()).cloned();
    let (mut blocked, mut allowed) = (None, false);
    if let Some(serial) = &serial_number {
        let entry = format!("serial#{serial}");
        blocked = ports.block_list.find_blocked(&entry).await?.map(|why| Blocked { entry, why });
        allowed = ports.allow_list.find_allowed(serial).await?;
    }
    let claim = Claim { serial_number, model: event.parameters.get(MODEL).cloned(), blocked, allowed };
    Ok(match decide_claim(&claim, rules) {
        Ok(parameter_overrides) => Outcome {
            answer: PreProvisioningAnswer { allow_provisioning: true, parameter_overrides },
            reasons: Vec::new(),
        },
        Err(reasons) => Outcome { answer: PreProvisioningAnswer::default(), reasons },
    })
}

#[cfg(test)]
mod tests;
