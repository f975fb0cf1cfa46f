//! Brings a template's resources up in a gateway: what `sam deploy` makes on AWS is made here, in the same order, under the
//! same names. What exists already from an earlier start stays, or is changed as an update of the stack would change it.
//!
//! - [`read`]: the template, resolved; nothing is touched yet.
//! - [`Source::build_functions`]: the functions' binaries.
//! - [`Deployment::deploy`]: the resources.

mod cloud;
pub mod functions;
mod iot;
mod provisioning;

use crate::gateway::{BoxError, BringUp, Gateway};
use async_trait::async_trait;
pub use cloud::MakeError;
use cloud::Surroundings;
use drydock_core::Scope;
use drydock_template::binary::{self, BinaryError};
use drydock_template::{Plan, Planned, Resource, Role, Settings, Template, TemplateErrors};
use functions::{BuildError, Order, Progress};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    /// The stack's name; without it the stack is called as the template's folder.
    pub stack_name: Option<String>,
    /// Values for parameters of the template; a name that it does not have is refused.
    pub parameters: Vec<(String, String)>,
    /// Values where nothing else is said; a name that the template does not have is passed over, as `sam deploy` does.
    pub defaults: Vec<(String, String)>,
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

/// A stack is called as its folder is, as far as CloudFormation takes that.
fn stack_name(path: &Path) -> String {
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

    /// Builds the template's functions with a profile of cargo; gives their binaries by logical id.
    ///
    /// # Errors
    /// [`DeployError::Binary`] and [`DeployError::Build`].
    pub async fn build_functions(
        &self,
        profile: &str,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, PathBuf>, DeployError> {
        let mut orders = Vec::new();
        for planned in &self.plan.resources {
            if let Resource::Function(function) = &planned.resource {
                let build = binary::find(function, &self.folder)?;
                orders.push(Order { logical_id: planned.logical_id.clone(), build });
            }
        }
        Ok(functions::build(&orders, profile, progress).await?)
    }
}

/// What came up.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// The plan, with the addresses of this gateway.
    pub plan: Plan,
    /// Whether functions run.
    pub functions: bool,
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
        if !self.plan.ignored.is_empty() {
            let names: Vec<_> = self.plan.ignored.iter().map(|ignored| ignored.logical_id.as_str()).collect();
            lines.push(format!("left to AWS, as the template says: {}", names.join(", ")));
        }
        lines
    }
}

/// A template that was read, with what it needs to be brought up as often as one likes.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The template.
    pub source: Source,
    /// Its functions' binaries, by logical id.
    pub binaries: BTreeMap<String, PathBuf>,
    /// Whether functions run.
    pub functions: bool,
}

impl Deployment {
    /// Makes the template's resources in a gateway, which keeps this for a reset that goes back to them.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy).
    pub(crate) async fn keep_up(self, gateway: &Gateway) -> Result<Deployed, DeployError> {
        let deployed = self.deploy(gateway).await;
        // It is brought up once, by whoever opens the gateway.
        let _ = gateway.deployment.set(Box::new(self));
        deployed
    }

    /// Makes the template's resources in a gateway.
    ///
    /// # Errors
    /// [`DeployError`] of the first resource that cannot be made, with its place in the template.
    pub async fn deploy(&self, gateway: &Gateway) -> Result<Deployed, DeployError> {
        // Resolved once more: only now is the address known that queue URLs hold.
        let queue_url_base = format!("http://{}", gateway.host.endpoints.api);
        let settings = Settings { queue_url_base, ..self.source.settings.clone() };
        let plan = self.source.template.plan(&settings)?;
        let Self { binaries, functions, .. } = self;
        let surroundings = Surroundings { gateway, plan: &plan, binaries, functions: *functions };
        for planned in &plan.resources {
            make(&surroundings, planned).await?;
        }
        Ok(Deployed { plan, functions: *functions })
    }
}

#[async_trait]
impl BringUp for Deployment {
    async fn bring_up(&self, gateway: &Gateway) -> Result<(), BoxError> {
        Ok(self.deploy(gateway).await.map(drop)?)
    }
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
        // Of IAM there is only who may assume a role.
        Resource::Role(role) => {
            let Role { arn, trust, max_session_seconds, .. } = role.clone();
            gateway.host.roles.put(arn, drydock_host::roles::Role { trust, max_session_seconds });
            Ok(())
        }
        // IAM is not evaluated; a resource policy would only narrow what everybody here may do; logs are shown, not kept.
        Resource::IamPolicy(_) | Resource::TopicPolicy(_) | Resource::QueuePolicy(_) | Resource::LogGroup(_) => Ok(()),
        other => surroundings.make(&planned.logical_id, other).await,
    };
    made.map_err(|error| DeployError::Resource {
        place: planned.place.to_string(),
        logical_id: planned.logical_id.clone(),
        type_: planned.type_.clone(),
        error: Box::new(error),
    })
}
