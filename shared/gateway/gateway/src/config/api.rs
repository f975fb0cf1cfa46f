//! `[api]`: `hosts`, further names that the HTTP listeners are called by, and `origins`, the pages that may call them.

use super::fault::{Faults, Known, nearest};
use super::settings::Config;
use toml::Spanned;
use toml::de::DeValue;

const HOSTS: &str = "hosts";
const ORIGINS: &str = "origins";

/// The keys that it knows.
pub(super) fn known() -> Vec<Known> {
    vec![
        Known::new(
            HOSTS,
            "[\"drydock\", \"*.dock.test\"]",
            "Further names of this gateway, such as a container's; `*.` stands for all names below.",
        ),
        Known::new(ORIGINS, "[\"http://localhost:5173\"]", "The pages of browsers that may call it."),
    ]
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(table) = value.get_ref().as_table() else {
        let help = "write `[api]`, and `hosts` or `origins` below it".to_owned();
        return faults.add(value.span(), "`api` is a table".to_owned(), Some(help));
    };
    for (name, value) in table {
        let key = name.get_ref().as_ref();
        let (check, into): (Check, _) = match key {
            HOSTS => (host, &mut config.api.hosts),
            ORIGINS => (origin, &mut config.api.origins),
            _ => {
                let advice = nearest(key, [HOSTS, ORIGINS].into_iter());
                faults.add(name.span(), format!("`api` has no `{key}`"), advice);
                continue;
            }
        };
        let Some(texts) = value.get_ref().as_array() else {
            let help = format!("write `{key} = [\"…\"]`");
            faults.add(value.span(), format!("`{key}` is a list of texts"), Some(help));
            continue;
        };
        for text in texts {
            match text.get_ref().as_str().ok_or("it is not a text").and_then(check) {
                Ok(good) => into.push(good),
                Err(why) => faults.add(text.span(), format!("this cannot stand in `{key}`: {why}"), None),
            }
        }
    }
}

type Check = fn(&str) -> Result<String, &'static str>;

/// A name without a port, in small letters.
fn host(text: &str) -> Result<String, &'static str> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || !name.bytes().all(valid) {
        return Err("a host is a name such as `drydock` or `*.dock.test`, without scheme and port");
    }
    Ok(text.to_ascii_lowercase())
}

/// Scheme, host and port, as a browser writes them.
fn origin(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "an origin is scheme, host and port, such as `http://localhost:5173`";
    let uri = text.parse::<http::Uri>().map_err(|_| FORM)?;
    let bare = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/');
    if uri.scheme().is_none() || uri.host().is_none_or(str::is_empty) || text.contains(['@', '*']) || !bare {
        return Err(FORM);
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("drydock.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_origins_are_read() {
        let config = parse("[api]\nhosts = [\"Drydock\", \"*.dock.test\"]\norigins = [\"http://localhost:5173\"]\n");
        let api = config.unwrap().api;
        assert_eq!(api.hosts, ["drydock", "*.dock.test"]);
        assert_eq!(api.origins, ["http://localhost:5173"]);
        for (text, wanted) in [
            ("[api]\nhost = []", "did you mean `hosts`"),
            ("[api]\nhosts = \"a\"", "a list of texts"),
            ("[api]\nhosts = [\"a:80\"]", "without scheme and port"),
            ("[api]\nhosts = [\"*\"]", "without scheme and port"),
            ("[api]\norigins = [\"*\"]", "scheme, host and port"),
            ("[api]\norigins = [\"http://a/\"]", "scheme, host and port"),
            ("[api]\norigins = [\"null\"]", "scheme, host and port"),
            ("[api]\norigins = [1]", "not a text"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text}:\n{error}");
        }
    }
}
