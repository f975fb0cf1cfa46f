//! `AWS::S3::Bucket`.

use super::{Identity, Kind, Resource};
use crate::names::Naming;
use crate::shape::{Shape, TAGS, inert, optional, refused};
use serde::Serialize;

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// The bucket's name.
    pub name: String,
    /// The bucket's ARN.
    pub arn: String,
}

const OPEN: &str = "who reaches the gateway may read and write every bucket";

pub(super) const KIND: Kind = Kind {
    type_: "AWS::S3::Bucket",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html",
    properties: &[
        optional("BucketName", Shape::Text),
        inert("AccessControl", OPEN),
        inert("BucketEncryption", "nothing is encrypted at rest here"),
        inert("LifecycleConfiguration", "objects stay until they are deleted"),
        inert("OwnershipControls", OPEN),
        inert("PublicAccessBlockConfiguration", OPEN),
        inert("CorsConfiguration", "browsers of other origins are not answered"),
        refused("NotificationConfiguration", "buckets notify nobody"),
        refused("ObjectLockEnabled", "objects cannot be locked"),
        inert("VersioningConfiguration", "an object has one version, and a request for another is refused"),
        inert("WebsiteConfiguration", "there are no websites here"),
        TAGS,
    ],
    naming: Naming::lower("BucketName", 63, "-."),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", arn)],
    plan: |identity, _| Ok(Resource::Bucket(Bucket { name: identity.name.clone(), arn: arn(identity) })),
};

/// An ARN of S3, which has neither region nor account.
fn arn(identity: &Identity) -> String {
    format!("arn:{}:s3:::{}", identity.scope.partition(), identity.name)
}
