//! The way in: a gateway as a value. A template, or nothing; options; and a [`Dock`] that is up until it is stopped.
//!
//! The library reads no variables of the process, prints nothing and sets no allocator. After [`Dock::stop`] nothing of it is
//! left: no task, no socket, no thread, no lock; the same folder can be opened again at once.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use drydock_gateway::Dock;
//!
//! let dock = Dock::empty().start().await?;
//! let device = dock.device("charger-1").await?;
//! // Point an AWS SDK at `dock.endpoint_url()`, an MQTT client at `dock.mqtt_address()`: it shows `device.certificate_pem` and
//! // `device.private_key_pem`, and trusts `dock.root_ca()`.
//! assert_eq!(device.thing_name, "charger-1");
//! dock.stop().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

pub mod device;

use crate::config::Config;
use crate::deploy::functions::Progress;
use crate::deploy::{self, Building, DeployError, Deployed, Deployment, Functions, Values};
use crate::environment::Environment;
use crate::gateway::Gateway;
use crate::open::{OpenError, Options, open};
use crate::public::Public;
use crate::running::Running;
use device::{Credentials, NotMade};
use drydock_core::{Scope, Timestamp};
use drydock_host::system::SystemClock;
use drydock_timers::Timers;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The account that is played where none is named.
const ACCOUNT: &str = "123456789012";
/// The region.
const REGION: &str = "us-east-1";

/// Why a dock does not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The template, or one of its resources or functions.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The gateway does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// The clock that a dock begins with.
pub struct Clock(Timers);

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn machine() -> Self {
        Self(Timers::new(Arc::new(SystemClock)))
    }

    /// One that stands at a time until it is moved.
    #[must_use]
    pub fn stopped_at(time: Timestamp) -> Self {
        Self(Timers::stopped_at(Arc::new(SystemClock), time))
    }

    /// One that follows another instead of the machine's. Whoever moves that calls [`Timers::look_again`].
    #[must_use]
    pub fn following(clock: Arc<dyn drydock_core::Clock>) -> Self {
        Self(Timers::new(clock))
    }
}

/// A dock that is not up yet.
#[must_use = "a dock is up once it was started"]
pub struct Builder {
    template: Option<PathBuf>,
    values: Values,
    functions: bool,
    functions_profile: String,
    runtimes: Option<PathBuf>,
    progress: Arc<dyn Progress>,
    account: String,
    region: String,
    options: Options,
    clock: Clock,
}

impl Builder {
    fn new(template: Option<PathBuf>) -> Self {
        Self {
            template,
            values: Values::default(),
            functions: true,
            functions_profile: "dev".to_owned(),
            runtimes: None,
            progress: Arc::new(()),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            options: Options::ephemeral(Scope::new(ACCOUNT, REGION)),
            clock: Clock::machine(),
        }
    }

