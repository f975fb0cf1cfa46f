//! Every part of the gateway, made once and wired together. Nothing is accepted yet: that is for whoever opens, once the
//! template's resources are there ([`crate::dock`]).

use crate::config::{AccountKey, Config};
use crate::environment::Environment;
use crate::gateway::{BoxError, Gateway, OpenScope, Parts, Shared};
use crate::http::door::Door;
use crate::http::faults::Faults;
use crate::listen::{self, ListenError, Sockets};
use crate::public::Public;
use crate::running::Running;
use crate::scopes::{self, Admission, Scopes};
use crate::targets::Targets;
use crate::tls::{self, Authorities, Tls, TlsSetupError};
use crate::{journal, private, seal};
use async_trait::async_trait;
use drydock_broker::{Broker, Watch};
use drydock_cloud::cloudwatch::Source;
use drydock_cloud::{Cloud, CloudConfig, CloudError, FunctionKeys, KeySource};
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::{ApiError, Clock as _, Ids, OwnAddresses, Scope};
use drydock_gate::authorizer::AuthorizerClient;
use drydock_gate::authorizer::renewal::{CUTS, Cut};
use drydock_gate::policy_gate::PolicyGate;
use drydock_host::books::{Books, Empty};
use drydock_host::issuing::Issuer;
use drydock_host::logs::Logs;
use drydock_host::notice::Notices;
use drydock_host::presign::Links;
use drydock_host::stream::{Arriving, Stream};
use drydock_host::system::{SystemClock, SystemIds};
use drydock_host::{Host, Told, watch};
use drydock_identity::Authority;
use drydock_identity::sigv4::Credentials;
use drydock_identity::tls::ServerNames;
use drydock_services::audit::service::AuditService;
use drydock_services::certificates::service::CertificatesService;
use drydock_services::commands::service::CommandsService;
use drydock_services::connections::pace::Paces;
use drydock_services::detect::indexed::Known;
use drydock_services::detect::mitigated::Mitigated;
use drydock_services::detect::service::DetectService;
use drydock_services::events;
use drydock_services::indexing::fleet_metrics::FleetMetricsService;
use drydock_services::indexing::service::IndexingService;
use drydock_services::jobs::service::JobsService;
use drydock_services::ota::service::OtaService;
use drydock_services::provisioning::service::ProvisioningService;
use drydock_services::requests::Requests;
use drydock_services::router::router;
use drydock_services::rules::backlog::Backlog;
use drydock_services::rules::externals::CAPABILITIES;
use drydock_services::rules::outbound::Outbound;
use drydock_services::rules::runner::Runner;
use drydock_services::rules::service::RulesService;
use drydock_services::rules::watch::Watches;
use drydock_services::service::{self, Service};
use drydock_services::services::Services;
use drydock_services::shadows::service::ShadowService;
use drydock_store::{Store, StoreError};
use drydock_tasks::Tasks;
use drydock_timers::{Timers, Work};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};
use tempfile::TempDir;
use tokio::sync::{Mutex, mpsc};

/// What a gateway is opened with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
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
    /// By what name others reach it.
    pub public: Public,
    /// What `drydock.toml` says.
    pub config: Config,
    /// The variables that stand for those of the process.
    pub environment: Environment,
}

