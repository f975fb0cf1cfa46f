//! Reads SAM and CloudFormation templates into resources: text in, plan out.
//!
//! [`Template::parse`] takes a template apart; [`Template::plan`] resolves it, with the caller's [`Settings`], into a
//! [`Plan`]: every [`Resource`] with its final name, after those it needs, typed and ready to be created. What this
//! gateway cannot create, and what would behave otherwise than on AWS, is an error with its place and what to do; what
//! has no effect here is listed with the reason. Nothing in here knows any particular template.
//!
//! The way through it, a module per step:
//! - `yaml`, `json` → `node`: text to a tree that remembers places; short tags become long forms.
//! - `loops`: repeated parts are written out. `document`: the sections. `parameters`, `globals`, `sam`: their values, shared properties, generated resources.
//! - `resolve`: intrinsic functions, conditions, references; `names`: what resources are called.
//! - `shape` and `kinds`: what each resource type takes and becomes, one file per type, properties as data.
//! - `order`, `plan`: what needs what, and the result.
//! - [`binary`]: where a function's executable comes from. `loose`: resources with what the text alone says of them.
//!
//! Only [`Template::from_path`] and [`binary::find`] read files; nothing writes, spawns or waits.

pub mod binary;
mod document;
mod error;
mod globals;
mod json;
mod kinds;
mod loops;
mod loose;
mod names;
mod node;
mod order;
mod parameters;
mod plan;
mod resolve;
mod sam;
mod settings;
mod shape;
mod source;
mod yaml;

pub use error::{Problem, TemplateError, TemplateErrors};
pub use kinds::{
    Alarm, Attachment, Authorizer, Bucket, BucketNotification, Code, Dashboard, EXECUTE_API, EventInvokeConfig,
    EventSourceMapping, Function, HttpApi, HttpApiPart, IamPolicy, LambdaPermission, Layer, LogGroup, LoggingConfig,
    MetricFilter, Policy, ProvisioningTemplate, Qualifier, Queue, Requested, Resource, ResourcePolicy, Role, RoleAlias,
    Schedule, ScheduleGroup, Secret, Subscription, SubscriptionFilter, Table, ThingType, Topic, TopicRule,
    function_name, supported_types, type_table,
};
pub use loose::Loose;
pub use plan::{Ignored, Note, Output, Plan, Planned};
pub use settings::{Secrets, Settings};
pub use source::{Place, Span};

use document::Document;
use error::{Fault, Problem as P};
use node::Node;
use source::Source;
use std::path::Path;
use std::sync::Arc;

/// CloudFormation's quota on a template's size, in bytes.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const SIZE_LIMIT: usize = 1 << 20;

/// A template, taken apart but not yet resolved.
#[derive(Debug, Clone)]
pub struct Template {
    source: Arc<Source>,
    /// Where there are loops, what stands beside them.
    document: Document,
    /// The whole template, where there are loops.
    looped: Option<Node>,
}

impl Template {
    /// Takes a template apart. `name` is the file's name, for errors; a text that begins with `{` is JSON, any other YAML.
    ///
    /// # Errors
    /// The first thing that is wrong with the text or its sections, with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateErrors> {
        let source = Source::new(name, text);
        let one = |fault: Box<Fault>| TemplateErrors::one(*fault, &source);
        if text.len() > SIZE_LIMIT {
            let why = format!("a template has at most {SIZE_LIMIT} bytes, and this one has {}", text.len());
            return Err(one(Fault::new(Span::default(), P::Limit(why))));
        }
        let is_json = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{');
        let root = if is_json { json::parse(text) } else { yaml::parse(text) }.map_err(one)?;
        let looped = loops::has_loops(&root).then(|| root.clone());
        let document = match &looped {
            Some(root) => Document::read(&loops::without(root)),
            None => Document::read(&root),
        };
        Ok(Self { document: document.map_err(one)?, source, looped })
    }

    /// Reads a template from a file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and where the file cannot be read as UTF-8 text.
    pub fn from_path(path: &Path) -> Result<Self, TemplateErrors> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) => {
                let fault = Fault::new(Span::default(), P::Unreadable(error.to_string()));
                Err(TemplateErrors::one(*fault, &Source::new(&name, "")))
            }
        }
    }

    /// The names of the template's parameters, for help texts.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.document.parameters.keys().map(String::as_str)
    }

    /// The resources with what the text alone says of them, of whatever types: for those who look at a template and do not bring it up.
    /// What loops write out is left out where a loop needs a parameter that has no default.
    #[must_use]
    pub fn loosely(&self) -> Vec<Loose> {
        let expanded = self.looped.as_ref().and_then(|root| {
            let settings = Settings::new(drydock_core::Scope::new("123456789012", "us-east-1"), "stack", "");
            let (parameters, _) = parameters::values(&self.document, &settings).ok()?;
            Document::read(&loops::expand(root, &parameters).ok()?).ok()
        });
        loose::resources(expanded.as_ref().unwrap_or(&self.document), &self.source)
    }

    /// Resolves the template into what is to be created.
    ///
    /// # Errors
    /// Everything that is wrong with the template under these settings, in the order of the text.
    pub fn plan(&self, settings: &Settings) -> Result<Plan, TemplateErrors> {
        let Some(root) = &self.looped else { return plan::plan(&self.document, &self.source, settings) };
        let one = |fault: Box<Fault>| TemplateErrors::one(*fault, &self.source);
        let (parameters, _) = parameters::values(&self.document, settings).map_err(one)?;
        let root = loops::expand(root, &parameters).map_err(one)?;
        let document = Document::read(&root).map_err(one)?;
        plan::plan(&document, &self.source, settings)
    }
}
