//! The composition: every part of the gateway, made once, wired together, stopped together.

use crate::account::{Account, AccountError};
use crate::api::control::data::pace::Paces;
use crate::api::control::{self, Call};
use crate::authorizer::Asker;
use crate::authorizer::renewal::Cut;
use crate::books::{Books, Empty};
use crate::config::{AccountKey, Config};
use crate::gate::PolicyGate;
use crate::listen::{self, ListenError};
use crate::logs::Logs;
use crate::notice::Notices;
use crate::outbound::Outbound;
use crate::provisioning::bulk::Bulk;
use crate::provisioning::{self, Underway};
use crate::roles::Roles;
use crate::rules::state::States;
use crate::rules::watch::Watches;
use crate::rules::{Runner, Services, confirm};
use crate::system::{SystemClock, SystemIds};
use crate::tls::{Authorities, Tls, TlsSetupError};
use drydock_broker::{Broker, Watch};
use drydock_cloud::{Cloud, CloudConfig, CloudError, FunctionKeys, KeySource};
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::{ApiError, Clock, Event, Ids, Scope};
use drydock_identity::sigv4::Credentials;
use drydock_identity::{Authority, AuthorityError, Issued};
use drydock_model::Router;
use drydock_store::{Store, StoreError};
use serde_json::{Value, json};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

mod journal;
mod seal;

/// How long clients may take to hang up when the gateway stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a gateway is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The account and region to play.
    pub scope: Scope,
    /// Where state is kept; `None` keeps it in memory, and the few files there must be in a folder
    /// that goes with the process.
    pub data_dir: Option<PathBuf>,
    /// The address to listen on.
    pub host: IpAddr,
    /// The port of the AWS API; 0 picks a free one.
    pub api_port: u16,
    /// The port of MQTT over mutual TLS; 0 picks a free one.
    pub mqtt_port: u16,
    /// The port that HTTPS and MQTT share; 0 picks a free one.
    pub tls_port: u16,
    /// The port of plain MQTT for tests; `None` leaves it closed.
    pub plain_port: Option<u16>,
    /// Where invokes go instead of to processes of the gateway's own.
    pub lambda_endpoint: Option<http::Uri>,
    /// What `drydock.toml` says.
    pub config: Config,
}

impl Options {
    /// A gateway of an account and region on free ports of loopback that keeps nothing, without the plain port.
    #[must_use]
    pub fn ephemeral(scope: Scope) -> Self {
        Self {
            scope,
            data_dir: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            api_port: 0,
            mqtt_port: 0,
            tls_port: 0,
            plain_port: None,
            lambda_endpoint: None,
            config: Config::default(),
        }
    }
}

