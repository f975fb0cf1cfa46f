//! `iotSiteWise`: writes values of asset properties ("AWS IoT SiteWise" rule action). Every parameter but the role may have
//! templates.

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::{AssetPropertyValue, AssetPropertyVariant, IotSiteWiseAction, PutAssetPropertyValueEntry};
use serde_json::{Map, Value as Json, json};

/// The most entries of a call (`BatchPutAssetPropertyValue`).
const MAX_ENTRIES: usize = 10;

#[derive(Debug)]
struct IotSiteWise {
    /// The error document names the first property.
    first: Template,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: Option<Template>,
    property: Property,
    values: Vec<Value>,
}

#[derive(Debug)]
enum Property {
    Alias(Template),
    Ids { asset: Template, property: Template },
}

#[derive(Debug)]
struct Value {
    kind: Kind,
    value: Template,
    seconds: Template,
    nanos: Option<Template>,
    quality: Option<Template>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    String,
    Integer,
    Double,
    Boolean,
}

pub(super) fn compile(action: &IotSiteWiseAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let given = &action.put_asset_property_value_entries;
    let place = |index: usize| format!("putAssetPropertyValueEntries[{index}]");
    let entries = given.iter().enumerate().map(|(index, entry)| compile_entry(entry, &place(index), compiler));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let name = |entry: &PutAssetPropertyValueEntry| entry.property_alias.clone().or_else(|| entry.property_id.clone());
    let first = given.first().and_then(name).unwrap_or_default();
    Ok(Box::new(IotSiteWise { first: compiler.template(&place(0), &first)?, entries }))
}

fn compile_entry(entry: &PutAssetPropertyValueEntry, at: &str, compiler: &Compiler<'_>) -> Result<Entry, ApiError> {
    let property = match (&entry.property_alias, &entry.asset_id, &entry.property_id) {
        (Some(alias), None, None) => Property::Alias(compiler.filled(&format!("{at}.propertyAlias"), alias)?),
        (None, Some(asset), Some(property)) => Property::Ids {
            asset: compiler.filled(&format!("{at}.assetId"), asset)?,
            property: compiler.filled(&format!("{at}.propertyId"), property)?,
        },
        _ => {
            let what = "a property is named by its `propertyAlias`, or by `assetId` and `propertyId`";
            return Err(compiler.invalid(at, what));
        }
    };
    let values = entry.property_values.iter().enumerate();
    let values = values.map(|(index, value)| compile_value(value, &format!("{at}.propertyValues[{index}]"), compiler));
    let id = compiler.optional(&format!("{at}.entryId"), entry.entry_id.as_ref())?;
    Ok(Entry { id, property, values: values.collect::<Result<_, _>>()? })
}

fn compile_value(value: &AssetPropertyValue, at: &str, compiler: &Compiler<'_>) -> Result<Value, ApiError> {
    let AssetPropertyVariant { boolean_value, double_value, integer_value, string_value } = &value.value;
    let given = [
        (Kind::Boolean, "booleanValue", boolean_value),
        (Kind::Double, "doubleValue", double_value),
        (Kind::Integer, "integerValue", integer_value),
        (Kind::String, "stringValue", string_value),
    ];
    let given: Vec<_> = given.iter().filter_map(|(kind, name, text)| Some((*kind, *name, text.as_ref()?))).collect();
    let [(kind, name, text)] = given.as_slice() else {
        let what = format!("a value is of exactly one type, this one is of {}", given.len());
        return Err(compiler.invalid(&format!("{at}.value"), what));
    };
    let (kind, whole) = (*kind, |text: &str| number(text).map(|_| ()));
    let quality = match &value.quality {
        Some(text) => Some(compiler.checked(&format!("{at}.quality"), text, quality)?),
        None => None,
    };
    let nanos = match &value.timestamp.offset_in_nanos {
        Some(text) => Some(compiler.checked(&format!("{at}.timestamp.offsetInNanos"), text, whole)?),
        None => None,
    };
    Ok(Value {
        kind,
        value: compiler.checked(&format!("{at}.value.{name}"), text, |text| typed(kind, text).map(|_| ()))?,
        seconds: compiler.checked(&format!("{at}.timestamp.timeInSeconds"), &value.timestamp.time_in_seconds, whole)?,
        nanos,
        quality,
    })
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number"))
}

