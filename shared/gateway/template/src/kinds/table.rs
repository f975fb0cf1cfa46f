//! `AWS::DynamoDB::Table` and `AWS::Serverless::SimpleTable`.

use super::{Attribute, Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, NATURAL, Shape, TAGS, TEXTS, inert, optional, refused, required};
use serde::Serialize;
use serde_json::{Value as Json, json};

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// The table's name.
    pub name: String,
    /// The body of `CreateTable`, with `TableName`.
    pub request: Json,
    /// The attribute that `UpdateTimeToLive` is to enable.
    pub time_to_live_attribute: Option<String>,
}

const THROUGHPUT: Shape =
    Shape::Object(&[required("ReadCapacityUnits", NATURAL), required("WriteCapacityUnits", NATURAL)]);
const KEYS: Shape = Shape::List(&Shape::Object(&[
    required("AttributeName", Shape::Text),
    required("KeyType", Shape::Choice(&["HASH", "RANGE"])),
]));
const ATTRIBUTES: Shape = Shape::List(&Shape::Object(&[
    required("AttributeName", Shape::Text),
    required("AttributeType", Shape::Choice(&["S", "N", "B"])),
]));
const PROJECTION: Shape = Shape::Object(&[
    optional("ProjectionType", Shape::Choice(&["ALL", "INCLUDE", "KEYS_ONLY"])),
    optional("NonKeyAttributes", TEXTS),
]);
const CAPACITY: &str = "nothing limits throughput here";
const BACKUP: &str = "there are no backups here";
const ENCRYPTION: &str = "nothing is encrypted at rest here";
const NAMING: Naming = Naming::by("TableName", 255, "-_.");

pub(super) const TABLE: Kind = Kind {
    type_: "AWS::DynamoDB::Table",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html",
    properties: &[
        required("KeySchema", KEYS),
        required("AttributeDefinitions", ATTRIBUTES),
        optional("TableName", Shape::Text),
        optional("BillingMode", Shape::Choice(&["PAY_PER_REQUEST", "PROVISIONED"])),
        optional("ProvisionedThroughput", THROUGHPUT),
        optional("GlobalSecondaryIndexes", Shape::List(&GLOBAL_INDEX)),
        optional("LocalSecondaryIndexes", Shape::List(&LOCAL_INDEX)),
        optional("StreamSpecification", STREAM),
        optional("TimeToLiveSpecification", TIME_TO_LIVE),
        inert("ContributorInsightsSpecification", "there is no Contributor Insights here"),
        inert("DeletionProtectionEnabled", "nothing here deletes tables unasked"),
        inert("OnDemandThroughput", CAPACITY),
        inert("PointInTimeRecoverySpecification", BACKUP),
        inert("ResourcePolicy", "IAM is not evaluated here"),
        inert("SSESpecification", ENCRYPTION),
        inert("TableClass", "it is a matter of price"),
        inert("WarmThroughput", CAPACITY),
        refused("ImportSourceSpecification", "tables are not filled from S3 here"),
        refused("KinesisStreamSpecification", "there are no Kinesis streams here"),
        refused("VectorIndexes", "tables have no vector indexes here"),
        TAGS,
    ],
    naming: NAMING,
    extra: None,
    reference: |identity| identity.name.clone(),
    // `StreamArn` ends in the time at which the stream is made.
    attributes: ATTRIBUTES_KNOWN,
    plan,
};

const GLOBAL_INDEX: Shape = Shape::Object(&[
    required("IndexName", Shape::Text),
    required("KeySchema", KEYS),
    required("Projection", PROJECTION),
    optional("ProvisionedThroughput", THROUGHPUT),
    inert("ContributorInsightsSpecification", "there is no Contributor Insights here"),
    inert("OnDemandThroughput", CAPACITY),
    inert("WarmThroughput", CAPACITY),
]);
const LOCAL_INDEX: Shape = Shape::Object(&[
    required("IndexName", Shape::Text),
    required("KeySchema", KEYS),
    required("Projection", PROJECTION),
]);
const STREAM: Shape = Shape::Object(&[
    required("StreamViewType", Shape::Choice(&["KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE"])),
    inert("ResourcePolicy", "IAM is not evaluated here"),
]);
const TIME_TO_LIVE: Shape = Shape::Object(&[required("Enabled", Shape::Bool), optional("AttributeName", Shape::Text)]);
const ATTRIBUTES_KNOWN: &[Attribute] =
    &[("Arn", |identity| identity.arn("dynamodb", &format!("table/{}", identity.name)))];

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let mut request = properties.json.clone();
    request.insert("TableName".to_owned(), identity.name.as_str().into());
    let time_to_live = request.remove("TimeToLiveSpecification");
    let time_to_live = time_to_live.filter(|given| given.get("Enabled") == Some(&Json::Bool(true)));
    let attribute = match time_to_live {
        Some(given) => match given.get("AttributeName").and_then(Json::as_str) {
            Some(name) => Some(name.to_owned()),
            None => return Err(properties.fault("TimeToLiveSpecification", "needs `AttributeName`")),
        },
        None => None,
    };
    if let Some(Json::Object(stream)) = request.get_mut("StreamSpecification") {
        stream.insert("StreamEnabled".to_owned(), true.into());
    }
    let provisioned = request.get("BillingMode").and_then(Json::as_str) != Some("PAY_PER_REQUEST");
    if provisioned && !request.contains_key("ProvisionedThroughput") {
        let fault = properties.fault("ProvisionedThroughput", "is missing, and tables are `PROVISIONED` by default");
        return Err(fault.helped("add `BillingMode: PAY_PER_REQUEST`, or the throughput"));
    }
    Ok(Resource::Table(Table {
        name: identity.name.clone(),
        request: request.into(),
        time_to_live_attribute: attribute,
    }))
}

const SIMPLE_PROPERTIES: &[Field] = &[
    optional("TableName", Shape::Text),
    optional(
        "PrimaryKey",
        Shape::Object(&[
            required("Name", Shape::Text),
            required("Type", Shape::Choice(&["String", "Number", "Binary"])),
        ]),
    ),
    optional("ProvisionedThroughput", THROUGHPUT),
    inert("PointInTimeRecoverySpecification", BACKUP),
    inert("SSESpecification", ENCRYPTION),
    TAGS,
];

pub(super) const SIMPLE_TABLE: Kind = Kind {
    type_: "AWS::Serverless::SimpleTable",
    page: "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-simpletable.html",
    properties: SIMPLE_PROPERTIES,
    naming: NAMING,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: ATTRIBUTES_KNOWN,
    plan: simple,
};

fn simple(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let key = |part: &str| properties.json.get("PrimaryKey").and_then(|key| key.get(part)).and_then(Json::as_str);
    let name = key("Name").unwrap_or("id");
    let type_ = match key("Type") {
        Some("Number") => "N",
        Some("Binary") => "B",
        _ => "S",
    };
    let mut request = json!({
        "TableName": identity.name,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": type_}],
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
    });
    let (field, value) = match properties.json.get("ProvisionedThroughput") {
        Some(throughput) => ("ProvisionedThroughput", throughput.clone()),
        None => ("BillingMode", "PAY_PER_REQUEST".into()),
    };
    if let Some(request) = request.as_object_mut() {
        request.insert(field.to_owned(), value);
    }
    Ok(Resource::Table(Table { name: identity.name.clone(), request, time_to_live_attribute: None }))
}
