//! Trust policies of IAM roles: whether a service may assume a role. IAM is not evaluated beyond that.
//!
//! Follows "Granting permissions to pass a role" and "Cross-service confused deputy prevention" of the developer guides of IAM
//! and AWS IoT: a trust policy names the service as principal, allows `sts:AssumeRole`, and may ask for the account and the ARN
//! that the service acts for.

use serde_json::Value as Json;

/// The service that the credentials provider is.
pub const CREDENTIALS_PROVIDER: &str = "credentials.iot.amazonaws.com";

const ASSUME: &str = "sts:AssumeRole";

/// Who wants to assume a role.
#[derive(Debug, Clone, Copy)]
pub struct Assumer<'a> {
    /// The service, for example [`CREDENTIALS_PROVIDER`].
    pub service: &'a str,
    /// `aws:SourceAccount`: the account that it acts for.
    pub source_account: &'a str,
    /// `aws:SourceArn`: the resource that it acts for.
    pub source_arn: &'a str,
}

/// Whether a trust policy lets a service assume its role.
///
/// # Errors
/// Why it does not: what each statement lacks.
pub fn may_assume(policy: &Json, who: Assumer<'_>) -> Result<(), Vec<String>> {
    let mut allowed = false;
    let mut reasons = Vec::new();
    for (number, statement) in each(policy.get("Statement")).enumerate() {
        let text = |key: &str| statement.get(key).and_then(Json::as_str).unwrap_or_default();
        let name = match text("Sid") {
            "" => format!("statement {}", number + 1),
            sid => format!("statement `{sid}`"),
        };
        match (lacks(statement, who), text("Effect")) {
            (None, "Allow") => allowed = true,
            (None, "Deny") => return Err(vec![format!("{name} denies it")]),
            (None, effect) => {
                reasons.push(format!("{name} has the effect `{effect}`, which is neither Allow nor Deny"))
            }
            (Some(why), _) => reasons.push(format!("{name} {why}")),
        }
    }
    if allowed {
        return Ok(());
    }
    if reasons.is_empty() {
        reasons.push("the trust policy has no statements".to_owned());
    }
    Err(reasons)
}

/// Why a statement does not match; `None` where it does.
fn lacks(statement: &Json, who: Assumer<'_>) -> Option<String> {
    for key in ["NotAction", "NotPrincipal", "NotResource"] {
        if statement.get(key).is_some() {
            return Some(format!("uses `{key}`, which this gateway does not know in trust policies"));
        }
    }
    if !texts(statement.get("Action")).any(|action| like(&action.to_lowercase(), &ASSUME.to_lowercase())) {
        return Some(format!("is not about `{ASSUME}`"));
    }
    let principal = statement.get("Principal");
    let anybody = principal.and_then(Json::as_str) == Some("*");
    let services = principal.and_then(|principal| principal.get("Service"));
    if !anybody && !texts(services).any(|service| service == who.service) {
        return Some(format!("does not name the service `{}` as principal", who.service));
    }
    let conditions = statement.get("Condition").and_then(Json::as_object).into_iter().flatten();
    for (operator, asked) in conditions {
        for (key, wanted) in asked.as_object().into_iter().flatten() {
            let value = match key.to_lowercase().as_str() {
                "aws:sourceaccount" => who.source_account,
                "aws:sourcearn" => who.source_arn,
                _ => return Some(format!("asks for `{key}`, which has no value here")),
            };
            let compare: fn(&str, &str) -> bool = match operator.as_str() {
                "StringEquals" => |wanted, value| wanted == value,
                "StringEqualsIgnoreCase" => |wanted, value| wanted.eq_ignore_ascii_case(value),
                "StringLike" | "ArnLike" | "ArnEquals" => like,
                _ => return Some(format!("uses `{operator}`, which this gateway does not know in trust policies")),
            };
            if !texts(Some(wanted)).any(|wanted| compare(wanted, value)) {
                return Some(format!("asks for another `{key}` than `{value}`"));
            }
        }
    }
    None
}

