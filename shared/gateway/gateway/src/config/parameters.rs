//! `[parameters]`: values for the template's parameters, as `--parameter` gives them: `TrustedCas = "any"`. What the command line
//! says comes first; a name that the template does not have is refused when the template is read.

use super::fault::{Faults, Known};
use super::settings::Config;
use toml::Spanned;
use toml::de::DeValue;

/// The keys that it knows: those of the template.
pub(super) fn known() -> Vec<Known> {
    vec![Known::new("NameOfAParameter", "\"its value\"", "A line for each.")]
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(table) = value.get_ref().as_table() else {
        let help = "write `[parameters]`, and a line for each parameter below it".to_owned();
        return faults.add(value.span(), "`parameters` is a table".to_owned(), Some(help));
    };
    for (name, value) in table {
        match value.get_ref().as_str() {
            Some(text) => config.parameters.push((name.get_ref().to_string(), text.to_owned())),
            None => {
                let help = format!("write `{} = \"…\"`", name.get_ref());
                faults.add(value.span(), "the value of a parameter is text".to_owned(), Some(help));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("drydock.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn values_by_name_and_what_is_no_text() {
        let config = parse("[parameters]\nTrustedCas = \"any\"\nGraceSeconds = \"5\"").unwrap();
        let expected = [("GraceSeconds", "5"), ("TrustedCas", "any")];
        let mut found = config.parameters;
        found.sort_unstable();
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (wrong, place) in
            [("[parameters]\nGraceSeconds = 5", "drydock.toml:2"), ("parameters = 5", "drydock.toml:1")]
        {
            assert!(parse(wrong).unwrap_err().contains(place), "{wrong}");
        }
    }
}
