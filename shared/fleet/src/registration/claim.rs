//! A device that has no certificate of its own asks for one, with a claim that a whole batch shares: its serial number is all
//! that tells it from the others. Unlike a certificate, a serial number proves nothing, so it has to be on the allow list.

use super::decision::{Blocked, Reason, Rules};
use crate::naming::{is_attribute_value, is_device_name};
use std::collections::BTreeMap;

/// The device's parameter with its serial number.
pub const SERIAL_NUMBER: &str = "SerialNumber";
/// The device's parameter with its model; optional.
pub const MODEL: &str = "Model";
/// The parameter that the template takes the thing's name from.
pub const THING_NAME: &str = "ThingName";
/// The parameter that the template takes the thing's type from.
pub const THING_TYPE: &str = "ThingType";

/// What a device says of itself, and what the lists say of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its serial number.
    pub serial_number: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The entry of the block list that applies.
    pub blocked: Option<Blocked>,
    /// Whether the serial number is on the allow list.
    pub allowed: bool,
}

/// Decides, with every reason against; else gives the parameters that the template is filled with. The serial number is the
/// thing's name, so that no device can take another's.
///
/// # Errors
/// The reasons.
pub fn decide_claim(claim: &Claim, rules: &Rules) -> Result<BTreeMap<String, String>, Vec<Reason>> {
    let mut reasons: Vec<Reason> = claim.blocked.iter().cloned().map(Reason::Blocked).collect();
    let serial = claim.serial_number.as_deref().unwrap_or_default();
    if serial.is_empty() {
        reasons.push(Reason::NoSerial);
    } else {
        if !is_device_name(serial) {
            reasons.push(Reason::BadName(serial.to_owned()));
        }
        if !claim.allowed {
            reasons.push(Reason::NotAllowed(serial.to_owned()));
        }
    }
    let known = claim.model.as_ref().and_then(|model| rules.thing_types.get(model));
    let thing_type = known.or(rules.default_thing_type.as_ref());
    let model = claim.model.clone().unwrap_or_default();
    match thing_type {
        Some(thing_type) if reasons.is_empty() => Ok(BTreeMap::from([
            (THING_NAME.to_owned(), serial.to_owned()),
            (THING_TYPE.to_owned(), thing_type.clone()),
            // A model that cannot be an attribute is left out, as it is for a certificate.
            (MODEL.to_owned(), if is_attribute_value(&model) { model } else { String::new() }),
        ])),
        Some(_) => Err(reasons),
        None => {
            reasons.push(Reason::UnknownModel(model));
            Err(reasons)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { thing_types: BTreeMap::from([("charger".to_owned(), "Charger".to_owned())]), ..Rules::default() }
    }

    fn claim(serial: &str, model: &str, allowed: bool) -> Claim {
        Claim { serial_number: Some(serial.to_owned()), model: Some(model.to_owned()), blocked: None, allowed }
    }

    #[test]
    fn a_serial_number_on_the_list_becomes_the_thing() {
        let parameters = decide_claim(&claim("SN-1", "charger", true), &rules());
        let expected = [("Model", "charger"), ("ThingName", "SN-1"), ("ThingType", "Charger")];
        assert_eq!(parameters, Ok(expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into()));
    }

    #[test]
    fn every_reason_is_given() {
        let blocked = Blocked { entry: "serial#a b".to_owned(), why: "stolen".to_owned() };
        let claim = Claim { blocked: Some(blocked.clone()), ..claim("a b", "toaster", false) };
        let expected = [
            Reason::Blocked(blocked),
            Reason::BadName("a b".to_owned()),
            Reason::NotAllowed("a b".to_owned()),
            Reason::UnknownModel("toaster".to_owned()),
        ];
        assert_eq!(decide_claim(&claim, &rules()), Err(expected.into()));
        let nothing = Claim { serial_number: None, model: None, blocked: None, allowed: false };
        let rules = Rules { default_thing_type: Some("Device".to_owned()), ..rules() };
        assert_eq!(decide_claim(&nothing, &rules), Err(vec![Reason::NoSerial]));
    }
}
