//! AWS's limits on names and attribute values of the thing registry (`ThingName`, `AttributeValue` of the `iot` model).

/// Whether AWS accepts the text as a thing name: 1 to 128 of `a-z A-Z 0-9 : _ -`.
#[must_use]
pub fn is_thing_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_-".contains(&byte))
}

/// How the client id of a connection begins that a device makes with a claim, to ask for its own certificate. `template.yaml` lets
/// claims connect under no other, so that none takes a device's connection over or is taken for it.
pub const CLAIM_PREFIX: &str = "claim-";

/// Whether a device may have the name: it is a thing name, and no client id of a claim.
#[must_use]
pub fn is_device_name(text: &str) -> bool {
    is_thing_name(text) && !text.starts_with(CLAIM_PREFIX)
}

/// Whether AWS accepts the text as the value of a thing's attribute: at most 800 of `a-z A-Z 0-9 _ . , @ / : # = [ ] -`.
#[must_use]
pub fn is_attribute_value(text: &str) -> bool {
    text.len() <= 800 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.,@/:#=[]-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_service_model() {
        for good in ["a", "charger:0001_A-b", &"x".repeat(128)] {
            assert!(is_thing_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "größe", &"x".repeat(129)] {
            assert!(!is_thing_name(bad), "{bad}");
        }
        assert!(is_device_name("charger-1") && !is_device_name("claim-1") && !is_device_name("a b"));
        assert!(is_attribute_value("SN-1.2,3@4/5:6#7=[8]_"));
        assert!(is_attribute_value(""));
        for bad in ["a b", "ä", &"x".repeat(801)] {
            assert!(!is_attribute_value(bad), "{bad}");
        }
    }
}
