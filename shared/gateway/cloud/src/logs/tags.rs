//! Tags of log groups: by ARN, and by name as it was before.

use super::fault::Fault;
use super::input::{Input, group_of};
use super::service::Logs;
use crate::context::lock;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most tags of a group ("TagResource").
const MAX_TAGS: usize = 50;

/// Tags that may be.
pub(super) fn checked(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Fault> {
    let chars = |text: &str| text.chars().count();
    let wrong = tags.iter().find(|(key, value)| !(1..=128).contains(&chars(key)) || chars(value) > 256);
    match wrong {
        Some((key, _)) => Err(Fault::parameter(format!(
            "the tag `{key:.200}` is not valid: a key has 1 to 128 characters, a value at most 256"
        ))),
        None if tags.keys().any(|key| key.starts_with("aws:")) => {
            Err(Fault::parameter("the keys of tags must not begin with `aws:`"))
        }
        None => Ok(tags),
    }
}

impl Logs {
    /// The group that `resourceArn` or, as it was before, `logGroupName` names.
    fn tagged<'a>(&self, input: &Input<'a>) -> Result<&'a str, Fault> {
        match input.text("resourceArn")? {
            Some(arn) if arn.starts_with("arn:") => group_of(arn, &self.context.config.scope),
            Some(other) => Err(Fault::parameter(format!("`{other:.200}` is not an ARN"))),
            None => input.group_name("logGroupName"),
        }
    }

    pub(super) async fn tag(&self, input: Input<'_>) -> Result<Value, Fault> {
        let name = self.tagged(&input)?;
        let tags = input.map("tags")?.ok_or_else(|| Fault::parameter("`tags` is missing"))?;
        let tags = checked(tags)?;
        self.change_group(name, |group| {
            let mut all = group.row.tags.clone();
            all.extend(tags);
            if all.len() > MAX_TAGS {
                let why = format!("a log group has at most {MAX_TAGS} tags");
                return Err(Fault::new("TooManyTagsException", why));
            }
            group.row.tags = all;
            Ok(())
        })
        .await?;
        Ok(json!({}))
    }

    /// Takes tags away; `keys` is what they are called in the request.
    pub(super) async fn untag(&self, input: Input<'_>, keys: &str) -> Result<Value, Fault> {
        let name = self.tagged(&input)?;
        let gone = input.texts(keys, MAX_TAGS)?.ok_or_else(|| Fault::parameter(format!("`{keys}` is missing")))?;
        self.change_group(name, |group| {
            group.row.tags.retain(|key, _| !gone.contains(&key.as_str()));
            Ok(())
        })
        .await?;
        Ok(json!({}))
    }

    pub(super) fn list_tags(&self, input: Input<'_>) -> Result<Value, Fault> {
        let name = self.tagged(&input)?;
        Ok(json!({ "tags": lock(&self.held).group(name)?.row.tags }))
    }
}
