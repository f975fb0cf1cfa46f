//! Brings a template's resources up in a gateway: what `sam deploy` makes on AWS is made here, in the same order, under the
//! same names. What exists already from an earlier start stays, or is changed as an update of the stack would change it.
//!
//! - [`read`]: the template, resolved; nothing is touched yet.
//! - [`Source::build_functions`]: the functions' binaries, and what scripts require.
//! - [`Deployment::deploy`]: the resources.

mod assembly;
pub mod check;
mod cloud;
mod fleet;
pub mod functions;
mod iot;
mod progress;
mod provisioning;
pub mod runtimes;

use crate::gateway::{BoxError, BringUp, Gateway};
use async_trait::async_trait;
pub use cloud::MakeError;
use cloud::Surroundings;
use drydock_core::Scope;
use drydock_template::binary::{self, BinaryError};
use drydock_template::{IamPolicy, Plan, Planned, Resource, Role, Secrets, Settings, Template, TemplateErrors};
use functions::{BuildError, Order, Progress};
use runtimes::{Executable, Objects, Runtimes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where queue URLs point until the API's port is known.
const URL_BASE: &str = "http://drydock.invalid";

/// Why a template does not come up.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The template is broken, or asks for what cannot be here.
    #[error(transparent)]
    Template(#[from] TemplateErrors),
    /// A function's package or binary cannot be found.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// A function does not build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A resource is refused.
    #[error("{place}: `{logical_id}` ({type_}) cannot be made: {error}")]
    Resource {
        /// Where the template declares it.
        place: String,
        /// The resource.
        logical_id: String,
        /// Its type.
        type_: String,
        /// What refuses it, and why.
        error: Box<MakeError>,
    },
}

/// What a template is brought up with.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// The stack's name; without it [`stack_name`] says how it is called.
    pub stack_name: Option<String>,
    /// Values for parameters of the template; a name that it does not have is refused.
    pub parameters: Vec<(String, String)>,
    /// Values where nothing else is said; a name that the template does not have is passed over, as `sam deploy` does.
    pub defaults: Vec<(String, String)>,
    /// Whether what is not implemented here is left to AWS.
    pub lenient: bool,
}

/// A template that was read.
#[derive(Debug, Clone)]
pub struct Source {
    template: Template,
    settings: Settings,
    folder: PathBuf,
    plan: Plan,
}

/// Reads and resolves a template.
///
/// # Errors
/// [`DeployError::Template`] with everything that is wrong with it.
pub fn read(path: &Path, scope: &Scope, values: &Values) -> Result<Source, DeployError> {
    // What cannot be read, the template's own reader tells.
    let template = match std::fs::read_to_string(path) {
        Ok(text) if is_blank(&text) => Template::parse(&path.display().to_string(), NOTHING)?,
        Ok(text) => Template::parse(&path.display().to_string(), &text)?,
        Err(_) => Template::from_path(path)?,
    };
    let name = values.stack_name.clone().unwrap_or_else(|| stack_name(path));
    let mut settings = Settings::new(scope.clone(), name, URL_BASE);
    let known: BTreeSet<&str> = template.parameters().collect();
    let defaults = values.defaults.iter().filter(|(name, _)| known.contains(name.as_str()));
    // Of two values for a name the later counts.
    settings.parameters = defaults.chain(&values.parameters).cloned().collect();
    settings.lenient = values.lenient;
    let plan = template.plan(&settings)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    Ok(Source { template, settings, folder, plan })
}

/// A template without resources, which a file without text stands for.
const NOTHING: &str = "Resources: {}";

/// Whether a text has nothing in it but white space and comments, an empty object, or `Resources` without any: a beginning, from
/// which a template grows.
fn is_blank(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    matches!((lines.next(), lines.next()), (None | Some("{}" | "Resources:"), None))
}

/// How the stack of a template is called where nobody says so: as the CDK app calls it that synthesised it, else as its folder
/// is, as far as CloudFormation takes that.
#[must_use]
pub fn stack_name(path: &Path) -> String {
    if let Some(name) = assembly::stack_name(path) {
        return name;
    }
    let folder = path.canonicalize().ok().and_then(|p| p.parent()?.file_name()?.to_str().map(str::to_owned));
    let name: String =
        folder.unwrap_or_default().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name.to_owned() } else { "drydock".to_owned() }
}