/// Why a gateway does not come up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder could not be made.
    #[error("the folder `{path}` cannot be made", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The state cannot be opened.
    #[error("the state cannot be opened")]
    Store(#[from] StoreError),
    /// A port cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The gateway's own certificates cannot be made or read.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// The key that temporary credentials depend on cannot be made or read.
    #[error("the gateway's own key `{path}` cannot be made or read", path = .path.display())]
    Seal {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A stand-in beside IoT does not start.
    #[error("a service beside AWS IoT does not start")]
    Cloud(#[from] CloudError),
    /// The broker's state could not be emptied.
    #[error("the broker's state cannot be emptied")]
    Broker(#[from] drydock_broker::JournalError),
    /// The plain port was asked for on an address that others reach.
    #[error("the plain port has no security at all and opens on a loopback address only, not on {0}")]
    PlainOffLoopback(IpAddr),
}

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

/// A gateway that is up. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    books: Arc<Books>,
    store: Store,
    broker: Broker,
    cloud: Cloud,
    tls: Tls,
    device_authority: Authority,
    credentials: Arc<Credentials>,
    asker: Asker,
    router: Router<Call>,
    roles: Roles,
    notices: Notices,
    watches: Watches,
    underway: Underway,
    bulk: Bulk,
    addresses: Addresses,
    data_dir: Option<PathBuf>,
    logs: Logs,
    outbound: Outbound,
    rule_states: States,
    paces: Paces,
    started: drydock_core::Timestamp,
    config: Config,
}

/// The gateway's tasks; dropping them ends them.
pub struct Running {
    tasks: JoinSet<()>,
    /// The folder of a gateway that keeps nothing; it goes with this.
    temporary: Option<TempDir>,
}

impl Gateway {
    /// Opens the state, the stand-ins and the sockets, and serves.
    ///
    /// # Errors
    /// [`OpenError`], with what to do about it.
    pub async fn open(options: Options) -> Result<(Self, Running), OpenError> {
        Self::open_by(options, Arc::new(SystemClock)).await
    }

    /// The same by another clock than the machine's. Whoever moves that clock calls [`clock_moved`](Self::clock_moved).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_by(options: Options, clock: Arc<dyn Clock>) -> Result<(Self, Running), OpenError> {
        if let (Some(_), false) = (options.plain_port, options.host.is_loopback()) {
            return Err(OpenError::PlainOffLoopback(options.host));
        }
        let ids: Arc<dyn Ids> = Arc::new(SystemIds::new());

        // Sockets first: a port in use is told before anything is written.
        let api = listen::bind(options.host, options.api_port, "--api-port").await?;
        let mqtt = listen::bind(options.host, options.mqtt_port, "--mqtt-port").await?;
        let https = listen::bind(options.host, options.tls_port, "--tls-port").await?;
        let plain = match options.plain_port {
            Some(port) => Some(listen::bind(options.host, port, "--plain-port").await?),
            None => None,
        };
        let addresses = Addresses {
            api: address(&api, "--api-port")?,
            mqtt: address(&mqtt, "--mqtt-port")?,
            tls: address(&https, "--tls-port")?,
            plain: plain.as_ref().map(|p| address(p, "--plain-port")).transpose()?,
        };

        let (files, temporary) = home(options.data_dir.as_deref())?;
        let notices = Notices::default();
        let store = Store::open(options.data_dir.as_deref())?;
        let (events, arriving) = mpsc::unbounded_channel();
        let authorities = Authorities::open(&files, clock.now(), ids.as_ref())?;
        let books = Arc::new(Books::open(
            &store,
            options.scope.clone(),
            Arc::clone(&clock),
            Arc::clone(&ids),
            Empty::new(&options.scope),
            events.clone(),
        )?);
        let tls = Tls::new(&books, authorities.root, options.host, &files)?;
        let key = seal::open(&files, ids.as_ref());
        let key = key.map_err(|source| OpenError::Seal { path: files.join(seal::FILE), source })?;
        let mut credentials = Credentials::new(&key);
        for AccountKey { access_key_id, secret_access_key, session_token } in &options.config.credentials {
            credentials.configure(access_key_id.clone(), secret_access_key.clone(), session_token.clone());
        }
        let credentials = Arc::new(credentials);
        let cloud = Cloud::open(CloudConfig {
            data_dir: options.data_dir.clone(),
            scratch: Some(files.clone()),
            function_keys: function_keys(&credentials, &options.scope, &ids),
            function_env: crate::deploy::function_environment(),
            lambda: drydock_cloud::LambdaConfig { endpoint: options.lambda_endpoint, ..Default::default() },
            observer: crate::watch::cloud_observer(&notices, &clock),
            ..CloudConfig::new(
                options.scope.clone(),
                Arc::clone(&clock),
                Arc::clone(&ids),
                format!("http://{}", addresses.api),
            )
        })?;
        let (provisioning, to_provision) = mpsc::unbounded_channel();
        let (shadows, of_shadows) = mpsc::unbounded_channel();
        let services = Services { provisioning, shadows };
        let watch = Watch::default();
        let logs = Logs::new(Arc::clone(&books), watch.clone(), options.data_dir.as_deref());
        let outbound = Outbound::of_environment(&options.config.endpoints);
        let watches = Watches::default();
        let told = (notices.clone(), watches.clone(), logs.clone());
        let (runner, tap) = Runner::new(Arc::clone(&books), cloud.clone(), outbound.clone(), told, events, services);
        let rule_states = tap.states().clone();
        let asker = Asker::new(Arc::clone(&books), Arc::clone(cloud.lambda()));
        let (cuts, ending) = mpsc::unbounded_channel();
        let gate = PolicyGate::new(Arc::clone(&books), notices.clone(), logs.clone(), asker.clone(), cuts);
        let broker = journal::open_broker(&books, &store, (options.config.limits.clone(), watch), Arc::new(gate), tap)?;

        let inner = Inner {
            started: clock.now(),
            books,
            store,
            broker,
            cloud,
            tls,
            device_authority: authorities.device,
            credentials,
            asker,
            router: control::router(),
            roles: Roles::default(),
            notices,
            watches,
            underway: Underway::default(),
            bulk: Bulk::new(&files),
            addresses,
            logs,
            outbound,
            rule_states,
            paces: Paces::default(),
            data_dir: options.data_dir,
            config: options.config,
        };
        let gateway = Self { inner: Arc::new(inner) };
        let mut running = gateway.serve(runner, arriving, api, mqtt, https, plain);
        running.tasks.spawn(cut(gateway.clone(), ending));
        running.tasks.spawn(provisioning::mqtt::serve(gateway.clone(), to_provision));
        running.tasks.spawn(crate::shadows::serve(gateway.clone(), of_shadows));
        running.tasks.spawn(provisioning::sweep::run(gateway.clone()));
        running.tasks.spawn(provisioning::bulk::run(gateway.clone()));
        Ok((gateway, Running { temporary, ..running }))
    }

    fn serve(
        &self,
        runner: Runner,
        events: mpsc::UnboundedReceiver<Event>,
        api: TcpListener,
        mqtt: TcpListener,
        https: TcpListener,
        plain: Option<TcpListener>,
    ) -> Running {
        let mut tasks = JoinSet::new();
        tasks.spawn(deliver(self.clone(), events));
        runner.start(&mut tasks, self.broker().clone());
        let broker = self.broker().clone();
        tasks.spawn(async move {
            // Those that are to be told listen by now.
            broker.recover();
            broker.maintain().await;
        });
        tasks.spawn(crate::expiry::watch(Arc::clone(self.books())));
        tasks.spawn(listen::accept(self.clone(), api, listen::api));
        tasks.spawn(listen::accept(self.clone(), mqtt, listen::mqtt));
        tasks.spawn(listen::accept(self.clone(), https, listen::https));
        if let Some(plain) = plain {
            tasks.spawn(listen::accept(self.clone(), plain, listen::plain));
        }
        Running { tasks, temporary: None }
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.inner.addresses
    }

    /// What `drydock.toml` says.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The rulebooks.
    #[must_use]
    pub fn books(&self) -> &Arc<Books> {
        &self.inner.books
    }

    /// The broker.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.inner.broker
    }

    /// The stand-ins beside IoT.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.inner.cloud
    }

    /// Who watches rules.
    #[must_use]
    pub fn rule_watches(&self) -> &Watches {
        &self.inner.watches
    }

    /// The TLS configurations.
    #[must_use]
    pub fn tls(&self) -> &Tls {
        &self.inner.tls
    }

    /// The keys that are known, and the issuer of temporary ones.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.inner.credentials
    }

    /// Who asks the functions of custom authorizers.
    #[must_use]
    pub fn asker(&self) -> &Asker {
        &self.inner.asker
    }

    /// The operations of AWS IoT.
    #[must_use]
    pub fn router(&self) -> &Router<Call> {
        &self.inner.router
    }

    /// The IAM roles of the template.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.inner.roles
    }

    /// What is being provisioned.
    #[must_use]
    pub fn underway(&self) -> &Underway {
        &self.inner.underway
    }

    /// Bulk registration.
    #[must_use]
    pub fn bulk(&self) -> &Bulk {
        &self.inner.bulk
    }

    /// Whether anything outlives the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.inner.store.is_durable()
    }

    /// The stream of notices.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.inner.notices
    }

    /// The AWS-style logs.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.inner.logs
    }

    /// What goes to services elsewhere.
    #[must_use]
    pub fn outbound(&self) -> &Outbound {
        &self.inner.outbound
    }

    /// What is counted of each rule.
    #[must_use]
    pub fn rule_states(&self) -> &States {
        &self.inner.rule_states
    }

    /// How often the data plane was asked about each client.
    #[must_use]
    pub fn paces(&self) -> &Paces {
        &self.inner.paces
    }

    /// Makes keys and a certificate for them. Takes tens of milliseconds.
    ///
    /// # Errors
    /// Where the cryptographic library cannot.
    pub fn issue_keys(&self) -> Result<Issued, AuthorityError> {
        self.inner.device_authority.new_keys(self.books().now(), self.books().ids.as_ref())
    }

    /// Makes the certificate that a signing request asks for.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub fn issue_for(&self, request: &str) -> Result<Issued, ApiError> {
        self.inner.device_authority.sign_request(request, self.books().now(), self.books().ids.as_ref())
    }

    /// The file with the root certificate that devices are to trust.
    #[must_use]
    pub fn root_ca(&self) -> PathBuf {
        self.inner.tls.root_path().to_owned()
    }

    /// What the ready file holds: where everything is.
    #[must_use]
    pub fn ready(&self) -> Value {
        let Addresses { api, mqtt, tls, plain } = self.addresses();
        let socket = |address: SocketAddr| json!({ "host": address.ip(), "port": address.port() });
        let mut ready = json!({
            "apiUrl": format!("http://{api}"),
            "mqtt": socket(mqtt),
            "tls": socket(tls),
            "rootCa": self.root_ca(),
            "account": self.books().scope.account,
            "region": self.books().scope.region,
            "pid": std::process::id(),
            "dataDir": self.inner.data_dir,
        });
        if let (Some(plain), Some(object)) = (plain, ready.as_object_mut()) {
            object.insert("plain".to_owned(), socket(plain));
        }
        ready
    }

    /// What `GET /_drydock/health` answers: how it is, and all that the ready file says.
    #[must_use]
    pub fn health(&self) -> Value {
        let mut health = json!({
            "status": "up",
            "version": env!("CARGO_PKG_VERSION"),
            "durable": self.inner.store.is_durable(),
            "uptimeMillis": self.books().now().since(self.inner.started),
            "connections": self.broker().stats().connections,
        });
        if let (Value::Object(health), Value::Object(ready)) = (&mut health, self.ready()) {
            health.extend(ready);
        }
        health
    }

    /// Lets connections and all who wait for a time look at the clock, after it was moved.
    pub fn clock_moved(&self) {
        self.books().clock_moved();
        self.broker().clock_moved();
    }

    /// Empties the state: rulebooks, broker and stand-ins. Connections end; the gateway's own root stays, so that devices need
    /// no new trust, and so do the template's roles, which no operation makes or deletes.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn reset(&self) -> Result<(), OpenError> {
        self.broker().clear().await?;
        self.books().wipe().await?;
        self.logs().refresh();
        self.cloud().reset().await?;
        self.rule_states().keep(|_| false);
        Ok(())
    }

    /// The whole state of the account.
    ///
    /// # Errors
    /// Where the disk cannot be read.
    pub fn export(&self) -> Result<Account, AccountError> {
        Account::of(self.books(), &self.inner.store)
    }

    /// Puts a whole state in the place of the account's, which has to be empty unless `replace`. Connections end: who they
    /// belong to is another matter now.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn import(&self, account: &Account, replace: bool) -> Result<(), AccountError> {
        account.put(self.books(), &self.inner.store, replace).await?;
        self.logs().refresh();
        self.broker().disconnect_where(|_| true, DisconnectReason::ServerInitiatedDisconnect);
        Ok(())
    }

    /// Stops in order: no new connections, goodbye to clients, functions ended, state on disk.
    pub async fn stop(self, mut running: Running) {
        self.broker().shutdown(GOODBYE).await;
        self.cloud().shutdown().await;
        running.tasks.shutdown().await;
        self.logs().close();
        if let Some(temporary) = running.temporary
            && let Err(error) = temporary.close()
        {
            tracing::warn!(%error, "a temporary folder stays");
        }
    }
}

