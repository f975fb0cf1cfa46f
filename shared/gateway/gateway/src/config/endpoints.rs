//! `[endpoints]`: where the services are that rules send to, by their ids: `kinesis = "http://127.0.0.1:4566"`, or
//! `kinesis = "aws"`; `default` for those that have neither a line nor a stand-in.

use super::fault::{Faults, Known, nearest};
use super::settings::Config;
use drydock_services::rules::outbound::endpoints::AWS;
use drydock_services::rules::outbound::services;
use toml::Spanned;
use toml::de::DeValue;

const DEFAULT: &str = "default";

/// The keys that it knows.
pub(super) fn known() -> Vec<Known> {
    let all = services::ALL.iter().map(|known| Known::new(known.id, "\"aws\"", &format!("Where {} is.", known.id)));
    let default =
        Known::new(DEFAULT, "\"http://127.0.0.1:4567\"", "Where those are that have neither a line nor a stand-in.");
    all.chain([default]).collect()
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(table) = value.get_ref().as_table() else {
        let help = "write `[endpoints]`, and a line for each service below it".to_owned();
        return faults.add(value.span(), "`endpoints` is a table".to_owned(), Some(help));
    };
    for (name, value) in table {
        let key = name.get_ref().as_ref();
        let names = services::ALL.iter().map(|known| known.id).chain([DEFAULT]);
        if !names.clone().any(|known| known == key) {
            faults.add(name.span(), format!("there is no service `{key}`"), nearest(key, names));
            continue;
        }
        let url = value.get_ref().as_str().filter(|text| *text == AWS || is_url(text));
        let Some(url) = url else {
            let what = format!("the endpoint `{key}` is a URL, such as \"http://127.0.0.1:4566\", or \"{AWS}\"");
            faults.add(value.span(), what, None);
            continue;
        };
        if key == DEFAULT {
            config.endpoints.default = Some(url.to_owned());
        } else {
            config.endpoints.services.insert(key.to_owned(), url.to_owned());
        }
    }
}

fn is_url(text: &str) -> bool {
    let uri = text.parse::<http::Uri>().ok();
    uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}
