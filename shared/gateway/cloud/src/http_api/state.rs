//! The APIs that there are. The template makes them at each start.

use super::definition::{ApiProperties, Authorizer, Integration, Part, Route, Stage};
use super::issuers::is_known;
use super::keys::Keys;
use super::throttle::Throttle;
use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::lambda::Lambda;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// How many signatures are checked at a time.
const CHECKED_AT_ONCE: usize = 4;

/// An HTTP API, with what it consists of by id; stages by name.
#[derive(Debug, Clone, Default)]
pub struct Api {
    /// Its id.
    pub id: String,
    /// What it says itself.
    pub properties: ApiProperties,
    pub(super) routes: BTreeMap<String, Route>,
    pub(super) integrations: BTreeMap<String, Integration>,
    pub(super) stages: BTreeMap<String, Stage>,
    pub(super) authorizers: BTreeMap<String, Authorizer>,
}

/// The HTTP APIs of the account and region.
pub struct HttpApis {
    pub(crate) context: Arc<Context>,
    pub(super) lambda: Arc<Lambda>,
    apis: Mutex<BTreeMap<String, Arc<Api>>>,
    pub(super) throttle: Throttle,
    pub(super) keys: Keys,
    /// Places on the threads where signatures are checked.
    pub(super) checking: Arc<Semaphore>,
}

impl HttpApis {
    pub(crate) fn new(context: Arc<Context>, lambda: Arc<Lambda>) -> Self {
        Self {
            context,
            lambda,
            apis: Mutex::default(),
            throttle: Throttle::default(),
            keys: Keys::default(),
            checking: Arc::new(Semaphore::new(CHECKED_AT_ONCE)),
        }
    }

    /// Makes a part of an API, or changes it; `id` is the name of a stage.
    ///
    /// # Errors
    /// [`CloudError::Resource`] with what API Gateway would refuse.
    pub fn ensure(&self, api: &str, part: Part, id: &str, properties: &Value) -> Result<(), CloudError> {
        let refused = |why: String| CloudError::resource("HTTP API", api, why);
        let mut apis = lock(&self.apis);
        if part == Part::Api {
            let held = Arc::make_mut(apis.entry(api.to_owned()).or_default());
            api.clone_into(&mut held.id);
            held.properties = read(properties).map_err(refused)?;
            return Ok(());
        }
        let held = apis.get_mut(api).ok_or_else(|| refused("there is no API of this id".to_owned()))?;
        let held = Arc::make_mut(held);
        match part {
            Part::Api => {}
            Part::Route => {
                let route: Route = read(properties).map_err(refused)?;
                check_key(&route.route_key).map_err(refused)?;
                let twice = |(known, other): (&String, &Route)| known != id && other.route_key == route.route_key;
                if held.routes.iter().any(twice) {
                    return Err(refused(format!("Route with key {} already exists for this API", route.route_key)));
                }
                held.routes.insert(id.to_owned(), route);
            }
            Part::Integration => drop(held.integrations.insert(id.to_owned(), read(properties).map_err(refused)?)),
            Part::Stage => drop(held.stages.insert(id.to_owned(), read(properties).map_err(refused)?)),
            Part::Authorizer => drop(held.authorizers.insert(id.to_owned(), read(properties).map_err(refused)?)),
        }
        Ok(())
    }

    /// The API of an id.
    pub fn find(&self, id: &str) -> Option<Arc<Api>> {
        lock(&self.apis).get(id).cloned()
    }

    /// All APIs, by id.
    pub fn all(&self) -> Vec<Arc<Api>> {
        lock(&self.apis).values().cloned().collect()
    }

    /// The issuers of an API's tokens of which it is not known where their keys are.
    pub fn unknown_issuers(&self, api: &Api) -> Vec<String> {
        let issuers = api.authorizers.values().filter_map(|one| Some(&one.jwt_configuration.as_ref()?.issuer));
        issuers.filter(|issuer| !is_known(&self.context.config.issuers, issuer)).cloned().collect()
    }

    pub(super) async fn clear(&self) {
        lock(&self.apis).clear();
        self.throttle.clear();
        self.keys.clear().await;
    }
}

fn read<T: DeserializeOwned>(properties: &Value) -> Result<T, String> {
    T::deserialize(properties).map_err(|error| error.to_string())
}

/// That a route's key is `$default`, or a method and a path whose greedy label, if it has one, is its last.
fn check_key(key: &str) -> Result<(), String> {
    const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    if key == "$default" {
        return Ok(());
    }
    let (method, path) = key.split_once(' ').unwrap_or(("", key));
    let greedy = path.find("+}").is_none_or(|at| at + 2 == path.len());
    match METHODS.contains(&method) && path.starts_with('/') && greedy {
        true => Ok(()),
        false => Err(format!("`{key}` is not a route's key, such as `GET /items/{{id}}` or `$default`")),
    }
}