/// Issues each function's process the keys of a role that is called as the function. They never end, as the process may not.
fn function_keys(credentials: &Arc<Credentials>, scope: &Scope, ids: &Arc<dyn Ids>) -> KeySource {
    let (credentials, scope, ids) = (Arc::clone(credentials), scope.clone(), Arc::clone(ids));
    KeySource::new(move |function| {
        let role = format!("arn:{}:iam::{}:role/{function}", scope.partition(), scope.account);
        let issued = credentials.issue(&role, function, None, ids.as_ref());
        FunctionKeys {
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key.reveal().to_owned(),
            session_token: issued.session_token.reveal().to_owned(),
        }
    })
}

/// Brings events to their consumers, in the order they happened.
async fn deliver(gateway: Gateway, mut events: mpsc::UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        crate::watch::event(gateway.notices(), &event);
        gateway.logs().event(&event);
        if let Event::CertificateToProvision { certificate_id, .. } = &event {
            provisioning::jitp::begin(&gateway, certificate_id);
        }
        if let Event::DestinationToConfirm { arn } = &event {
            confirm::begin(&gateway, arn);
        }
        crate::events::deliver(gateway.broker(), gateway.books(), &event);
    }
}

/// Ends connections that their authorizer does not let in any more.
async fn cut(gateway: Gateway, mut cuts: mpsc::UnboundedReceiver<Cut>) {
    while let Some(cut) = cuts.recv().await {
        let is_it = |client: &ClientIdentity| client.client_id == cut.client_id && client.principal == cut.principal;
        gateway.broker().disconnect_where(is_it, DisconnectReason::AuthError);
    }
}

/// Where the gateway's files are. One that keeps nothing still needs files for its keys: they are in a folder that nobody else
/// reads, which goes with the process.
fn home(data_dir: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), OpenError> {
    if let Some(path) = data_dir {
        return Ok((folder(path)?, None));
    }
    let made = tempfile::Builder::new().prefix("drydock-").tempdir();
    let temporary = made.map_err(|source| OpenError::Folder { path: std::env::temp_dir(), source })?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

fn folder(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError::Folder { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(failed)?;
    path.canonicalize().map_err(failed)
}

fn address(listener: &TcpListener, option: &'static str) -> Result<SocketAddr, ListenError> {
    listener.local_addr().map_err(|source| ListenError::Other {
        host: IpAddr::from([127, 0, 0, 1]),
        port: 0,
        option,
        source,
    })
}