impl Options {
    /// A gateway of an account and region on free ports of loopback that keeps nothing, without the plain port.
    #[must_use]
    pub(crate) fn ephemeral(scope: Scope) -> Self {
        Self {
            scope,
            data_dir: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            api_port: 0,
            mqtt_port: 0,
            tls_port: 0,
            plain_port: None,
            lambda_endpoint: None,
            public: Public::default(),
            config: Config::default(),
            environment: Environment::default(),
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
    /// What a service derives cannot be brought in step with its books.
    #[error("a service cannot be brought in step with what is on disk")]
    Reconcile(#[source] ApiError),
    /// The plain port was asked for on an address that others reach.
    #[error("the plain port has no security at all and opens on a loopback address only, not on {0}")]
    PlainOffLoopback(IpAddr),
}

/// What an account or region is opened with, besides what all have in common.
struct Opener {
    /// Whose state is in the data folder itself.
    home: Scope,
    time: Timers,
    ids: Arc<dyn Ids>,
    own: OwnAddresses,
    notices: Notices,
    names: Arc<ServerNames>,
    /// Signs the devices of all accounts and regions.
    device: Arc<Authority>,
    environment: Environment,
    lambda_endpoint: Option<http::Uri>,
}

/// Opens the state and the stand-ins and binds the sockets, on a clock.
/// Connections are let in by [`Running::accept`].
///
/// # Errors
/// [`OpenError`], with what to do about it.
pub(crate) async fn open(options: Options, time: Timers) -> Result<Running, OpenError> {
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
    let sockets = Sockets { api, mqtt, https, plain };
    let addresses = sockets.addresses()?;
    let bound = [Some(addresses.api), Some(addresses.mqtt), Some(addresses.tls), addresses.plain];
    let own = OwnAddresses::new(bound.into_iter().flatten());

    let (files, temporary) = home(options.data_dir.as_deref())?;
    let store = Store::open(options.data_dir.as_deref())?;
    let with_state = store.scopes()?;
    let home = scopes::home(&files, &options.scope, &with_state);
    let home = home.map_err(|source| OpenError::Folder { path: files.clone(), source })?;
    let authorities = Authorities::open(&files, time.now(), ids.as_ref())?;
    let names = Arc::new(tls::server_names(
        authorities.root,
        &options.scope,
        options.public.names(options.host),
        time.machine_now(),
        &ids,
    )?);
    let key = seal::open(&files, ids.as_ref());
    let key = key.map_err(|source| OpenError::Seal { path: files.join(seal::FILE), source })?;
    let mut credentials = Credentials::new(&key);
    for AccountKey { access_key_id, secret_access_key, session_token } in &options.config.credentials {
        credentials.configure(access_key_id.clone(), secret_access_key.clone(), session_token.clone());
    }
    let mut allowed = options.config.api.clone();
    allowed.hosts.extend(options.public.host.as_ref().map(|name| name.to_ascii_lowercase()));
    let opener = Arc::new(Opener {
        home,
        time: time.clone(),
        ids,
        own: own.clone(),
        notices: Notices::default(),
        names,
        device: Arc::new(authorities.device),
        environment: options.environment,
        lambda_endpoint: options.lambda_endpoint,
    });
    let shared = Arc::new(Shared {
        router: router(),
        credentials: Arc::new(credentials),
        addresses,
        door: Door::new(allowed, options.host, own),
        faults: Faults::new(options.config.faults.clone()),
        scopes: Arc::new(Scopes::new(options.scope.clone())),
        files,
        public: options.public,
        config: options.config,
        serving: Tasks::new(),
        store,
        data_dir: options.data_dir,
        started: time.machine_now(),
        opener: Box::new(Arc::clone(&opener)),
    });
    let gateway = open_scope(&opener, &shared, &options.scope).await?;
    shared.scopes.put(gateway.clone());
    let running = Running::new(gateway, sockets, temporary);
    // What they have accepted goes on, whether somebody asks for them or not.
    for scope in with_state.iter().filter(|scope| **scope != options.scope) {
        if let Err(error) = running.gateway().in_scope(scope).await {
            tracing::warn!(%error, "an account or region stays closed");
        }
    }
    Ok(running)
}

#[async_trait]
impl OpenScope for Arc<Opener> {
    async fn open(&self, shared: &Arc<Shared>, scope: &Scope) -> Result<Gateway, BoxError> {
        Ok(open_scope(self, shared, scope).await?)
    }
}

/// Opens the state and the stand-ins of an account in a region. Functions and rules begin with [`Gateway::resume`].
///
/// # Errors
/// [`OpenError`], with what to do about it.
async fn open_scope(opener: &Opener, shared: &Arc<Shared>, scope: &Scope) -> Result<Gateway, OpenError> {
    let Shared { credentials, addresses, config, store, public, .. } = shared.as_ref();
    let Opener { home, time, ids, own, notices, names, device, environment, lambda_endpoint } = opener;
    let (time, ids, own, notices) = (time.clone(), Arc::clone(ids), own.clone(), notices.clone());
    let files = folder(&scopes::folder(&shared.files, home, scope))?;
    let data_dir = shared.data_dir.is_some().then(|| files.clone());
    let endpoints = public.endpoints(addresses.api, addresses.tls, scope);
    let (events, arriving) = Stream::new(&time);
    let books = Arc::new(Books::open(
        store,
        scope.clone(),
        time.clone(),
        Arc::clone(&ids),
        Empty::new(scope, CAPABILITIES),
        events.clone(),
    )?);
    // A device that calls no name is of whoever knows its certificate.
    let others = if shared.scopes.own() == scope { Arc::downgrade(&shared.scopes) } else { Weak::new() };
    let admission = Arc::new(Admission { books: Arc::clone(&books), scopes: others });
    let tls = Tls::new(admission, Arc::clone(names))?;
    let cloud = Cloud::open(CloudConfig {
        data_dir: data_dir.clone(),
        scratch: Some(files.clone()),
        own: own.clone(),
        function_keys: function_keys(credentials, scope, &ids),
        function_env: environment.of_functions(),
        lambda: drydock_cloud::LambdaConfig { endpoint: lambda_endpoint.clone(), ..Default::default() },
        issuers: config.issuers.clone(),
        observer: watch::cloud_observer(&notices, &time),
        ..CloudConfig::new(scope.clone(), time.clone(), Arc::clone(&ids), format!("http://{}", endpoints.api))
    })?;
    let tasks = Tasks::new();
    let ruling = Tasks::new();
    let unfinished = Unfinished(Some((cloud.clone(), [tasks.clone(), ruling.clone()])));
    let requests = Requests::default();
    let watching = Watch::default();
    let ingest = cloud.logs().ingest().clone();
    let logs = Logs::new(Arc::clone(&books), watching.clone(), data_dir.as_deref(), ingest);
    let outbound = Outbound::of_environment(&config.endpoints, own, |name| environment.get(name));
    let watches = Watches::default();
    let told = (notices.clone(), watches.clone(), logs.clone());
    let backlog = Backlog::open(store, scope)?;
    let (runner, tap) = Runner::new(
        Arc::clone(&books),
        cloud.clone(),
        outbound.clone(),
        told,
        backlog.clone(),
        events,
        requests.clone(),
        ruling.clone(),
    );
    let rule_states = tap.states().clone();
    let authorizer_client = AuthorizerClient::new(Arc::clone(&books), Arc::clone(cloud.lambda()));
    let (cuts, ending) = mpsc::channel(CUTS);
    let gate = PolicyGate::new(
        Arc::clone(&books),
        notices.clone(),
        logs.clone(),
        authorizer_client.clone(),
        cuts,
        tasks.clone(),
    );
    let limits = (config.limits.clone(), watching);
    let broker = journal::open_broker(&books, (store, &backlog), limits, Arc::new(gate), tap)?;

    let host = Host {
        broker,
        cloud,
        told: Told { notices, logs },
        issuer: Issuer::new(Arc::clone(device), Arc::clone(&books)),
        roles: Arc::default(),
        links: Links::new(
            Arc::clone(&books),
            Arc::clone(credentials),
            endpoints.api.clone(),
            // Signatures are judged by the machine's clock, whatever time it is here.
            Arc::new(SystemClock),
        ),
        endpoints,
        durable: store.is_durable(),
        tasks: tasks.clone(),
        books,
    };
    let jobs = Arc::new(JobsService::new(host.clone()));
    let indexing = Arc::new(IndexingService::new(host.clone()));
    let services = Arc::new(Services {
        authorizer_client,
        paces: Paces::default(),
        provisioning: Arc::new(ProvisioningService::new(host.clone(), &files)),
        audit: Arc::new(AuditService::new(host.clone(), outbound.clone(), Arc::clone(&config.weak_keys))),
        rules: Arc::new(RulesService { host: host.clone(), states: rule_states, watches, outbound, backlog }),
        shadows: Arc::new(ShadowService::new(host.clone())),
        fleet_metrics: Arc::new(FleetMetricsService::new(host.clone(), Arc::clone(&indexing))),
        indexing,
        commands: Arc::new(CommandsService::new(host.clone())),
        detect: Arc::new(DetectService::new(host.clone())),
        ota: Arc::new(OtaService::new(host.clone(), Arc::clone(&jobs))),
        jobs,
        certificates: Arc::new(CertificatesService::new(host.clone())),
        host: host.clone(),
    });
    let counting: Arc<dyn Source> = services.clone();
    host.cloud.cloudwatch().watch(&counting);
    services.indexing.violations_from(Arc::new(Known(Arc::clone(&host.books))));
    services.audit.ask_for_violations(Arc::new(Mitigated(Arc::clone(&host.books))));
    let targets = Targets { services: Arc::downgrade(&services), shared: Arc::downgrade(shared) };
    host.cloud.scheduler().calls(Arc::new(targets));
    let behind = drydock_services::running(&services);
    requests.go_to(&behind);
    runner.start(host.broker.clone());
    // Nobody is served yet: those who connect find it in the order in which it happened, and all of it.
    events::catch_up(&host);
    // Before anything is mended: what that tells is heard.
    tasks.spawn_to_end(deliver(host.clone(), behind.clone(), arriving));
    let outbox = Arc::clone(&host.books.outbox);
    tasks.spawn(async move { outbox.keep_writing().await });
    host.broker.recover();
    for service in &behind {
        Arc::clone(service).reconcile().await.map_err(OpenError::Reconcile)?;
    }
    let gateway = Gateway::new(Parts {
        services,
        tls,
        ruling,
        host: host.clone(),
        deployment: OnceLock::new(),
        resetting: Mutex::default(),
        shared: Arc::clone(shared),
    });
    service::start(&behind, &tasks);
    let broker = host.broker.clone();
    tasks.spawn(async move { broker.maintain().await });
    tasks.spawn(cut(host.broker, ending));
    unfinished.done();
    Ok(gateway)
}

/// Ends the tasks, those of the stand-ins too, where the gateway does not open after all.
struct Unfinished(Option<(Cloud, [Tasks; 2])>);

impl Unfinished {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((cloud, tasks)) = &self.0 {
            tasks.iter().for_each(Tasks::abandon);
            cloud.abandon();
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

/// Brings events to their consumers, in the order they happened; when the gateway stops, those that have happened by then. It
/// never waits for a change to be made: changes wait for it.
async fn deliver(host: Host, services: Vec<Arc<dyn Service>>, mut arriving: Arriving) {
    let stopped = host.tasks.stopped();
    tokio::pin!(stopped);
    loop {
        let event = tokio::select! {
            biased;
            event = arriving.next() => event,
            () = &mut stopped => None,
        };
        let Some(event) = event else { return };
        events::deliver(&host, &services, event);
    }
}

/// Ends connections that their authorizer does not let in any more.
async fn cut(broker: Broker, mut cuts: mpsc::Receiver<(Cut, Option<Work>)>) {
    while let Some((cut, _work)) = cuts.recv().await {
        let is_it = |client: &ClientIdentity| client.client_id == cut.client_id && client.principal == cut.principal;
        broker.disconnect_where(is_it, DisconnectReason::AuthError);
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

/// Makes the root certificate of a data folder where it is not there, and gives its file: for who is to trust it before a gateway
/// is up.
///
/// # Errors
/// [`OpenError`].
pub fn prepare_root(data_dir: &Path) -> Result<PathBuf, OpenError> {
    let files = folder(data_dir)?;
    Authorities::open(&files, SystemClock.now(), &SystemIds::new())?;
    Ok(Authority::root_path(&files))
}

fn folder(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError::Folder { path: path.to_owned(), source };
    private::folder(path).map_err(failed)?;
    path.canonicalize().map_err(failed)
}
