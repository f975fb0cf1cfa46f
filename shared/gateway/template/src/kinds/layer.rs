//! `AWS::Lambda::LayerVersion` and `AWS::Serverless::LayerVersion`: code that functions find under `/opt` on AWS.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html>

use super::function::{CODE_URI, Code, GivenCode};
use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::node::Node;
use crate::shape::{Shape, TEXTS, inert, optional, required};
use serde::{Deserialize, Serialize};

/// A layer, in its only version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// The ARN of the version, which functions name.
    pub arn: String,
    /// Where its content is.
    pub content: Code,
    /// `Metadata.BuildMethod`, for example `python3.12`: the content is what is to be built, not what is to be unpacked.
    pub build_method: Option<String>,
}

const CONTENT: Shape = Shape::TextOr(&[
    required("S3Bucket", Shape::Text),
    required("S3Key", Shape::Text),
    optional("S3ObjectVersion", Shape::Text),
]);
const TOLD: &str = "it is told to people, and not enforced";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    #[serde(alias = "ContentUri")]
    content: GivenCode,
}

/// A version's ARN: there is one version.
fn arn(identity: &Identity) -> String {
    identity.arn("lambda", &format!("layer:{}:1", identity.name))
}

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let content = given.content.read().unwrap_or(Code::Nowhere);
    let metadata = properties.declared.metadata.as_ref();
    let build_method = metadata.and_then(|metadata| metadata.get("BuildMethod")).and_then(Node::scalar);
    Ok(Resource::Layer(Layer { arn: arn(identity), content, build_method }))
}

pub(super) const LAMBDA: Kind = Kind {
    type_: "AWS::Lambda::LayerVersion",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-layerversion.html",
    properties: &[
        optional("LayerName", Shape::Text),
        required("Content", CONTENT),
        optional("CompatibleRuntimes", TEXTS),
        optional("CompatibleArchitectures", TEXTS),
        inert("Description", "it is for people"),
        inert("LicenseInfo", TOLD),
    ],
    naming: Naming::by("LayerName", 140, "-_"),
    extra: None,
    reference: arn,
    attributes: &[("LayerVersionArn", arn)],
    plan,
};

pub(super) const SERVERLESS: Kind = Kind {
    type_: "AWS::Serverless::LayerVersion",
    page: "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-layerversion.html",
    properties: &[
        optional("LayerName", Shape::Text),
        required("ContentUri", CODE_URI),
        optional("CompatibleRuntimes", TEXTS),
        optional("CompatibleArchitectures", TEXTS),
        inert("Description", "it is for people"),
        inert("LicenseInfo", TOLD),
        inert("PublishLambdaVersion", "there is one version of a layer here"),
        inert("RetentionPolicy", "there is one version of a layer here"),
    ],
    naming: Naming::by("LayerName", 140, "-_"),
    extra: None,
    reference: arn,
    attributes: &[("Arn", arn)],
    plan,
};