    /// The account to play, twelve digits; `123456789012` where none is named.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// The region to play; `us-east-1` where none is named.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Keeps the state in a folder, which is made where it is missing; in memory where none is named.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.data_dir = Some(folder.into());
        self
    }

    /// The address to listen on; loopback where none is named.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.options.host = host;
        self
    }

    /// By what name others reach it; where nothing is said, by the address that it listens on.
    pub fn public(mut self, public: Public) -> Self {
        self.options.public = public;
        self
    }

    /// The port of the AWS API; 0, as where none is named, picks a free one.
    pub fn api_port(mut self, port: u16) -> Self {
        self.options.api_port = port;
        self
    }

    /// The port of MQTT over mutual TLS; 0, as where none is named, picks a free one.
    pub fn mqtt_port(mut self, port: u16) -> Self {
        self.options.mqtt_port = port;
        self
    }

    /// The port that HTTPS and MQTT share; 0, as where none is named, picks a free one.
    pub fn tls_port(mut self, port: u16) -> Self {
        self.options.tls_port = port;
        self
    }

    /// Opens a port of MQTT without TLS or any check, on loopback only; 0 picks a free one. Closed where none is named.
    pub fn plain_port(mut self, port: u16) -> Self {
        self.options.plain_port = Some(port);
        self
    }

    /// What `drydock.toml` would say. No file is looked for.
    pub fn config(mut self, config: Config) -> Self {
        self.options.config = config;
        self
    }

    /// A value for a parameter of the template, in the place of one that the [`config`](Self::config) has for it.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.parameters.push((name.into(), value.into()));
        self
    }

    /// A value for a parameter where nothing else is said of it; passed over where the template has no such parameter.
    pub fn parameter_default(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.defaults.push((name.into(), value.into()));
        self
    }

    /// The name of the template's stack; where none is named, that of the template's folder.
    pub fn stack_name(mut self, name: impl Into<String>) -> Self {
        self.values.stack_name = Some(name.into());
        self
    }

    /// Whether the template's functions are built and run; they are where nothing is said.
    pub fn functions(mut self, on: bool) -> Self {
        self.functions = on;
        self
    }

    /// Whether what is not implemented here is left to AWS and listed; it is an error where nothing is said. What has a type that
    /// nothing here stands in for is left to AWS in both cases.
    pub fn lenient(mut self, on: bool) -> Self {
        self.values.lenient = on;
        self
    }

    /// The profile of cargo that functions are built with; `dev` where none is named.
    pub fn functions_profile(mut self, profile: impl Into<String>) -> Self {
        self.functions_profile = profile.into();
        self
    }

    /// The folder where what scripts require is installed, and packages are unpacked. Where none is named, `runtimes` in the
    /// [`data_dir`](Self::data_dir); without that, `drydock/runtimes` in `XDG_CACHE_HOME` or `HOME/.cache` of the
    /// [`environment`](Self::environment), else in the system's folder for temporary files.
    pub fn runtimes(mut self, folder: impl Into<PathBuf>) -> Self {
        self.runtimes = Some(folder.into());
        self
    }

    /// Hands invokes to a server that speaks the Lambda API at this `http` URL, instead of building and running the functions.
    pub fn lambda_endpoint(mut self, url: http::Uri) -> Self {
        self.options.lambda_endpoint = Some(url);
        self
    }

    /// Who is told how the build of the functions goes on.
    pub fn progress(mut self, progress: impl Progress + 'static) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// The variables that stand for those of the process: none where nothing is said.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.options.environment = environment;
        self
    }

    /// The clock to go by; the machine's where none is named.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Stands it up, in this order: the template is read, so that a broken one costs nothing; the functions are built; the ports
    /// are bound and the state is opened; the template's resources are made; and then connections are let in. To be called on a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(self) -> Result<Dock, StartError> {
        let scope = Scope::new(self.account, self.region);
        let mut values = self.values;
        // Of two values for a name the later counts.
        values.parameters = [self.options.config.parameters.clone(), values.parameters].concat();
        let source = self.template.map(|path| deploy::read(&path, &scope, &values)).transpose()?;
        let runtimes = self.runtimes.unwrap_or_else(|| runtimes_folder(&self.options));
        let functions = match &self.options.lambda_endpoint {
            _ if !self.functions => Functions::Out,
            Some(endpoint) => Functions::Elsewhere(endpoint.clone()),
            None => Functions::Here(Building { profile: self.functions_profile, runtimes, progress: self.progress }),
        };
        let deployment = match source {
            Some(source) => Some(Deployment::prepare(source, functions).await?),
            None => None,
        };
        let mut running = open(Options { scope, ..self.options }, self.clock.0).await?;
        let deployed = match deployment {
            Some(deployment) => match deployment.keep_up(running.gateway()).await {
                Ok(made) => Some(made),
                Err(error) => {
                    running.stop().await;
                    return Err(error.into());
                }
            },
            None => None,
        };
        // What an earlier run accepted is taken up now that its functions, queues and tables are there.
        running.gateway().resume();
        running.accept();
        Ok(Dock { running, deployed })
    }
}

/// Where scripts' packages are installed where nobody says.
fn runtimes_folder(options: &Options) -> PathBuf {
    if let Some(folder) = &options.data_dir {
        return folder.join("runtimes");
    }
    let given = |name: &str| options.environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = given("XDG_CACHE_HOME").or_else(|| Some(given("HOME")?.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("drydock").join("runtimes")
}

/// A gateway that is up: AWS IoT on this machine. Dropped without [`stop`](Self::stop) it ends as well, though not in order, and a
/// moment later.
pub struct Dock {
    running: Running,
    deployed: Option<Deployed>,
}

impl Dock {
    /// A dock with the resources and functions of a SAM or CloudFormation template.
    pub fn template(path: impl AsRef<Path>) -> Builder {
        Builder::new(Some(path.as_ref().to_owned()))
    }

    /// A dock without any.
    pub fn empty() -> Builder {
        Builder::new(None)
    }

    /// The endpoint of the AWS API, of every service: what `AWS_ENDPOINT_URL` is set to.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.gateway().host.endpoints.api)
    }

    /// Where MQTT over mutual TLS is.
    #[must_use]
    pub fn mqtt_address(&self) -> SocketAddr {
        self.gateway().addresses().mqtt
    }

    /// Where HTTPS, MQTT over mutual TLS and MQTT over WebSocket are.
    #[must_use]
    pub fn tls_address(&self) -> SocketAddr {
        self.gateway().addresses().tls
    }

    /// The file of the root certificate that devices are to trust.
    #[must_use]
    pub fn root_ca(&self) -> PathBuf {
        self.gateway().root_ca()
    }

    /// What the template made, where there was one.
    #[must_use]
    pub fn deployed(&self) -> Option<&Deployed> {
        self.deployed.as_ref()
    }

    /// Its clock, which can be stopped, set, advanced and sped up.
    #[must_use]
    pub fn clock(&self) -> &Timers {
        &self.gateway().host.books.time
    }

    /// Its parts. What they hold is closed when the dock stops, whoever has a clone then.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        self.running.gateway()
    }

    /// Makes a device: a thing, a certificate that is active with its key, and the policy [`device::POLICY`], attached to each
    /// other. It connects with its thing's name as client id, and may use `dt/<thing>/…`, `cmd/<thing>/…` and its own reserved
    /// topics.
    ///
    /// # Errors
    /// [`NotMade`], for example where the thing's name is not valid.
    pub async fn device(&self, thing_name: &str) -> Result<Credentials, NotMade> {
        device::make(self.gateway(), thing_name, None).await.map(|made| made.credentials)
    }

    /// Stops in order, so that nothing is left: no new connections, requests answered, goodbye to clients, rules done with what
    /// came, functions ended, state on disk.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}
