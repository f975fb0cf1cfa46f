//! `AWS::IoT::ThingType`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TAGS, TEXTS, optional, required};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// A thing type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThingType {
    /// The thing type's name.
    pub name: String,
    /// The body of `CreateThingType`, in the API's names, with `thingTypeName`.
    pub request: Json,
    /// Whether it is to be deprecated once created.
    pub deprecated: bool,
}

const PROPERTIES: Shape = Shape::Object(&[
    optional("ThingTypeDescription", Shape::Text),
    optional("SearchableAttributes", TEXTS),
    optional("Mqtt5Configuration", Shape::Object(&[optional("PropagatingAttributes", Shape::List(&PROPAGATING))])),
]);

const PROPAGATING: Shape = Shape::Object(&[
    required("UserPropertyKey", Shape::Text),
    optional("ThingAttribute", Shape::Text),
    optional("ConnectionAttribute", Shape::Choice(&["iot:ClientId", "iot:Thing.ThingName"])),
]);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    thing_type_properties: Option<Json>,
    #[serde(default)]
    deprecate_thing_type: bool,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::IoT::ThingType",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-thingtype.html",
    properties: &[
        optional("ThingTypeName", Shape::Text),
        optional("ThingTypeProperties", PROPERTIES),
        optional("DeprecateThingType", Shape::Bool),
        TAGS,
    ],
    naming: Naming::by("ThingTypeName", 128, ":_-"),
    extra: None,
    reference: |identity| identity.name.clone(),
    // `Id` is made when the type is created.
    attributes: &[("Arn", |identity| identity.arn("iot", &format!("thingtype/{}", identity.name)))],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let mut request = json!({"thingTypeName": identity.name});
    if let (Some(given), Some(request)) = (given.thing_type_properties, request.as_object_mut()) {
        request.insert("thingTypeProperties".to_owned(), PROPERTIES.to_api(given));
    }
    Ok(Resource::ThingType(ThingType { name: identity.name.clone(), request, deprecated: given.deprecate_thing_type }))
}
