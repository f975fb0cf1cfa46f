//! `[[credentials]]`: the keys that requests have to be signed with, a table each. Where there is one, no other key is accepted,
//! but for those that the gateway issues itself.

use super::fault::{Faults, Known, nearest};
use super::settings::{AccountKey, Config};
use drydock_identity::sigv4::Secret;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const ACCESS_KEY_ID: &str = "access_key_id";
const SECRET_ACCESS_KEY: &str = "secret_access_key";
const SESSION_TOKEN: &str = "session_token";
const KEYS: [&str; 3] = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN];

/// The keys that it knows.
pub(super) fn known() -> Vec<Known> {
    vec![
        Known::new(ACCESS_KEY_ID, "\"AKIALOCAL\"", "The access key id."),
        Known::new(SECRET_ACCESS_KEY, "\"choose one\"", "Its secret."),
        Known::new(
            SESSION_TOKEN,
            "\"only of temporary keys\"",
            "The session token that its requests have to carry, where it is temporary.",
        ),
    ]
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(tables) = value.get_ref().as_array() else {
        let help = "write `[[credentials]]`, with both pairs of brackets, above each key".to_owned();
        return faults.add(value.span(), "`credentials` is a list of tables".to_owned(), Some(help));
    };
    for value in tables {
        let Some(table) = value.get_ref().as_table() else {
            faults.add(value.span(), "a key of `credentials` is a table".to_owned(), None);
            continue;
        };
        for (name, _) in table {
            let key = name.get_ref().as_ref();
            if !KEYS.contains(&key) {
                faults.add(name.span(), format!("`credentials` have no `{key}`"), nearest(key, KEYS.into_iter()));
            }
        }
        // Whatever is wrong with a secret is told at the table: the secret's own line is not to be shown.
        let mut need = |key| {
            text(table, key).or_else(|| {
                faults.add(value.span(), format!("these `credentials` need `{key}`, a text that is not empty"), None);
                None
            })
        };
        let (id, secret) = (need(ACCESS_KEY_ID), need(SECRET_ACCESS_KEY));
        let token = if table.contains_key(SESSION_TOKEN) { need(SESSION_TOKEN) } else { None };
        let (Some(id), Some(secret)) = (id, secret) else { continue };
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let what = format!("the access key id `{id}` has other characters than letters, digits and `_`");
            faults.add(value.span(), what, None);
        }
        if config.credentials.iter().any(|known| known.access_key_id == id) {
            faults.add(value.span(), format!("the access key id `{id}` is there twice"), None);
        }
        config.credentials.push(AccountKey {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: token.map(Secret::new),
        });
    }
}

fn text<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t str> {
    table.get(key).and_then(|value| value.get_ref().as_str()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("drydock.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_read() {
        let one = "[[credentials]]\naccess_key_id = \"AKIA1\"\nsecret_access_key = \"first\"\n";
        let two = "[[credentials]]\naccess_key_id = \"ASIA2\"\nsecret_access_key = \"second\"\nsession_token = \"t\"\n";
        let config = parse(&format!("{one}{two}")).unwrap();
        let found: Vec<_> = config
            .credentials
            .iter()
            .map(|key| (key.access_key_id.as_str(), key.secret_access_key.reveal(), key.session_token.is_some()))
            .collect();
        assert_eq!(found, [("AKIA1", "first", false), ("ASIA2", "second", true)]);
        assert!(!format!("{config:?}").contains("first"));
        assert!(parse(&format!("{one}{one}")).unwrap_err().contains("is there twice"));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        for (text, wanted) in [
            ("[credentials]\nsecret_access_key = \"hidden\"", "list of tables"),
            ("[[credentials]]\nsecret_access_key = \"hidden\"", "need `access_key_id`"),
            ("[[credentials]]\naccess_key_id = \"A\"", "need `secret_access_key`"),
            (
                "[[credentials]]\naccess_key_id = \"A\"\nsecret_access_key = \"hidden\"\nsession_token = 5",
                "`session_token`",
            ),
            ("[[credentials]]\naccess_key = \"A\"\nsecret_access_key = \"hidden\"", "did you mean `access_key_id`"),
            ("[[credentials]]\naccess_key_id = \"A-1\"\nsecret_access_key = \"hidden\"", "other characters"),
            ("[[credentials]]\nsecret_access_key = \"hidden\" x", "drydock.toml:2"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text}:\n{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
