//! A function's settings, read from its environment. A variable that is empty counts as not set: a template's empty
//! parameter leaves a setting out.

use serde::de::DeserializeOwned;

/// A setting that is missing or makes no sense. The function does not start with it.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// Required and not set.
    #[error("the environment variable `{0}` is not set")]
    Missing(&'static str),
    /// Set to something that cannot be read.
    #[error("the environment variable `{name}` is `{value}`: {why}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The variable's value, if it is set.
#[must_use]
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The variable's value.
///
/// # Errors
/// [`BadSetting::Missing`] if it is not set.
pub fn required(name: &'static str) -> Result<String, BadSetting> {
    optional(name).ok_or(BadSetting::Missing(name))
}

/// The variable's value as a number or the like, or the default.
///
/// # Errors
/// [`BadSetting::Invalid`] if it cannot be read.
pub fn parsed<T>(name: &'static str, default: T) -> Result<T, BadSetting>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let Some(value) = optional(name) else { return Ok(default) };
    value.trim().parse().map_err(|why: T::Err| BadSetting::Invalid { name, why: why.to_string(), value })
}

/// The variable's value as JSON, or the default.
///
/// # Errors
/// [`BadSetting::Invalid`] if it cannot be read.
pub fn json<T: DeserializeOwned + Default>(name: &'static str) -> Result<T, BadSetting> {
    let Some(value) = optional(name) else { return Ok(T::default()) };
    serde_json::from_str(&value).map_err(|why| BadSetting::Invalid { name, why: why.to_string(), value })
}

/// The variable's values, separated by commas.
#[must_use]
pub fn list(name: &'static str) -> Vec<String> {
    split(&optional(name).unwrap_or_default()).map(str::to_owned).collect()
}

/// The variable's values as names and what they stand for: `charger=Charger,switch=Switch`.
///
/// # Errors
/// [`BadSetting::Invalid`] if an entry has no `=`.
pub fn pairs(name: &'static str) -> Result<Vec<(String, String)>, BadSetting> {
    let value = optional(name).unwrap_or_default();
    split(&value)
        .map(|entry| match entry.split_once('=') {
            Some((from, to)) => Ok((from.trim().to_owned(), to.trim().to_owned())),
            None => {
                let why = format!("`{entry}` is not a pair: write name=value,name=value");
                Err(BadSetting::Invalid { name, value: value.clone(), why })
            }
        })
        .collect()
}

fn split(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}
