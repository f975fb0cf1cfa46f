//! The tags of an account's resources, of whatever kind: a resource is its ARN here. Whether it exists, its own rulebook knows;
//! the composition asks there first. Source: "Tagging your AWS IoT resources" of the developer guide, and the API reference of
//! `TagResource`, `UntagResource` and `ListTagsForResource`.

use drydock_core::{ApiError, CorruptRow, Done, ErrorCode, Rulebook, Write};
use drydock_model::iot::Tag;
use std::collections::BTreeMap;

const TAGS: &str = "tags";

/// The most tags of a resource.
pub const MOST: usize = 50;
/// The most characters of a key.
const KEY: usize = 128;
/// The most characters of a value.
const VALUE: usize = 256;

type Map = BTreeMap<String, String>;

/// Tags that a request gives, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewTags(Map);

impl NewTags {
    /// Checks the tags that a request gives; one without a value has the empty one.
    ///
    /// # Errors
    /// `InvalidRequestException` for a key that comes twice, begins with `aws:` or has characters that keys may not have, for
    /// a key or a value that is too long, and for more than fifty tags.
    pub fn read(tags: Option<&[Tag]>) -> Result<Self, ApiError> {
        let pairs = tags.unwrap_or_default().iter().map(|tag| (tag.key.clone(), tag.value.clone().unwrap_or_default()));
        Self::new(pairs)
    }

    /// The same from keys and values.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, ApiError> {
        let mut checked = Map::new();
        for (key, value) in pairs {
            check(&key, &value)?;
            if checked.contains_key(&key) {
                return Err(ApiError::invalid(format!("the tag `{key}` is given twice: a key has one value")));
            }
            checked.insert(key, value);
        }
        if checked.len() > MOST {
            return Err(ApiError::invalid(format!("{} tags are too many: {}", checked.len(), at_most())));
        }
        Ok(Self(checked))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    let invalid = |why: &str| Err(ApiError::invalid(format!("the tag `{key:.160}` is not valid: {why}")));
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return invalid("keys that begin with `aws:` are AWS's own");
    }
    if !(1..=KEY).contains(&key.chars().count()) {
        return invalid("a key has 1 to 128 characters");
    }
    if !key.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)) {
        return invalid("a key has letters, digits, spaces and `_.:/=+-@`");
    }
    if value.chars().count() > VALUE {
        return invalid("a value has at most 256 characters");
    }
    Ok(())
}

fn at_most() -> String {
    format!("a resource has at most {MOST}")
}

/// The tags of every resource that has some.
#[derive(Debug, Default)]
pub struct Tags {
    by_arn: BTreeMap<String, Map>,
}

impl Tags {
    /// No tags.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tags of a resource, by key.
    #[must_use]
    pub fn of(&self, arn: &str) -> Vec<Tag> {
        let tags = self.by_arn.get(arn).into_iter().flatten();
        tags.map(|(key, value)| Tag { key: key.clone(), value: Some(value.clone()) }).collect()
    }

    /// Gives tags to a resource; a key that it has gets the new value.
    ///
    /// # Errors
    /// `LimitExceededException` where it would have more than fifty.
    pub fn add(&mut self, arn: &str, tags: NewTags) -> Result<Done<()>, ApiError> {
        let kept = self.by_arn.get(arn);
        let fresh = tags.0.keys().filter(|key| kept.is_none_or(|kept| !kept.contains_key(*key))).count();
        let count = kept.map_or(0, BTreeMap::len) + fresh;
        if count > MOST {
            let message = format!("`{arn}` would have {count} tags: {}", at_most());
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        if tags.is_empty() {
            return Ok(Done::reply(()));
        }
        let kept = self.by_arn.entry(arn.to_owned()).or_default();
        kept.extend(tags.0);
        Ok(Done::written((), vec![row(arn, kept)]))
    }

    /// Takes tags off a resource; keys that it does not have are not an error.
    pub fn remove(&mut self, arn: &str, keys: &[String]) -> Done<()> {
        let Some(kept) = self.by_arn.get_mut(arn) else { return Done::reply(()) };
        let before = kept.len();
        kept.retain(|key, _| !keys.contains(key));
        if kept.is_empty() {
            return self.forget(arn);
        }
        if kept.len() == before { Done::reply(()) } else { Done::written((), vec![row(arn, kept)]) }
    }

    /// Takes all tags off a resource, which is gone.
    pub fn forget(&mut self, arn: &str) -> Done<()> {
        match self.by_arn.remove(arn) {
            Some(_) => Done::written((), vec![Write::delete(TAGS, arn)]),
            None => Done::reply(()),
        }
    }
}

fn row(arn: &str, tags: &Map) -> Write {
    Write::put(TAGS, arn, crate::registry::json(tags))
}

impl Rulebook for Tags {
    const TABLES: &'static [&'static str] = &[TAGS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let tags = serde_json::from_str(value);
        let tags = tags.map_err(|why| CorruptRow { table: table.into(), key: key.into(), why: why.to_string() })?;
        self.by_arn.insert(key.to_owned(), tags);
        Ok(())
    }

    fn clear(&mut self) {
        self.by_arn.clear();
    }
}
