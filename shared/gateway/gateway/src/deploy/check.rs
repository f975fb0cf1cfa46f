//! What would become of a template, told before anything is touched.

use super::{DeployError, Values, read};
use drydock_core::Scope;
use drydock_template::binary::{self, BinaryError};
use drydock_template::{Ignored, Note, Place, Planned, Resource};
use serde::Serialize;
use std::path::Path;

/// What would become of a template.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// What would be made here.
    pub comes_up: Vec<Made>,
    /// What would be left to AWS, and why.
    pub left_to_aws: Vec<Ignored>,
    /// What would be accepted without effect, and why.
    pub without_effect: Vec<Note>,
    /// What is wrong: it would not come up.
    pub wrong: Vec<Wrong>,
}

/// A resource that would be made.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// What `Ref` would give.
    pub physical_id: String,
    /// Where the template declares it.
    pub place: Place,
}

/// Something that is wrong.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wrong {
    /// Where.
    pub place: Option<Place>,
    /// What.
    pub why: String,
    /// What to do.
    pub help: Option<String>,
}

/// Says what would become of a template. `functions` looks at the functions' code, too: whether it is there, and of a kind that runs
/// here. Nothing is built or installed.
#[must_use]
pub fn check(path: &Path, scope: &Scope, values: &Values, functions: bool) -> Checked {
    let mut checked =
        Checked { comes_up: Vec::new(), left_to_aws: Vec::new(), without_effect: Vec::new(), wrong: Vec::new() };
    let source = match read(path, scope, values) {
        Ok(source) => source,
        Err(DeployError::Template(errors)) => {
            checked.wrong.extend(errors.iter().map(|error| Wrong {
                place: Some(error.place().clone()),
                why: error.problem().to_string(),
                help: error.help().map(str::to_owned),
            }));
            return checked;
        }
        Err(other) => {
            checked.wrong.push(Wrong { place: None, why: other.to_string(), help: None });
            return checked;
        }
    };
    for planned in &source.plan.resources {
        if let Resource::Function(function) = &planned.resource
            && functions
            && let Err(error) = binary::find(function, &source.folder)
        {
            checked.wrong.push(Wrong { place: Some(place(planned, &error)), why: error.to_string(), help: None });
            continue;
        }
        checked.comes_up.push(Made {
            logical_id: planned.logical_id.clone(),
            type_: planned.type_.clone(),
            physical_id: planned.physical_id.clone(),
            place: planned.place.clone(),
        });
    }
    checked.left_to_aws = source.plan.ignored;
    checked.without_effect = source.plan.notes;
    checked
}

/// The place of the property that an error is about; the function's where the template does not have it itself.
fn place(planned: &Planned, error: &BinaryError) -> Place {
    let found = error.properties().iter().find_map(|name| planned.properties.get(*name));
    found.unwrap_or(&planned.place).clone()
}
