//! A gateway that is up: its parts, and what is done with all of them.

use crate::account::whole::{self, Whole};
use crate::account::{Account, AccountError};
use crate::config::Config;
use crate::http::door::Door;
use crate::http::faults::Faults;
use crate::public::Public;
use crate::scopes::{self, ScopeError, Scoped, Scopes};
use crate::tls::Tls;
use async_trait::async_trait;
use drydock_cloud::CloudError;
use drydock_core::event::DisconnectReason;
use drydock_core::{Scope, Timestamp};
use drydock_host::Host;
use drydock_host::books::Books;
use drydock_host::notice::{Notice, Tone, Topic};
use drydock_identity::Authority;
use drydock_identity::sigv4::Credentials;
use drydock_model::Router;
use drydock_services::call::Call;
use drydock_services::services::Services;
use drydock_store::{Store, StoreError};
use drydock_tasks::Tasks;
use serde_json::{Value, json};
use std::error::Error;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;

/// Where the gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The AWS API.
    pub api: SocketAddr,
    /// MQTT over mutual TLS.
    pub mqtt: SocketAddr,
    /// HTTPS and MQTT over mutual TLS.
    pub tls: SocketAddr,
    /// Plain MQTT, where it is open.
    pub plain: Option<SocketAddr>,
}

/// A gateway that is up, as one account in one region sees it. Cheap to clone; the clones are one. Others of the same gateway
/// come from its [`scopes`](Shared::scopes).
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

/// The parts that an account in a region has for itself.
pub struct Parts {
    /// What every service stands on.
    pub host: Host,
    /// The services of AWS IoT.
    pub services: Arc<Services>,
    /// The TLS configurations.
    pub tls: Tls,
    /// What rules do for messages.
    pub(crate) ruling: Tasks,
    /// What was brought up, which a reset goes back to.
    pub(crate) deployment: OnceLock<Box<dyn BringUp>>,
    /// One reset at a time.
    pub(crate) resetting: Mutex<()>,
    pub(crate) shared: Arc<Shared>,
}

/// The parts of which there is one, whichever account is asked.
pub struct Shared {
    /// The operations of AWS IoT.
    pub router: Router<Call>,
    /// The keys that are known, and the issuer of temporary ones.
    pub credentials: Arc<Credentials>,
    /// Where it listens.
    pub addresses: Addresses,
    /// By what name others reach it.
    pub public: Public,
    /// What `drydock.toml` says.
    pub config: Config,
    /// What the HTTP listeners let in.
    pub door: Door,
    /// What services of the API do wrong because it was asked for.
    pub faults: Faults,
    /// The accounts and regions that are open.
    pub scopes: Arc<Scopes<Gateway>>,
    /// The folder of the gateway's files, also where it keeps no state.
    pub(crate) files: PathBuf,
    /// The listeners and the connections.
    pub(crate) serving: Tasks,
    pub(crate) store: Store,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) started: Timestamp,
    /// Opens a further account or region.
    pub(crate) opener: Box<dyn OpenScope>,
}

/// An error of what this module does not know.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Opens the state and the stand-ins of an account in a region: of whoever opens a gateway, for whoever asks it for another.
#[async_trait]
pub(crate) trait OpenScope: Send + Sync {
    /// Opens one; functions and rules begin with [`Gateway::resume`].
    async fn open(&self, shared: &Arc<Shared>, scope: &Scope) -> Result<Gateway, BoxError>;
}

/// Makes the resources of a template once more, after a reset.
#[async_trait]
pub(crate) trait BringUp: Send + Sync {
    /// Makes them.
    async fn bring_up(&self, gateway: &Gateway) -> Result<(), BoxError>;
}

