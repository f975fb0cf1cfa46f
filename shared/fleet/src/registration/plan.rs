//! The steps that register a device.

use super::decision::Reason;
use crate::ports::Thing;

/// How a device is registered. It follows from the certificate alone, so that planning again after a crash gives the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The thing's name.
    pub thing_name: String,
    /// Its type and attributes.
    pub thing: Thing,
    /// The model.
    pub model: Option<String>,
    /// The serial number.
    pub serial_number: String,
    /// Static groups to join.
    pub groups: Vec<String>,
    /// The policy for the certificate.
    pub policy: String,
}

/// One step. Each may be done again without harm, so that whoever finds the certificate pending starts from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Make the thing, or find it made.
    CreateThing,
    /// Put the thing into a group.
    AddToGroup(&'a str),
    /// Attach the policy to the certificate.
    AttachPolicy,
    /// Attach the certificate to the thing.
    AttachPrincipal,
    /// Write the device's row.
    SaveDevice,
    /// Write down that the certificate was let in.
    RecordApproval,
    /// Activate the certificate.
    Activate,
}

impl Plan {
    /// The steps in order. Activation is last: a device that can connect is wholly registered, and one that is not wholly
    /// registered cannot connect, so its next attempt makes AWS IoT send the event that mends it.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'_>> {
        let mut steps = vec![Step::CreateThing];
        steps.extend(self.groups.iter().map(|group| Step::AddToGroup(group)));
        steps.extend([Step::AttachPolicy, Step::AttachPrincipal, Step::SaveDevice]);
        steps.extend([Step::RecordApproval, Step::Activate]);
        steps
    }

    /// Compares a thing that has the name already. Attributes that others have added are theirs; the type and the
    /// attributes of the plan must be as planned.
    ///
    /// # Errors
    /// [`Reason::ThingConflict`] with each difference.
    pub fn compare(&self, existing: &Thing) -> Result<(), Reason> {
        let shown = |value: Option<&String>| value.map_or("nothing".to_owned(), |value| format!("`{value}`"));
        let mut differences = Vec::new();
        if existing.thing_type != self.thing.thing_type {
            let (is, planned) = (shown(existing.thing_type.as_ref()), shown(self.thing.thing_type.as_ref()));
            differences.push(format!("its type is {is}, not {planned}"));
        }
        for (name, planned) in &self.thing.attributes {
            let is = existing.attributes.get(name);
            if is != Some(planned) {
                differences.push(format!("`{name}` is {}, not `{planned}`", shown(is)));
            }
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Reason::ThingConflict { thing: self.thing_name.clone(), differences: differences.join(", ") })
    }
}