impl Source {
    /// What it comes to.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Builds the template's functions as `how` says, and installs what scripts require; gives their executables by logical id.
    /// Functions whose code is in a bucket wait for [`Deployment::deploy`].
    ///
    /// # Errors
    /// [`DeployError::Binary`] and [`DeployError::Build`].
    pub async fn build_functions(&self, how: &Building) -> Result<BTreeMap<String, Executable>, DeployError> {
        self.build(&self.plan, how, None, |_| true).await
    }

    /// The binaries that functions are built as, by logical id, where they are built by cargo.
    fn binary_names(&self, plan: &Plan) -> BTreeMap<String, String> {
        let name = |planned: &Planned| match &planned.resource {
            Resource::Function(function) => match binary::find(function, &self.folder) {
                Ok(binary::FunctionBuild::Cargo { binary, .. }) => Some((planned.logical_id.clone(), binary)),
                _ => None,
            },
            _ => None,
        };
        plan.resources.iter().filter_map(name).collect()
    }

    async fn build(
        &self,
        plan: &Plan,
        how: &Building,
        objects: Option<&dyn Objects>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Executable>, DeployError> {
        let mut orders = Vec::new();
        let mut layers = BTreeMap::new();
        for planned in &plan.resources {
            match &planned.resource {
                Resource::Function(function) if wanted(&planned.logical_id) => {
                    let build = binary::find(function, &self.folder)?;
                    let (logical_id, function) = (planned.logical_id.clone(), (**function).clone());
                    orders.push(Order { logical_id, build, function });
                }
                Resource::Layer(layer) => {
                    layers.insert(layer.arn.as_str(), layer);
                }
                _ => {}
            }
        }
        let runtimes = Runtimes {
            folder: &how.runtimes,
            template_dir: &self.folder,
            layers,
            objects,
            progress: how.progress.as_ref(),
        };
        Ok(functions::build(&orders, &how.profile, &runtimes).await?)
    }
}

/// How functions are made ready to be run.
#[derive(Clone)]
pub struct Building {
    /// The profile of cargo.
    pub profile: String,
    /// Where packages are installed and code is unpacked.
    pub runtimes: PathBuf,
    /// Who is told how it goes on.
    pub progress: Arc<dyn Progress>,
}

/// The largest package of a function, in bytes: "Lambda quotas".
const PACKAGE: u64 = 250 * 1024 * 1024;

/// The objects of the gateway's own S3.
struct Stored<'a>(&'a Gateway);

#[async_trait::async_trait]
impl Objects for Stored<'_> {
    async fn object(&self, bucket: &str, key: &str) -> Option<bytes::Bytes> {
        // What cannot be read is not there for who asks.
        self.0.host.cloud.s3().get(bucket, key, PACKAGE).await.ok().flatten()
    }
}

/// What came up.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// The plan, with the addresses of this gateway.
    pub plan: Plan,
    /// Whether functions run.
    pub functions: bool,
    /// That nobody listens at the Lambda endpoint, with what the system says.
    pub silent: Option<String>,
    /// Where the HTTP APIs are, and what they lack, a line each.
    pub http_apis: Vec<String>,
}

impl Deployed {
    /// The physical id of a resource: what `Ref` gives.
    #[must_use]
    pub fn physical_id(&self, logical_id: &str) -> Option<&str> {
        self.plan.resources.iter().find(|p| p.logical_id == logical_id).map(|p| p.physical_id.as_str())
    }

    /// What to tell a person: how many of each kind there are, and what is left to AWS.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for planned in &self.plan.resources {
            *kinds.entry(planned.type_.as_str()).or_default() += 1;
        }
        let made: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let made = if made.is_empty() { "no resources".to_owned() } else { made.join(", ") };
        let mut lines = vec![format!("stack {}: {made}", self.plan.stack_name)];
        if !self.functions {
            lines.push(
                "the functions are left out (--no-functions): rules that invoke them run their error action".to_owned(),
            );
        }
        lines.extend(self.silent.clone());
        lines.extend(self.http_apis.clone());
        lines.extend(left_to_aws(&self.plan));
        lines
    }
}

