//! `openSearch` and its forerunner `elasticsearch`: index the payload as a document ("OpenSearch" rule action).

use super::outgoing::encoded;
use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::{ElasticsearchAction, OpenSearchAction};

#[derive(Debug)]
struct OpenSearch {
    kind: &'static str,
    endpoint: Template,
    index: Template,
    document_type: Template,
    id: Template,
}

pub(super) fn compile(action: &OpenSearchAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    let OpenSearchAction { endpoint, id, index, role_arn, type_ } = action;
    new("OpenSearchAction", role_arn, [endpoint, index, type_, id], compiler)
}

pub(super) fn compile_old(action: &ElasticsearchAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    let ElasticsearchAction { endpoint, id, index, role_arn, type_ } = action;
    new("ElasticsearchAction", role_arn, [endpoint, index, type_, id], compiler)
}

fn new(
    kind: &'static str,
    role: &str,
    [endpoint, index, document_type, id]: [&str; 4],
    compiler: &Compiler<'_>,
) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(role)?;
    // Where a signed request goes is for the rule to say, not for a message.
    compiler.verbatim("endpoint", endpoint)?;
    Ok(Box::new(OpenSearch {
        kind,
        endpoint: compiler.checked("endpoint", endpoint, address)?,
        index: compiler.filled("index", index)?,
        document_type: compiler.filled("type", document_type)?,
        id: compiler.filled("id", id)?,
    }))
}

fn address(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(()),
        _ => {
            Err(format!("`{text}` is not a URL of a domain, such as `https://search-name.us-east-1.es.amazonaws.com`"))
        }
    }
}

impl Act for OpenSearch {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn resource(&self) -> &Template {
        &self.endpoint
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        address(resource).map_err(Problem::Failed)?;
        let Value::Object(_) = render.value else {
            return Err(Problem::new(format!("a document is an object, the payload is {}", render.value.type_name())));
        };
        let mut path = String::new();
        for (what, part) in [("index", &self.index), ("type", &self.document_type), ("id", &self.id)] {
            let filled = render.fill(part)?;
            if filled.is_empty() {
                return Err(Problem::new(format!("the document's {what} is empty")));
            }
            path.push('/');
            path.push_str(&encoded(&filled));
        }
        let region = render.account.region.clone();
        let mut call =
            AwsCall::rest("es", region, "PUT", path, render.bytes()).with("content-type", "application/json");
        call.endpoint = Some(resource.trim_end_matches('/').to_owned());
        Ok(vec![Outgoing::Aws(call)])
    }
}
