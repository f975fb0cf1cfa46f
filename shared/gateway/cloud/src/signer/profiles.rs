//! Signing profiles: "PutSigningProfile", "GetSigningProfile", "ListSigningProfiles", "CancelSigningProfile".

use super::page::page;
use super::platform::platform;
use super::refusal::{Refused, failed, invalid, missing};
use super::rows::{CERTNAME, ProfileRow};
use super::state::{PROFILES, Signer, row};
use crate::context::lock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most profiles of an account.
const MOST: usize = 1000;

fn is_name(name: &str) -> bool {
    (2..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The texts of an object.
fn texts(input: &Map<String, Value>, name: &str) -> Result<BTreeMap<String, String>, Refused> {
    match input.get(name) {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(value) => {
            serde_json::from_value(value.clone()).map_err(|_| invalid(format!("`{name}` is not a map of texts")))
        }
    }
}

impl Signer {
    fn profile_arn(&self, name: &str) -> String {
        self.context.config.scope.arn("signer", &format!("/signing-profiles/{name}")).into()
    }

    fn shown_profile(&self, name: &str, row: &ProfileRow) -> Result<Map<String, Value>, Refused> {
        let arn = self.profile_arn(name);
        let shown = json!({
            "profileName": name, "profileVersion": row.version, "profileVersionArn": format!("{arn}/{}", row.version),
            "signingMaterial": { "certificateArn": row.certificate_arn }, "platformId": row.platform,
            "platformDisplayName": platform(&row.platform)?.display, "signingParameters": row.parameters,
            "status": row.status(), "arn": arn, "tags": row.tags,
        });
        Ok(shown.as_object().cloned().unwrap_or_default())
    }

    /// The profile of a name, where it can be signed with.
    pub(super) fn active_profile(&self, name: &str) -> Result<ProfileRow, Refused> {
        let held = lock(&self.held);
        let row =
            held.profiles.get(name).ok_or_else(|| missing(format!("there is no signing profile `{name:.64}`")))?;
        if row.canceled { Err(invalid(format!("the signing profile `{name}` is canceled"))) } else { Ok(row.clone()) }
    }

    pub(super) async fn put_profile(&self, name: &str, input: &Map<String, Value>) -> Result<Value, Refused> {
        if !is_name(name) {
            return Err(invalid(format!(
                "`{name:.80}` is not a name of a signing profile: 2 to 64 letters, digits and _"
            )));
        }
        for (member, why) in [
            ("overrides", "what a platform has cannot be overridden"),
            ("signatureValidityPeriod", "signatures for devices do not expire"),
        ] {
            if input.get(member).is_some_and(|value| !value.is_null()) {
                return Err(invalid(format!("`{member}` is not implemented by this gateway: {why}")));
            }
        }
        let id = input.get("platformId").and_then(Value::as_str).ok_or_else(|| invalid("`platformId` is missing"))?;
        platform(id)?;
        let arn =
            input.get("signingMaterial").and_then(|material| material.get("certificateArn")).and_then(Value::as_str);
        let arn = arn.filter(|arn| drydock_core::Arn::parse(arn).is_some_and(|arn| arn.service() == "acm"));
        let arn = arn.ok_or_else(|| invalid("`signingMaterial` needs the ARN of a certificate of ACM"))?;
        let (parameters, tags) = (texts(input, "signingParameters")?, texts(input, "tags")?);
        let profile = ProfileRow {
            version: self.context.uuid().chars().filter(char::is_ascii_alphanumeric).take(10).collect(),
            platform: id.to_owned(),
            certificate_arn: arn.to_owned(),
            parameters,
            tags,
            created: self.context.now(),
            canceled: false,
        };
        let written = {
            let mut held = lock(&self.held);
            if held.profiles.len() >= MOST && !held.profiles.contains_key(name) {
                return Err(("ServiceLimitExceededException", format!("an account has at most {MOST} profiles")));
            }
            held.profiles.insert(name.to_owned(), profile.clone());
            self.context.journal.begin(vec![row(PROFILES, name, &profile)])
        };
        written.await.map_err(failed)?;
        let arn = self.profile_arn(name);
        let version_arn = format!("{arn}/{}", profile.version);
        Ok(json!({ "arn": arn, "profileVersion": profile.version, "profileVersionArn": version_arn }))
    }

    /// Makes a profile where there is none of its name.
    ///
    /// # Errors
    /// An error's name and its text.
    pub async fn ensure_profile(
        &self,
        name: &str,
        platform: Option<&str>,
        certificate_arn: Option<&str>,
        certificate_path: Option<&str>,
    ) -> Result<(), (&'static str, String)> {
        if lock(&self.held).profiles.get(name).is_some_and(|row| !row.canceled) {
            return Ok(());
        }
        let parameters: BTreeMap<&str, &str> = certificate_path.into_iter().map(|path| (CERTNAME, path)).collect();
        let asked = json!({
            "platformId": platform, "signingMaterial": { "certificateArn": certificate_arn },
            "signingParameters": parameters,
        });
        self.put_profile(name, &asked.as_object().cloned().unwrap_or_default()).await.map(|_| ())
    }

    pub(super) fn get_profile(&self, name: &str) -> Result<Value, Refused> {
        let held = lock(&self.held);
        let row =
            held.profiles.get(name).ok_or_else(|| missing(format!("there is no signing profile `{name:.64}`")))?;
        Ok(self.shown_profile(name, row)?.into())
    }

    pub(super) async fn cancel_profile(&self, name: &str) -> Result<Value, Refused> {
        let written = {
            let mut held = lock(&self.held);
            let found = held.profiles.get_mut(name);
            let profile = found.ok_or_else(|| missing(format!("there is no signing profile `{name:.64}`")))?;
            profile.canceled = true;
            self.context.journal.begin(vec![row(PROFILES, name, profile)])
        };
        written.await.map_err(failed)?;
        Ok(json!({}))
    }

    pub(super) fn list_profiles(&self, query: &[(String, String)]) -> Result<Value, Refused> {
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let statuses: Vec<&str> =
            query.iter().filter(|(key, _)| key == "statuses").map(|(_, value)| value.as_str()).collect();
        let canceled = value("includeCanceled") == Some("true");
        let held = lock(&self.held);
        let listed = held.profiles.iter().filter(|(_, row)| {
            let by_status =
                if statuses.is_empty() { canceled || !row.canceled } else { statuses.contains(&row.status()) };
            by_status && value("platformId").is_none_or(|id| id == row.platform)
        });
        let all: Result<Vec<_>, Refused> =
            listed.map(|(name, row)| Ok((name.clone(), self.shown_profile(name, row)?.into()))).collect();
        page("profiles", all?, value("nextToken"), value("maxResults"))
    }
}
