//! `influxDB`: writes the payload, or each element of an array, as a point in line protocol ("InfluxDB" rule action).

mod line;

use super::outgoing::Batch;
use super::{Act, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::{InfluxDBAction, InfluxDBTimestampUnit};
use line::Line;
use std::collections::BTreeMap;

/// How long a batch stays open that has no such limit, in milliseconds: the longest that a rule may ask for.
const OPEN_MS: u64 = 1000;
/// How many points a batch has at the most that has no such limit: the most that a rule may ask for.
const SIZE: usize = 500;
/// How many bytes a batch has at the most that has no such limit: the most that a rule may ask for.
const BYTES: usize = 131_072;

/// Points for an instance of InfluxDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    /// The topic rule destination.
    pub destination: String,
    /// The database; of version 2 the bucket.
    pub database: String,
    /// Who owns the bucket; version 2 needs it.
    pub organization: Option<String>,
    /// The precision of the timestamps: `s`, `ms`, `us` or `ns`.
    pub precision: &'static str,
    /// The points, a line each.
    pub lines: Vec<String>,
    /// How they may share a request with others.
    pub batch: Option<Batch>,
}

#[derive(Debug)]
struct InfluxDb {
    destination: String,
    database: String,
    organization: Option<String>,
    /// The error document names the table as it stands in the rule where it differs by element.
    resource: Template,
    table: Source,
    tags: BTreeMap<String, Source>,
    precision: &'static str,
    batch: Option<Batch>,
}

/// Where a text comes from.
#[derive(Debug)]
enum Source {
    /// The message: `${…}`, or no template. With the keys of the payload that stand in it, which are not fields.
    Message { template: Template, keys: Vec<String> },
    /// An element: what stands before `@{path}`, the path, what stands after it.
    Element { before: String, path: Vec<String>, after: String },
}

pub(super) fn compile(action: &InfluxDBAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    compiler.destination(&action.destination_arn, "influxdb")?;
    compiler.verbatim("databaseName", &action.database_name)?;
    if let Some(organization) = &action.organization {
        compiler.verbatim("organization", organization)?;
    }
    let mut tags = BTreeMap::new();
    for (name, value) in action.tags.iter().flatten() {
        let field = format!("tags.{name}");
        compiler.verbatim(&field, name)?;
        if name.is_empty() || name.starts_with('_') {
            return Err(compiler.invalid(&field, "a tag's name is not empty and does not begin with `_`"));
        }
        tags.insert(name.clone(), Source::compile(&field, value, compiler)?);
    }
    let batch = action.batch_config.as_ref().map(|config| {
        let limit = |given: Option<i32>, otherwise: usize| {
            given.and_then(|value| usize::try_from(value).ok()).unwrap_or(otherwise)
        };
        Batch {
            open_ms: config.max_batch_open_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(OPEN_MS),
            size: limit(config.max_batch_size, SIZE),
            bytes: limit(config.max_batch_size_bytes, BYTES),
            across_topics: config.batch_across_topics.unwrap_or(false),
        }
    });
    if compiler.is_error_action && batch.is_some() {
        return Err(compiler.invalid("batchConfig", "an error action has no batching of its own"));
    }
    let table = Source::compile("tableName", &action.table_name, compiler)?;
    let resource = match &table {
        Source::Message { .. } => compiler.template("tableName", &action.table_name)?,
        Source::Element { .. } => compiler.template("databaseName", &action.database_name)?,
    };
    Ok(Box::new(InfluxDb {
        destination: action.destination_arn.clone(),
        database: action.database_name.clone(),
        organization: action.organization.clone(),
        resource,
        table,
        tags,
        precision: action.timestamp_unit.unwrap_or(InfluxDBTimestampUnit::Ms).as_str(),
        batch,
    }))
}

impl Source {
    fn compile(field: &str, text: &str, compiler: &Compiler<'_>) -> Result<Self, ApiError> {
        let Some((before, rest)) = text.split_once("@{") else {
            let keys = text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(path, _)| path.trim());
            let keys = keys.filter_map(|path| Some(names(path)?.into_iter().next()?.to_owned())).collect();
            return Ok(Self::Message { template: compiler.template(field, text)?, keys });
        };
        if compiler.is_error_action {
            return Err(compiler.invalid(field, "an error action knows no `@{…}`"));
        }
        let Some((path, after)) = rest.split_once('}') else {
            return Err(compiler.invalid(field, "`@{` without its `}`"));
        };
        if after.contains("@{") || text.contains("${") {
            return Err(compiler.invalid(field, "a value has one `@{…}` at the most, and none beside `${…}`"));
        }
        let path = names(path.trim()).ok_or_else(|| {
            compiler.invalid(field, format!("`@{{{path}}}` is not a field: functions are not supported there"))
        })?;
        let path = path.into_iter().map(str::to_owned).collect();
        Ok(Self::Element { before: before.to_owned(), path, after: after.to_owned() })
    }

    fn fill(&self, element: &Value, render: &Render<'_>) -> Result<String, Problem> {
        match self {
            Self::Message { template, .. } => render.fill(template),
            Self::Element { before, path, after } => {
                let value = path.iter().fold(element.clone(), |value, name| value.member(name));
                Ok(format!("{before}{}{after}", value.to_text().unwrap_or_default()))
            }
        }
    }

    /// The keys of the payload that are not fields since they stand here.
    fn keys(&self) -> impl Iterator<Item = &str> {
        let (message, element) = match self {
            Self::Message { keys, .. } => (Some(keys), None),
            Self::Element { path, .. } => (None, path.first()),
        };
        message.into_iter().flatten().chain(element).map(String::as_str)
    }
}

/// The names of a path; nothing where the text is none.
fn names(text: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = text.split('.').collect();
    let name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    names.iter().all(name).then_some(names)
}

impl Act for InfluxDb {
    fn kind(&self) -> &'static str {
        "InfluxDBAction"
    }

    fn resource(&self) -> &Template {
        &self.resource
    }

    fn prepare(&self, _: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let elements = match render.value {
            Value::Array(elements) if !render.is_error_action => elements.as_slice(),
            value => std::slice::from_ref(value),
        };
        let mut reserved: Vec<&str> = vec!["timestamp"];
        reserved.extend(self.table.keys());
        reserved.extend(self.tags.values().flat_map(Source::keys));
        let mut lines = Vec::with_capacity(elements.len());
        for element in elements {
            let mut tags = Vec::with_capacity(self.tags.len());
            for (name, source) in &self.tags {
                tags.push((name.as_str(), source.fill(element, render)?));
            }
            // Only where it carries an error document does the engine give a point its time.
            let now = render.is_error_action.then(|| render.now());
            let table = self.table.fill(element, render)?;
            let line = Line { table: &table, tags: &tags, reserved: &reserved, now, precision: self.precision };
            lines.push(line.write(element).map_err(Problem::Failed)?);
        }
        if lines.is_empty() {
            return Err(Problem::new("the payload is an empty array: there is no point to write"));
        }
        Ok(vec![Outgoing::InfluxDb(Box::new(Points {
            destination: self.destination.clone(),
            database: self.database.clone(),
            organization: self.organization.clone(),
            precision: self.precision,
            lines,
            batch: self.batch,
        }))])
    }
}
