//! `salesforce`: sends the payload to an input stream of Salesforce IoT ("Salesforce IoT" rule action).

use super::outgoing::HttpPost;
use super::{Act, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::SalesforceAction;
use std::fmt;

struct Salesforce {
    url: Template,
    token: String,
}

/// The token is a secret.
impl fmt::Debug for Salesforce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Salesforce").field("url", &self.url).finish_non_exhaustive()
    }
}

pub(super) fn compile(action: &SalesforceAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    // The text is not shown: it is a secret.
    if action.token.contains("${") {
        return Err(compiler.invalid("token", "it takes no substitution template"));
    }
    compiler.verbatim("url", &action.url)?;
    Ok(Box::new(Salesforce { url: compiler.template("url", &action.url)?, token: action.token.clone() }))
}

impl Act for Salesforce {
    fn kind(&self) -> &'static str {
        "SalesforceAction"
    }

    fn resource(&self) -> &Template {
        &self.url
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        if let Value::Raw(_) = render.value {
            return Err(Problem::new("an event is JSON: select `encode(*, 'base64') AS data`"));
        }
        Ok(vec![Outgoing::Http(Box::new(HttpPost {
            url: resource.to_owned(),
            service: Some("salesforce"),
            destination: None,
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("authorization".to_owned(), format!("Bearer {}", self.token)),
            ],
            body: render.bytes(),
            sign_for: None,
            batch: None,
        }))])
    }
}
