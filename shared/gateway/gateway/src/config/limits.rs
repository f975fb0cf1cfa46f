//! `[limits]`: a key per row of [`Limits::TABLE`]. `drydock limits` prints them.

use super::fault::{Faults, Known, nearest};
use super::settings::Config;
use drydock_broker::{Limits, SetLimitError};
use toml::Spanned;
use toml::de::DeValue;

/// The keys that it knows.
pub(super) fn known() -> Vec<Known> {
    let known = |limit: &drydock_broker::Limit| {
        Known::new(limit.name, limit.default, &format!("{} {} to {}.", limit.about, limit.least, limit.most))
    };
    Limits::TABLE.iter().map(known).collect()
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(table) = value.get_ref().as_table() else {
        let what = format!("`limits` is a table, not {}", article(value.get_ref()));
        return faults.add(value.span(), what, Some("write `[limits]`, and a line for each limit below it".to_owned()));
    };
    for (name, value) in table {
        let key = name.get_ref().as_ref();
        let Some(number) = value.get_ref().as_integer() else {
            let what = format!("the limit `{key}` is a whole number, not {}", article(value.get_ref()));
            faults.add(value.span(), what, None);
            continue;
        };
        // What does not fit is out of range, whatever the range is.
        let value_of = |number: &toml::de::DeInteger<'_>| u64::from_str_radix(number.as_str(), number.radix());
        match config.limits.set(key, value_of(number).unwrap_or(u64::MAX)) {
            Ok(()) => {}
            Err(SetLimitError::Unknown) => {
                let advice = nearest(key, Limits::TABLE.iter().map(|limit| limit.name))
                    .unwrap_or_else(|| "`drydock limits` prints all of them".to_owned());
                faults.add(name.span(), format!("there is no limit `{key}`"), Some(advice));
            }
            Err(error @ SetLimitError::OutOfRange { .. }) => {
                let about = Limits::TABLE.iter().find(|limit| limit.name == key).map(|limit| limit.about.to_owned());
                faults.add(value.span(), format!("the limit `{key}` is {number}, and {error}"), about);
            }
        }
    }
    let Limits { keep_alive_min_seconds: least, keep_alive_max_seconds: most, .. } = config.limits;
    if least > most {
        let what = format!("`keep_alive_min_seconds` is {least}, and `keep_alive_max_seconds` only {most}");
        faults.add(value.span(), what, None);
    }
}

/// What a value is, with its article.
fn article(value: &DeValue<'_>) -> String {
    let kind = value.type_str();
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
