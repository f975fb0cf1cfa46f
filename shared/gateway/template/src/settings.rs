//! What a template does not say itself: where it is brought up, and with which parameters.

use drydock_core::Scope;
use std::collections::BTreeMap;
use std::fmt;

/// What the caller decides about a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `AWS::AccountId`, `AWS::Region`, and the ARNs in the plan.
    pub scope: Scope,
    /// `AWS::StackName`, also the first part of every generated name.
    pub stack_name: String,
    /// What queue URLs begin with, for example `http://127.0.0.1:4566`: a queue is `<base>/<account>/<name>`.
    pub queue_url_base: String,
    /// Values for the template's parameters, before their defaults. An unknown name is an error.
    pub parameters: BTreeMap<String, String>,
    /// What other stacks export, for `Fn::ImportValue`.
    pub imports: BTreeMap<String, String>,
    /// `AWS::NotificationARNs`.
    pub notification_arns: Vec<String>,
    /// Whether what is not implemented here is left to AWS and listed, instead of being an error.
    pub lenient: bool,
    /// What was made before the rest, as its name is known only then: the name by the logical id.
    pub made: BTreeMap<String, String>,
    /// What `{{resolve:secretsmanager:…}}` may name; `None` where that is not known yet: such a reference stays in the plan then.
    pub secrets: Option<Secrets>,
}

/// The texts of secrets, by their names and ARNs.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets(pub BTreeMap<String, String>);

/// Shows no secret.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Settings {
    /// Settings with no parameters and no imports.
    pub fn new(scope: Scope, stack_name: impl Into<String>, queue_url_base: impl Into<String>) -> Self {
        Self {
            scope,
            stack_name: stack_name.into(),
            queue_url_base: queue_url_base.into(),
            parameters: BTreeMap::new(),
            imports: BTreeMap::new(),
            notification_arns: Vec::new(),
            lenient: false,
            made: BTreeMap::new(),
            secrets: None,
        }
    }

    /// `AWS::StackId`: the same for the same scope and stack name.
    #[must_use]
    pub fn stack_id(&self) -> String {
        let unique = crate::names::uuid(&[&self.scope.account, &self.scope.region, &self.stack_name]);
        self.scope.arn("cloudformation", &format!("stack/{}/{unique}", self.stack_name)).as_str().to_owned()
    }

    /// `AWS::URLSuffix`.
    #[must_use]
    pub fn url_suffix(&self) -> &'static str {
        if self.scope.partition() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}
