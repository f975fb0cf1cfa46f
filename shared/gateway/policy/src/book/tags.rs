//! The tags of policies. `TagResource` and its like are for resources of every kind; this is their part for policies.

use super::Policies;
use drydock_core::{ApiError, Done};
use drydock_model::iot::Tag;
use std::collections::BTreeMap;

/// The most tags on a resource ("Tagging your AWS IoT resources").
const MAX_TAGS: usize = 50;

impl Policies {
    /// The tags of a policy.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy.
    pub fn tags(&self, policy: &str) -> Result<&BTreeMap<String, String>, ApiError> {
        Ok(&self.entry(policy)?.1.row.tags)
    }

    /// Adds tags to a policy; a tag whose key exists is given the new value.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy, `InvalidRequestException` for too many or reserved tags.
    pub fn tag(&mut self, policy: &str, tags: Vec<Tag>) -> Result<Done<()>, ApiError> {
        let (name, entry) = self.entry(policy)?;
        let (name, tags) = (name.clone(), add(entry.row.tags.clone(), tags)?);
        let entry = self.entry_mut(policy)?;
        entry.row.tags = tags;
        Ok(Done::written((), vec![entry.write(&name)?]))
    }

    /// Removes tags from a policy.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such policy.
    pub fn untag(&mut self, policy: &str, keys: &[String]) -> Result<Done<()>, ApiError> {
        let name = self.entry(policy)?.0.clone();
        let entry = self.entry_mut(policy)?;
        entry.row.tags.retain(|key, _| !keys.contains(key));
        Ok(Done::written((), vec![entry.write(&name)?]))
    }
}

pub(super) fn add(mut all: BTreeMap<String, String>, tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ApiError> {
    for tag in tags {
        if tag.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(ApiError::invalid(format!("tag `{}` starts with `aws:`, which is reserved", tag.key)));
        }
        all.insert(tag.key, tag.value.unwrap_or_default());
    }
    if all.len() > MAX_TAGS {
        return Err(ApiError::invalid(format!("a resource has at most {MAX_TAGS} tags, not {}", all.len())));
    }
    Ok(all)
}
