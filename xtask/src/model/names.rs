//! AWS's names as Rust's.

/// Rust's keywords among member names.
const KEYWORDS: [&str; 9] = ["type", "match", "in", "enum", "box", "where", "move", "ref", "self"];

/// A member's field: `thingName` → `thing_name`, `type` → `type_`.
pub(super) fn field(member: &str) -> String {
    // Product names that are one word each.
    let member = member.replace("IoT", "Iot").replace("DBv2", "Dbv2");
    let letters: Vec<char> = member.chars().collect();
    let mut name = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(index + 1);
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()));
        if starts_word {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    if KEYWORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// An enum value's variant: `PENDING_ACTIVATION` → `PendingActivation`, `in-cidr-set` → `InCidrSet`.
pub(super) fn variant(value: &str) -> String {
    value.split(|letter: char| !letter.is_alphanumeric()).map(capitalised).collect()
}

fn capitalised(word: &str) -> String {
    let shouted = !word.chars().any(char::is_lowercase);
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let rest = letters.as_str();
    if shouted { first + &rest.to_lowercase() } else { first + rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_become_fields() {
        let cases = [
            ("thingName", "thing_name"),
            ("updateCACertificateParams", "update_ca_certificate_params"),
            ("additionalMetricsToRetainV2", "additional_metrics_to_retain_v2"),
            ("dynamoDB", "dynamo_db"),
            ("dynamoDBv2", "dynamo_dbv2"),
            ("enableIoTLoggingParams", "enable_iot_logging_params"),
            ("s3Location", "s3_location"),
            ("BIN", "bin"),
            ("Key", "key"),
            ("type", "type_"),
        ];
        for (member, expected) in cases {
            assert_eq!(field(member), expected);
        }
    }

    #[test]
    fn values_become_variants() {
        let cases = [
            ("PENDING_ACTIVATION", "PendingActivation"),
            ("CUSTOM_AUTH_X509", "CustomAuthX509"),
            ("in-cidr-set", "InCidrSet"),
            ("InProgress", "InProgress"),
            ("Count/Second", "CountSecond"),
            ("AWS-IoT-FleetWise", "AwsIoTFleetWise"),
            ("ms", "Ms"),
        ];
        for (value, expected) in cases {
            assert_eq!(variant(value), expected);
        }
    }
}
