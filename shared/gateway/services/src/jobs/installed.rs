//! What jobs tell of what they have installed: in the reserved named shadow `$package` of the thing.

use super::fleet::{Registered, tells};
use super::runner::Runner;
use crate::shadows::mqtt::tell_update;
use drydock_core::{ApiError, Timestamp};
use drydock_jobs::{Context, Fleet, Install, Installed};
use drydock_shadow::{Address, Shadows};
use serde_json::{Map, Value, json};

/// The shadow that tells which package versions a thing has.
const SHADOW: &str = "$package";
/// How much is looked for at a time.
const AT_ONCE: usize = 500;

impl Runner {
    /// Tells what jobs have installed, where the catalog is configured so. That it is told is kept with the shadow: a kill loses
    /// nothing, and nothing is told twice.
    pub(super) async fn tell_installed(&self) -> Result<(), ApiError> {
        loop {
            let some = self.host.books.jobs.read(|jobs| jobs.installed(AT_ONCE));
            if some.is_empty() {
                return Ok(());
            }
            for of in some {
                self.tell_one(&of).await?;
            }
        }
    }

    async fn tell_one(&self, of: &Installed) -> Result<(), ApiError> {
        let books = &self.host.books;
        let address = Address::new(of.thing.as_str(), Some(SHADOW))?;
        let touched = (&books.registry, &books.shadows, &books.packages, &books.jobs);
        let change = books.change(touched, |(registry, shadows, packages, jobs)| {
            let (now, fleet) = (books.now(), Registered(registry));
            let config = packages.get_configuration().version_update_by_jobs_config.unwrap_or_default();
            let wanted = config.enabled == Some(true) && fleet.thing_id(of.thing.as_str()).is_some();
            let updated = wanted.then(|| {
                let request = update(shadows, &address, &of.installs, now).to_string();
                shadows.apply(|book| book.update(&address, request.as_bytes(), now))
            });
            let context = Context { now, fleet: &fleet, links: &self.host.links, tells: tells(registry) };
            jobs.run(|book| book.told_installed(of, &context));
            Ok::<_, ApiError>(updated)
        });
        match change.await? {
            None => {}
            Some(Ok(updated)) => tell_update(&self.host, &address, updated),
            Some(Err(error)) => {
                let (job, thing) = (&of.job, &of.thing);
                tracing::warn!(%job, %thing, %error, "what a job has installed could not be told in the shadow $package");
            }
        }
        Ok(())
    }
}

/// The update of the shadow: each package has its version and its attributes, and none of the version before.
fn update(shadows: &Shadows, address: &Address, installs: &[Install], now: Timestamp) -> Value {
    let shadow = shadows.get(address, now).unwrap_or_default();
    let before = shadow.pointer("/state/reported");
    let reported = installs.iter().map(|Install { package, version, attributes }| {
        let Some(version) = version else { return (package.to_string(), Value::Null) };
        let old = before.and_then(|of| of.get(package.as_str())?.get("attributes")?.as_object()).into_iter().flatten();
        let mut all: Map<String, Value> = old.map(|(key, _)| (key.clone(), Value::Null)).collect();
        all.extend(attributes.iter().map(|(key, value)| (key.clone(), json!(value))));
        let mut entry = json!({ "version": version });
        if let (false, Some(members)) = (all.is_empty(), entry.as_object_mut()) {
            members.insert("attributes".to_owned(), all.into());
        }
        (package.to_string(), entry)
    });
    let reported: Map<String, Value> = reported.collect();
    json!({ "state": { "reported": reported } })
}