fn quality(text: &str) -> Result<(), String> {
    match text {
        "GOOD" | "BAD" | "UNCERTAIN" => Ok(()),
        _ => Err(format!("the quality `{text}` is none of GOOD, BAD and UNCERTAIN")),
    }
}

/// A text as a value of a type, under the service's name for it.
fn typed(kind: Kind, text: &str) -> Result<Json, String> {
    let wrong = |what: &str| format!("`{text}` is not {what}");
    Ok(match kind {
        Kind::String => json!({ "stringValue": text }),
        Kind::Integer => {
            let value: i32 = text.parse().map_err(|_| wrong("an integer of 32 bits"))?;
            json!({ "integerValue": value })
        }
        Kind::Double => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => json!({ "doubleValue": value }),
            _ => return Err(wrong("a number")),
        },
        Kind::Boolean => match text {
            "true" => json!({ "booleanValue": true }),
            "false" => json!({ "booleanValue": false }),
            _ => return Err(wrong("a boolean")),
        },
    })
}

impl Entry {
    fn fill(&self, render: &Render<'_>) -> Result<Json, Problem> {
        let mut entry = Map::new();
        let id = render.fill_optional(self.id.as_ref())?.unwrap_or_else(|| render.uuid());
        entry.insert("entryId".to_owned(), id.into());
        match &self.property {
            Property::Alias(alias) => {
                entry.insert("propertyAlias".to_owned(), render.fill(alias)?.into());
            }
            Property::Ids { asset, property } => {
                entry.insert("assetId".to_owned(), render.fill(asset)?.into());
                entry.insert("propertyId".to_owned(), render.fill(property)?.into());
            }
        }
        let values = self.values.iter().map(|value| value.fill(render)).collect::<Result<Vec<_>, _>>()?;
        entry.insert("propertyValues".to_owned(), values.into());
        Ok(Json::Object(entry))
    }
}

impl Value {
    fn fill(&self, render: &Render<'_>) -> Result<Json, Problem> {
        let value = typed(self.kind, &render.fill(&self.value)?).map_err(Problem::Failed)?;
        let seconds = number(&render.fill(&self.seconds)?).map_err(Problem::Failed)?;
        let mut timestamp = Map::from_iter([("timeInSeconds".to_owned(), seconds.into())]);
        if let Some(nanos) = render.fill_optional(self.nanos.as_ref())? {
            timestamp.insert("offsetInNanos".to_owned(), number(&nanos).map_err(Problem::Failed)?.into());
        }
        let mut filled = Map::from_iter([("value".to_owned(), value), ("timestamp".to_owned(), timestamp.into())]);
        if let Some(text) = render.fill_optional(self.quality.as_ref())? {
            quality(&text).map_err(Problem::Failed)?;
            filled.insert("quality".to_owned(), text.into());
        }
        Ok(filled.into())
    }
}

impl Act for IotSiteWise {
    fn kind(&self) -> &'static str {
        "IotSiteWiseAction"
    }

    fn resource(&self) -> &Template {
        &self.first
    }

    fn prepare(&self, _: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let entries = self.entries.iter().map(|entry| entry.fill(render)).collect::<Result<Vec<_>, _>>()?;
        let calls = entries.chunks(MAX_ENTRIES).map(|entries| {
            let (region, body) = (render.account.region.clone(), json!({ "entries": entries }));
            let call = AwsCall::rest_json("iotsitewise", region, "/properties".to_owned(), &body);
            Outgoing::Aws(call.refusing("errorEntries"))
        });
        Ok(calls.collect())
    }
}
