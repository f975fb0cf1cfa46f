//! `[audit]`: what Device Defender's audits are told that no book has: `debian_weak_keys = ["blacklist.RSA-2048"]`, files in the form of
//! Debian's package `openssl-blacklist`, which lists the keys that OpenSSL could make there (CVE-2008-0166).

use super::fault::{Faults, Known, nearest};
use super::settings::Config;
use drydock_audit::keys::Blocklist;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeValue;

const WEAK_KEYS: &str = "debian_weak_keys";

/// The key that it knows.
pub(super) fn known() -> Vec<Known> {
    let about = "Files of Debian's package openssl-blacklist, by which audits find keys of CVE-2008-0166.";
    vec![Known::new(WEAK_KEYS, "[]", about)]
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(table) = value.get_ref().as_table() else {
        let help = format!("write `[audit]`, and `{WEAK_KEYS} = [\"…\"]` below it");
        return faults.add(value.span(), "`audit` is a table".to_owned(), Some(help));
    };
    let mut known = Blocklist::default();
    for (name, value) in table {
        if name.get_ref() != WEAK_KEYS {
            let help = nearest(name.get_ref(), [WEAK_KEYS].into_iter());
            faults.add(name.span(), format!("`audit` has no `{}`", name.get_ref()), help);
            continue;
        }
        let Some(files) = value.get_ref().as_array() else {
            faults.add(value.span(), format!("`{WEAK_KEYS}` is a list of files"), None);
            continue;
        };
        for file in files {
            let path = file.get_ref().as_str().ok_or_else(|| "the name of a file is a text".to_owned());
            match path.and_then(list) {
                Ok(list) => known.add(list),
                Err(why) => faults.add(file.span(), why, None),
            }
        }
    }
    config.weak_keys = Arc::new(known);
}

/// The keys that a file lists.
fn list(path: &str) -> Result<Blocklist, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    let wrong = |line| format!("`{path}`, line {line}: a key is listed by 20 hexadecimal digits");
    Blocklist::parse(&text).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn lists_are_read_together_and_what_is_none_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let parse = |text: &str| Config::parse(text, Path::new("drydock.toml")).map_err(|error| error.to_string());
        let (one, two) = (file("one", "# 1024\n0123456789abcdef0123\n"), file("two", "ABCDEF0123456789ABCD\n"));
        let config = parse(&format!("[audit]\ndebian_weak_keys = [{one:?}, {two:?}]")).unwrap();
        let all = Blocklist::parse("0123456789abcdef0123\nabcdef0123456789abcd").unwrap();
        assert_eq!(*config.weak_keys, all);
        let bad = file("bad", "0123456789abcdef0123\nno digits\n");
        let cases = [
            (format!("[audit]\ndebian_weak_keys = [{bad:?}]"), "line 2"),
            ("[audit]\ndebian_weak_keys = [\"/no/such\"]".to_owned(), "cannot be read"),
            ("[audit]\ndebian_weak_keys = 5".to_owned(), "a list of files"),
            ("[audit]\ndebian_keys = []".to_owned(), "has no `debian_keys`"),
        ];
        for (text, why) in cases {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(why) && error.contains("drydock.toml:2"), "{error}");
        }
    }
}