/// What is left to AWS, a line for each reason, with the names.
#[must_use]
pub fn left_to_aws(plan: &Plan) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ignored in &plan.ignored {
        let part = ignored.part.as_ref().map(|part| format!(".{part}")).unwrap_or_default();
        let name = format!("{}{part} ({})", ignored.logical_id, ignored.type_);
        reasons.entry(&ignored.why).or_default().push(name);
    }
    reasons.into_iter().map(|(why, names)| format!("left to AWS, {why}: {}", names.join(", "))).collect()
}

/// Where functions run.
#[derive(Clone)]
pub enum Functions {
    /// As processes of the gateway.
    Here(Building),
    /// By a Lambda endpoint.
    Elsewhere(http::Uri),
    /// Nowhere: they are left out.
    Out,
}

/// A template that was read, with what it needs to be brought up as often as one likes.
#[derive(Clone)]
pub struct Deployment {
    source: Source,
    /// The functions' executables, by logical id.
    executables: BTreeMap<String, Executable>,
    functions: Functions,
    /// The secrets that there were: a reset deletes them, and goes back to a template that may name them.
    secrets: Secrets,
}

impl Deployment {
    /// Makes the template's resources in a gateway, which keeps this for a reset that goes back to them.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy).
    pub(crate) async fn keep_up(mut self, gateway: &Gateway) -> Result<Deployed, DeployError> {
        let deployed = self.deploy(gateway).await;
        // It is brought up once, by whoever opens the gateway.
        let _ = gateway.deployment.set(Box::new(self));
        deployed
    }

    /// Builds the template's functions where they run here, but for those whose code is in a bucket.
    ///
    /// # Errors
    /// As [`Source::build_functions`].
    pub async fn prepare(source: Source, functions: Functions) -> Result<Self, DeployError> {
        let executables = match &functions {
            Functions::Here(how) => source.build_functions(how).await?,
            _ => BTreeMap::new(),
        };
        Ok(Self { source, executables, functions, secrets: Secrets::default() })
    }

    /// Makes the template's resources in a gateway. What was in a bucket is built now, and is kept for the next time: a reset
    /// empties the buckets.
    ///
    /// # Errors
    /// [`DeployError`] of the first resource that cannot be made, with its place in the template.
    pub async fn deploy(&mut self, gateway: &Gateway) -> Result<Deployed, DeployError> {
        let Self { source, executables, functions, secrets } = self;
        // Resolved once more: only now is the address known that queue URLs hold.
        let queue_url_base = format!("http://{}", gateway.host.endpoints.api);
        let mut settings = Settings { queue_url_base, ..source.settings.clone() };
        settings.made = fleet::first(gateway, &source.plan).await.map_err(|failed| {
            let (planned, error) = *failed;
            refused(&planned, error)
        })?;
        secrets.0.extend(gateway.host.cloud.secrets().texts());
        settings.secrets = Some(secrets.clone());
        let plan = source.template.plan(&settings)?;
        let (mut known_as, mut silent) = (BTreeMap::new(), None);
        match functions {
            Functions::Here(how) => {
                let late = source.build(&plan, how, Some(&Stored(gateway)), |id| !executables.contains_key(id)).await?;
                executables.extend(late);
            }
            Functions::Elsewhere(endpoint) => {
                known_as = source.binary_names(&plan);
                silent = silence(endpoint).await;
            }
            Functions::Out => {}
        }
        let functions = !matches!(functions, Functions::Out);
        let surroundings = Surroundings { gateway, plan: &plan, executables, known_as: &known_as, functions };
        for planned in &plan.resources {
            make(&surroundings, planned).await?;
        }
        Ok(Deployed { plan, functions, silent, http_apis: http_apis(gateway) })
    }
}

#[async_trait]
impl BringUp for Deployment {
    async fn bring_up(&self, gateway: &Gateway) -> Result<(), BoxError> {
        Ok(self.clone().deploy(gateway).await.map(drop)?)
    }
}

