//! One device that asks to be provisioned: its serial number against the lists. One that may is written down as a device.
//!
//! AWS IoT takes an error, and an answer that comes after five seconds, for a no. So nothing is tried again here; the device
//! asks again.

use fleet::ports::{FindAllowed, FindBlocked, PortResult, UpdateItem};
use fleet::registration::claim::{Claim, MODEL, SERIAL_NUMBER, THING_NAME, THING_TYPE, decide_claim};
use fleet::registration::{Blocked, Reason, Rules, joined_record};
use iot_events::{PreProvisioning, PreProvisioningAnswer};

/// What the hook needs of the outside.
pub(crate) struct Ports<'a, B, A, D> {
    /// What may never join.
    pub(crate) block_list: &'a B,
    /// The devices that were made.
    pub(crate) allow_list: &'a A,
    /// The devices that joined.
    pub(crate) devices: &'a D,
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
/// [`PortError`](fleet::ports::PortError) where a list cannot be asked, or the device not be written down.
pub(crate) async fn decide<B: FindBlocked, A: FindAllowed, D: UpdateItem>(
    ports: &Ports<'_, B, A, D>,
    rules: &Rules,
    event: &PreProvisioning,
    now: i64,
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
        Ok(parameter_overrides) => {
            let given = |name| parameter_overrides.get(name).map_or("", String::as_str);
            let name = given(THING_NAME);
            let attributes = [("thingType", given(THING_TYPE)), ("model", given(MODEL)), ("serialNumber", name)];
            // Before the device can connect: its presence and its readings ask for the row. Where it is there, it stays.
            ports.devices.update_item(&joined_record(name, "claim", &attributes, now)).await?;
            Outcome {
                answer: PreProvisioningAnswer { allow_provisioning: true, parameter_overrides },
                reasons: Vec::new(),
            }
        }
        Err(reasons) => Outcome { answer: PreProvisioningAnswer::default(), reasons },
    })
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
