//! `[faults]`: what services of the API do wrong, see [`crate::http::faults`].

use super::fault::{Faults, Known, nearest};
use super::settings::Config;
use crate::http::faults::{Fault, services};
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

const KEYS: [&str; 5] = ["delay_ms", "fail", "lose", "per_second", "throttle"];
const SEED: &str = "seed";

/// The keys that it knows.
pub(super) fn known() -> Vec<Known> {
    let all = "{ delay_ms = 0, fail = 0.0, lose = 0.0, throttle = 0.0 }";
    let seed = Known::new(SEED, 0, "What happens is the same each time for a seed.");
    let about = "`throttle`, `fail` and `lose` are shares of its requests from 0 to 1, `delay_ms` milliseconds that each waits, \
                 `per_second` how many are let through.";
    let services = services().map(|service| Known::new(service, all, about));
    std::iter::once(seed).chain(services).collect()
}

pub(super) fn read(config: &mut Config, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
    let Some(table) = value.get_ref().as_table() else {
        let help = "write `[faults]`, and a line for each service below it".to_owned();
        return faults.add(value.span(), "`faults` is a table".to_owned(), Some(help));
    };
    for (name, value) in table {
        let key = name.get_ref().as_ref();
        if key == SEED {
            match whole(value.get_ref()) {
                Some(seed) => config.faults.seed = seed,
                None => faults.add(value.span(), "the seed is a whole number".to_owned(), None),
            }
            continue;
        }
        let (service, operation) = key.split_once('.').map_or((key, None), |(service, rest)| (service, Some(rest)));
        let is_known =
            services().any(|known| known == service) && operation.is_none_or(|operation| !operation.is_empty());
        if !is_known {
            let what = format!("`{key}` is not a service of this gateway, nor an operation such as `iot.CreateThing`");
            faults.add(name.span(), what, nearest(service, services().chain([SEED])));
            continue;
        }
        if let Some(fault) = fault(value, faults) {
            config.faults.by_name.insert(key.to_owned(), fault);
        }
    }
}

fn fault(value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Fault> {
    let Some(table) = value.get_ref().as_table() else {
        let help = "write `{ throttle = 0.1, fail = 0.1, lose = 0.1, delay_ms = 50, per_second = 10 }`".to_owned();
        faults.add(value.span(), "the faults of a service are a table".to_owned(), Some(help));
        return None;
    };
    let mut fault = Fault::default();
    for (name, value) in table {
        let found = value.get_ref();
        let fits = match name.get_ref().as_ref() {
            "delay_ms" => {
                whole(found).filter(|ms| *ms <= 60_000).map(|ms| fault.delay = Duration::from_millis(ms)).is_some()
            }
            "per_second" => {
                let rate = whole(found).and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0);
                rate.map(|rate| fault.per_second = Some(rate)).is_some()
            }
            "fail" => share(found).map(|share| fault.fail = share).is_some(),
            "lose" => share(found).map(|share| fault.lose = share).is_some(),
            "throttle" => share(found).map(|share| fault.throttle = share).is_some(),
            other => {
                faults.add(name.span(), format!("there is no fault `{other}`"), nearest(other, KEYS.into_iter()));
                continue;
            }
        };
        if !fits {
            let what = format!("`{}` is not as it has to be", name.get_ref());
            let help = "shares are from 0 to 1, `delay_ms` is at most 60000, `per_second` at least 1".to_owned();
            faults.add(value.span(), what, Some(help));
        }
    }
    if fault.throttle + fault.fail + fault.lose > 1.0 {
        faults.add(value.span(), "the shares come to more than 1".to_owned(), None);
    }
    Some(fault)
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    value.as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
}

fn share(value: &DeValue<'_>) -> Option<f64> {
    let number = value.as_float().and_then(|number| number.as_str().parse::<f64>().ok());
    let number = number.or_else(|| whole(value).and_then(|number| u32::try_from(number).ok()).map(f64::from))?;
    (0.0..=1.0).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("drydock.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn faults_by_service_and_by_operation() {
        let config = parse(
            "[faults]\nseed = 7\ndynamodb = { throttle = 0.25, fail = 1e-1, delay_ms = 50 }\n\
             \"iot.DescribeCertificate\" = { per_second = 10, lose = 0 }",
        )
        .unwrap();
        assert_eq!(config.faults.seed, 7);
        let (dynamodb, iot) = (&config.faults.by_name["dynamodb"], &config.faults.by_name["iot.DescribeCertificate"]);
        assert_eq!((dynamodb.throttle, dynamodb.fail, dynamodb.delay), (0.25, 0.1, Duration::from_millis(50)));
        assert_eq!((iot.per_second, iot.lose), (Some(10), 0.0));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        for (wrong, said) in [
            ("dynamo = { fail = 1 }", "did you mean"),
            ("dynamodb = { fails = 1 }", "did you mean"),
            ("dynamodb = { fail = 1.5 }", "from 0 to 1"),
            ("dynamodb = { fail = 0.6, lose = 0.6 }", "more than 1"),
            ("dynamodb = 1", "are a table"),
            ("s3 = { fail = 1 }", "not a service"),
            ("iot = { per_second = 0 }", "at least 1"),
            ("seed = \"x\"", "whole number"),
        ] {
            let error = parse(&format!("[faults]\n{wrong}")).unwrap_err();
            assert!(error.contains("drydock.toml:2") && error.contains(said), "{wrong}: {error}");
        }
    }
}