/// Where the HTTP APIs are, and whose tokens cannot be checked.
fn http_apis(gateway: &Gateway) -> Vec<String> {
    let apis = gateway.host.cloud.http_apis();
    let mut lines = Vec::new();
    for api in apis.all() {
        lines.push(format!("HTTP API {}: {}", api.properties.name, gateway.http_api(&api.id)));
        lines.extend(apis.unknown_issuers(&api).into_iter().map(|issuer| {
            format!(
                "whoever has a token of {issuer} is turned away: name its keys (a JWKS, in a file or at a URL of this machine) below \
                 `[issuers]` in drydock.toml"
            )
        }));
    }
    lines
}

/// How long a Lambda endpoint may take to let a connection in.
const KNOCK: std::time::Duration = std::time::Duration::from_secs(2);

/// Says that nobody listens at a Lambda endpoint. It may come later: invokes wait for it as they do for any that fails.
async fn silence(endpoint: &http::Uri) -> Option<String> {
    let host = endpoint.host()?.trim_matches(['[', ']']).to_owned();
    let port = endpoint.port_u16().unwrap_or(80);
    let why = match tokio::time::timeout(KNOCK, tokio::net::TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer".to_owned(),
    };
    Some(format!(
        "nobody listens at the Lambda endpoint {endpoint} ({why}): start `cargo lambda watch` or `sam local start-lambda` there; \
         what is invoked before is tried again"
    ))
}

async fn make(surroundings: &Surroundings<'_>, planned: &Planned) -> Result<(), DeployError> {
    let gateway = surroundings.gateway;
    let made = match &planned.resource {
        Resource::TopicRule(rule) => iot::rule(gateway, rule).await.map_err(MakeError::Iot),
        Resource::Policy(policy) => iot::policy(gateway, policy).await.map_err(MakeError::Iot),
        Resource::Authorizer(authorizer) => iot::authorizer(gateway, authorizer).await.map_err(MakeError::Iot),
        Resource::ProvisioningTemplate(template) => {
            provisioning::template(gateway, template).await.map_err(MakeError::Iot)
        }
        Resource::ThingType(thing_type) => iot::thing_type(gateway, thing_type).await.map_err(MakeError::Iot),
        Resource::RoleAlias(alias) => iot::role_alias(gateway, alias).await.map_err(MakeError::Iot),
        Resource::Role(one) => role(gateway, one.clone()).await,
        Resource::IamPolicy(policy) => iam_policy(gateway, policy).await,
        // IAM is not evaluated; a resource policy would only narrow what everybody here may do.
        Resource::TopicPolicy(_) | Resource::QueuePolicy(_) => Ok(()),
        // The plan's notes say that nothing shows it.
        Resource::Dashboard(_) => Ok(()),
        // Part of the functions that have it.
        Resource::Layer(_) => Ok(()),
        other => match fleet::resource(gateway, other).await {
            Some(made) => made,
            None => surroundings.make(&planned.logical_id, other).await,
        },
    };
    made.map_err(|error| refused(planned, error))
}

/// Makes a role with the policies that it holds itself. Who may assume it is what is looked at; audits alone look at the policies.
async fn role(gateway: &Gateway, planned: Role) -> Result<(), MakeError> {
    let Role { name, arn, trust, max_session_seconds, policies } = planned;
    let seconds = u32::try_from(max_session_seconds).unwrap_or(u32::MAX);
    let assumed = drydock_host::roles::Role { trust: trust.clone(), max_session_seconds };
    gateway.host.roles.put(arn.clone(), assumed);
    let iam = gateway.host.cloud.iam();
    iam.ensure_role(&arn, trust, seconds).await?;
    for (policy, document) in policies {
        iam.ensure_role_policy(&name, &policy, document).await?;
    }
    Ok(())
}

async fn iam_policy(gateway: &Gateway, policy: &IamPolicy) -> Result<(), MakeError> {
    let iam = gateway.host.cloud.iam();
    for role in &policy.roles {
        iam.ensure_role_policy(role, &policy.name, policy.document.clone()).await?;
    }
    Ok(())
}

fn refused(planned: &Planned, error: MakeError) -> DeployError {
    DeployError::Resource {
        place: planned.place.to_string(),
        logical_id: planned.logical_id.clone(),
        type_: planned.type_.clone(),
        error: Box::new(error),
    }
}
