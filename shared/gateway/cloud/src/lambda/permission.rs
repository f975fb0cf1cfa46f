//! Resource policies of functions ("AddPermission", `AWS::Lambda::Permission`), as far as services invoke them.

use drydock_core::{Arn, Scope};

/// A statement of a function's resource policy that lets a service invoke it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Its id; the logical id of a template's resource.
    pub statement_id: String,
    /// The version or alias that it is about; the function without any where `None`.
    pub qualifier: Option<String>,
    /// For example `lambda:InvokeFunction`.
    pub action: String,
    /// The service, for example `iot.amazonaws.com`.
    pub principal: String,
    /// The ARN that has to ask, with `*` and `?`; any where `None`.
    pub source_arn: Option<String>,
    /// The account that has to ask; any where `None`.
    pub source_account: Option<String>,
}

/// Whether a statement lets a service invoke on behalf of a source; else why none does.
pub(super) fn check(
    permissions: &[Permission],
    qualifier: Option<&str>,
    principal: &str,
    source: &Arn,
    scope: &Scope,
) -> Result<(), String> {
    let mut reasons = Vec::new();
    for permission in permissions {
        let action = permission.action.as_str();
        let account = if source.account().is_empty() { scope.account.as_str() } else { source.account() };
        let reason = if permission.qualifier.as_deref() != qualifier {
            match &permission.qualifier {
                Some(other) => format!("is for the version or alias `{other}`"),
                None => "is for the function without a version or alias".to_owned(),
            }
        } else if permission.principal != principal && permission.principal != "*" {
            format!("is for the principal `{}`", permission.principal)
        } else if !["lambda:InvokeFunction", "lambda:*", "*"].contains(&action) {
            format!("is for the action `{action}`")
        } else if let Some(arn) = permission.source_arn.as_ref().filter(|arn| !like(arn, source.as_str())) {
            format!("is for the source `{arn}`")
        } else if let Some(other) = permission.source_account.as_ref().filter(|other| *other != account) {
            format!("is for the account `{other}`")
        } else {
            return Ok(());
        };
        reasons.push(format!("`{}` {reason}", permission.statement_id));
    }
    let policy = if reasons.is_empty() { "it has none".to_owned() } else { reasons.join("; ") };
    Err(format!(
        "no statement of the function's resource policy lets `{principal}` invoke it for `{source}` ({policy}): add an \
         AWS::Lambda::Permission"
    ))
}

/// `ArnLike`: `*` for any text, `?` for any character.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // The classic matcher with one way back: to the last `*`, which then takes in one character more.
    let (mut p, mut t, mut back) = (0, 0, None);
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(q) if *q == '?' || q == c => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, taken)) = back else { return false };
                back = Some((star, taken + 1));
                p = star + 1;
                t = taken + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_arns() {
        for (pattern, text, matches) in [
            ("arn:aws:iot:*:1:rule/*", "arn:aws:iot:us-east-1:1:rule/a", true),
            ("arn:aws:iot:*:1:rule/*b", "arn:aws:iot:us-east-1:1:rule/abab", true),
            ("arn:aws:iot:*:1:rule/?", "arn:aws:iot:us-east-1:1:rule/ab", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(like(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_statement_has_to_fit_in_every_part() {
        let scope = Scope::new("123456789012", "us-east-1");
        let rule = scope.arn("iot", "rule/r");
        let allow = Permission {
            qualifier: None,
            statement_id: "s".into(),
            action: "lambda:InvokeFunction".into(),
            principal: "iot.amazonaws.com".into(),
            source_arn: Some(rule.to_string()),
            source_account: Some("123456789012".into()),
        };
        let ok = |permission: &Permission| {
            check(std::slice::from_ref(permission), None, "iot.amazonaws.com", &rule, &scope).is_ok()
        };
        assert!(ok(&allow));
        assert!(!ok(&Permission { principal: "sns.amazonaws.com".into(), ..allow.clone() }));
        assert!(!ok(&Permission { qualifier: Some("live".into()), ..allow.clone() }));
        assert!(!ok(&Permission { action: "lambda:GetFunction".into(), ..allow.clone() }));
        assert!(!ok(&Permission {
            source_arn: Some("arn:aws:iot:us-east-1:123456789012:rule/x".into()),
            ..allow.clone()
        }));
        assert!(!ok(&Permission { source_account: Some("1".into()), ..allow }));
        assert!(check(&[], None, "iot.amazonaws.com", &rule, &scope).unwrap_err().contains("it has none"));
    }
}
