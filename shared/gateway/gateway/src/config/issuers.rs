//! `[issuers]`: where the keys of those are who issue tokens for HTTP APIs: `"https://login.example.com" = "keys/jwks.json"`. An issuer
//! that is on this machine itself needs no line.

use super::fault::{Faults, Known};
use super::settings::Config;
use drydock_cloud::http_api::issuers::Source;
use toml::Spanned;
use toml::de::DeValue;

/// The keys that it knows: issuers.
pub(super) fn known() -> Vec<Known> {
    vec![Known::new("\"https://login.example.com\"", "\"jwks.json\"", "A line for each, by the `iss` of its tokens.")]
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(table) = value.get_ref().as_table() else {
        let help = "write `[issuers]`, and a line for each issuer below it".to_owned();
        return faults.add(value.span(), "`issuers` is a table".to_owned(), Some(help));
    };
    for (name, value) in table {
        let source = value.get_ref().as_str().ok_or_else(|| "the keys of an issuer are a text".to_owned());
        match source.and_then(Source::read) {
            Ok(source) => drop(config.issuers.insert(name.get_ref().to_string(), source)),
            Err(why) => faults.add(value.span(), why, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn files_urls_and_what_is_neither() {
        let parse = |text: &str| Config::parse(text, Path::new("drydock.toml")).map_err(|error| error.to_string());
        let config = parse("[issuers]\n\"https://a\" = \"a.json\"\nb = \"http://127.0.0.1:9/jwks\"").unwrap();
        assert_eq!(config.issuers["https://a"], Source::File("a.json".into()));
        assert!(matches!(config.issuers["b"], Source::Url(_)));
        for wrong in ["[issuers]\na = \"https://issuer.example/jwks\"", "[issuers]\na = 5"] {
            assert!(parse(wrong).unwrap_err().contains("drydock.toml:2"), "{wrong}");
        }
    }
}