impl Deref for Gateway {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Deref for Parts {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// Why the state is not empty.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The rulebooks.
    #[error("the state cannot be emptied")]
    Store(#[from] StoreError),
    /// The stand-ins.
    #[error("the state of a service beside AWS IoT cannot be emptied")]
    Cloud(#[from] CloudError),
    /// The broker.
    #[error("the broker's state cannot be emptied")]
    Broker(#[from] drydock_broker::JournalError),
    /// The state is empty, and the template does not come up again.
    #[error("the state is empty, and the template does not come up again")]
    Deploy(#[source] BoxError),
}

impl Scoped for Gateway {
    fn books(&self) -> &Arc<Books> {
        &self.host.books
    }
}

impl Gateway {
    /// A gateway of these parts.
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The file with the root certificate that devices are to trust.
    #[must_use]
    pub fn root_ca(&self) -> PathBuf {
        Authority::root_path(&self.files)
    }

    /// What the ready file holds: where everything is.
    #[must_use]
    pub fn ready(&self) -> Value {
        let Addresses { mqtt, tls, plain, .. } = self.addresses();
        let socket = |address: SocketAddr| json!({ "host": self.public.host(address.ip()), "port": address.port() });
        let mut ready = json!({
            "apiUrl": format!("http://{}", self.host.endpoints.api),
            "mqtt": socket(mqtt),
            "tls": socket(tls),
            "rootCa": self.root_ca(),
            "account": self.host.books.scope.account,
            "region": self.host.books.scope.region,
            "pid": std::process::id(),
            "dataDir": self.data_dir,
        });
        let apis = self.host.cloud.http_apis().all();
        if let (false, Some(object)) = (apis.is_empty(), ready.as_object_mut()) {
            let urls = apis.iter().map(|api| (api.properties.name.clone(), json!(self.http_api(&api.id))));
            object.insert("httpApis".to_owned(), Value::Object(urls.collect()));
        }
        if let (Some(plain), Some(object)) = (plain, ready.as_object_mut()) {
            object.insert("plain".to_owned(), socket(plain));
        }
        ready
    }

    /// The URL of an HTTP API, without a slash at its end: what follows is what follows the host name on AWS.
    #[must_use]
    pub fn http_api(&self, id: &str) -> String {
        format!("http://{}{}{id}", self.host.endpoints.api, drydock_template::EXECUTE_API)
    }

    /// The account and region that this is.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.host.books.scope
    }

    /// The gateway as an account in a region sees it: its state is opened where it is not open.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub async fn in_scope(&self, scope: &Scope) -> Result<Self, ScopeError> {
        let open = || async {
            let opened = self.opener.open(&self.shared, scope).await?;
            opened.resume();
            let (name, own) = (scopes::named(scope), self.scopes.own());
            opened.host.told.notices.tell(|| Notice {
                at: opened.host.books.now(),
                tone: Tone::Plain,
                topic: Topic::Connection,
                subject: "scope".to_owned(),
                text: format!(
                    "{name} is open, with state of its own: the template's is in account {} in {}",
                    own.account, own.region
                ),
                reasons: Vec::new(),
            });
            Ok::<_, BoxError>(opened)
        };
        Box::pin(self.scopes.get_or_open(scope, open)).await
    }

    /// What `GET /_drydock/health` answers: how it is, and all that the ready file says.
    #[must_use]
    pub fn health(&self) -> Value {
        let mut health = json!({
            "status": "up",
            "version": env!("CARGO_PKG_VERSION"),
            "durable": self.store.is_durable(),
            "uptimeMillis": self.host.books.time.machine_now().since(self.started),
            "connections": self.scopes.all().iter().map(|each| each.host.broker.stats().connections).sum::<u64>(),
            "rootCaPem": std::fs::read_to_string(self.root_ca()).unwrap_or_default(),
            "scopes": self.scopes.names(),
        });
        if let (Value::Object(health), Value::Object(ready)) = (&mut health, self.ready()) {
            health.extend(ready);
        }
        health
    }

    /// Lets connections and all who wait for a time look at the clock, after it was moved.
    pub fn clock_moved(&self) {
        self.host.books.time.look_again();
    }

    /// Lets functions and rules begin, now that the resources are there which they act upon: with what an earlier run had
    /// accepted and not done, too. Until then what is to be done waits.
    pub fn resume(&self) {
        self.host.cloud.resume();
        self.services.rules.backlog.resume();
    }

    /// Empties the state as [`Self::reset`] does, and brings the template up again; whether there was one.
    ///
    /// # Errors
    /// [`ResetError`].
    pub async fn reset_to_template(&self) -> Result<bool, ResetError> {
        let _one = self.resetting.lock().await;
        self.empty().await?;
        match self.deployment.get() {
            Some(deployment) => {
                deployment.bring_up(self).await.map_err(ResetError::Deploy)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Empties the state: rulebooks, broker and stand-ins. Connections end; the gateway's own root stays, so that devices need
    /// no new trust, and so do the template's roles, which no operation makes or deletes.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn reset(&self) -> Result<(), ResetError> {
        let _one = self.resetting.lock().await;
        self.empty().await
    }

    async fn empty(&self) -> Result<(), ResetError> {
        self.host.broker.clear().await?;
        self.services.rules.backlog.clear().await?;
        self.host.books.wipe().await?;
        self.host.told.logs.refresh();
        self.host.cloud.reset().await?;
        self.services.rules.states.keep(|_| false);
        self.services.indexing.forget();
        Ok(())
    }

    /// The whole state of the account.
    ///
    /// # Errors
    /// Where the disk cannot be read.
    pub fn export(&self) -> Result<Account, AccountError> {
        Account::of(&self.host.books, &self.store)
    }

    /// The whole state of all accounts and regions.
    ///
    /// # Errors
    /// Where the disk cannot be read.
    pub fn export_all(&self) -> Result<Whole, AccountError> {
        Whole::of(&self.host.books, &self.scopes.names(), &self.store)
    }

    /// Puts the states of several accounts and regions in the places of theirs, which are opened, and have to be empty unless
    /// `replace`. Others stay as they are. All are looked at before one is changed.
    ///
    /// # Errors
    /// [`AccountError::One`], which says what is taken in already.
    pub async fn import_all(&self, whole: &Whole, replace: bool) -> Result<(), AccountError> {
        let mut into = Vec::new();
        for scope in whole.scopes()? {
            into.push(self.in_scope(&scope).await?);
        }
        let books: Vec<&Books> = into.iter().map(|each| each.host.books.as_ref()).collect();
        whole.check(&books, &self.store, replace)?;
        let mut done = Vec::new();
        for (account, each) in whole.accounts.iter().zip(&into) {
            each.import(account, replace).await.map_err(|source| whole::one(each.scope(), &done, source))?;
            done.push(scopes::named(each.scope()));
        }
        Ok(())
    }

    /// Puts a whole state in the place of the account's, which has to be empty unless `replace`. Connections end: who they
    /// belong to is another matter now.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn import(&self, account: &Account, replace: bool) -> Result<(), AccountError> {
        account.put(&self.host.books, &self.store, replace).await?;
        self.services.rules.backlog.void();
        self.services.jobs.look_again();
        self.services.ota.look_again();
        self.services.commands.look_again();
        self.services.indexing.look_again();
        self.services.fleet_metrics.look_again();
        self.services.detect.look_again();
        self.services.audit.look_again();
        self.host.told.logs.refresh();
        self.host.broker.disconnect_where(|_| true, DisconnectReason::ServerInitiatedDisconnect);
        Ok(())
    }
}
