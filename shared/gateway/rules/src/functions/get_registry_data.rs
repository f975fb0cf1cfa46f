//! `get_registry_data(registryAPI, thingName, roleArn)`.

use super::{Body, Call, Function, required};
use crate::externals::External;
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "get_registry_data",
    since: SqlVersion::V2016,
    summary: "What the registry answers to `DescribeThing` or `ListThingGroupsForThing` for a thing.",
    parameters: &[required("api", "String"), required("thing", "String"), required("roleArn", "String")],
    returns: "Object",
    examples: &[

    ],
    body: Body::External(External::GetRegistryData, arguments),
};

fn arguments(call: &Call<'_>) -> Option<Vec<Value>> {
    let api = call.text(0).filter(|api| api == "DescribeThing" || api == "ListThingGroupsForThing")?;
    Some(vec![Value::String(api), Value::String(call.text(1)?), Value::String(call.text(2)?)])
}