/// The elements of a list, or the one that stands for a list of one.
fn each(value: Option<&Json>) -> impl Iterator<Item = &Json> {
    let (one, many) = match value {
        Some(Json::Array(many)) => (None, many.as_slice()),
        other => (other, [].as_slice()),
    };
    one.into_iter().chain(many)
}

fn texts(value: Option<&Json>) -> impl Iterator<Item = &str> {
    each(value).filter_map(Json::as_str)
}

/// Whether a text matches a pattern with `*` and `?`.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last `*`, one character further than it took so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some('*'), _) => {
                star = Some((p + 1, t));
                p += 1;
            }
            (Some(wanted), Some(found)) if *wanted == '?' || wanted == found => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    p = after;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const WHO: Assumer<'_> = Assumer {
        service: CREDENTIALS_PROVIDER,
        source_account: "123456789012",
        source_arn: "arn:aws:iot:us-east-1:123456789012:rolealias/cameras",
    };

    #[test]
    fn a_role_is_assumed_by_whom_it_trusts() {
        // The policy of "Authorizing direct calls to AWS services using AWS IoT Core credential provider", and what may differ.
        let guide =
            json!({"Effect": "Allow", "Principal": {"Service": CREDENTIALS_PROVIDER}, "Action": "sts:AssumeRole"});
        let with = |key: &str, value: Json| {
            let mut statement = guide.clone();
            statement.as_object_mut().unwrap().insert(key.to_owned(), value);
            statement
        };
        let source = |account: &str, arn: &str| {
            with(
                "Condition",
                json!({"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": arn}}),
            )
        };
        for (statement, wanted) in [
            (guide.clone(), Ok(())),
            (with("Action", json!(["sts:TagSession", "sts:AssumeRole"])), Ok(())),
            (with("Action", json!("STS:*")), Ok(())),
            (with("Principal", json!("*")), Ok(())),
            (with("Principal", json!({"Service": ["lambda.amazonaws.com", CREDENTIALS_PROVIDER]})), Ok(())),
            (source("123456789012", "arn:aws:iot:*:123456789012:rolealias/*"), Ok(())),
            (source("1", "arn:*"), Err("asks for another `aws:SourceAccount`")),
            (source("123456789012", "arn:aws:iot:*:*:rolealias/doors"), Err("asks for another `aws:SourceArn`")),
            (with("Condition", json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})), Err("has no value here")),
            (with("Condition", json!({"Null": {"aws:SourceArn": "false"}})), Err("uses `Null`")),
            (with("Action", json!("sts:AssumeRoleWithSAML")), Err("is not about `sts:AssumeRole`")),
            (with("Principal", json!({"Service": "iot.amazonaws.com"})), Err("does not name the service")),
            (with("Principal", json!({"AWS": "arn:aws:iam::123456789012:root"})), Err("does not name the service")),
            (with("NotPrincipal", json!({})), Err("uses `NotPrincipal`")),
            (with("Effect", json!("Deny")), Err("denies it")),
        ] {
            for form in [statement.clone(), json!([statement.clone()])] {
                let policy = json!({"Version": "2012-10-17", "Statement": form});
                match (may_assume(&policy, WHO), wanted) {
                    (Ok(()), Ok(())) => {}
                    (Err(reasons), Err(wanted)) => {
                        assert!(reasons.concat().contains(wanted), "{statement}: {reasons:?}")
                    }
                    (found, _) => panic!("{statement}: {found:?}"),
                }
            }
        }
        let denied = json!({"Statement": [guide.clone(), with("Effect", json!("Deny"))]});
        assert!(may_assume(&denied, WHO).is_err(), "a denial counts more than what allows");
        assert!(may_assume(&json!({}), WHO).is_err());
    }

    #[test]
    fn patterns_match_as_iam_s_do() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*", "abba", true),
            ("", "a", false),
        ] {
            assert_eq!(like(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
