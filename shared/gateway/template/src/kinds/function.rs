//! `AWS::Serverless::Function` and `AWS::Lambda::Function`.

use super::{Attribute, Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::node::Node;
use crate::shape::{Field, Shape, TAGS, TEXTS, inert, optional, refused, required};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A Lambda function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    /// The function's name.
    pub name: String,
    /// The function's ARN, without a qualifier.
    pub arn: String,
    /// For example `provided.al2023`; empty where the template names none, as for container images.
    pub runtime: String,
    /// Any text for a function in Rust.
    pub handler: Option<String>,
    /// Where the code is.
    pub code: Code,
    /// The ARNs of its layers, in their order.
    pub layers: Vec<String>,
    /// `Metadata.BuildMethod`, for example `rust-cargolambda`.
    pub build_method: Option<String>,
    /// `Metadata.BuildProperties`, for example `{"Binary": "telemetry"}`.
    pub build_properties: Json,
    /// The environment's variables.
    pub environment: BTreeMap<String, String>,
    /// Seconds that an invoke may take: 3 where the template says nothing.
    pub timeout: u32,
    /// MiB: 128 where the template says nothing.
    pub memory_size: u32,
    /// `x86_64` where the template says nothing, or `arm64`.
    pub architecture: String,
    /// How many invokes may run at once; no limit of its own where the template says nothing.
    pub reserved_concurrent_executions: Option<u32>,
    /// The queue or topic that hears of asynchronous invokes that failed (`DeadLetterQueue`, `DeadLetterConfig`).
    pub dead_letter_arn: Option<String>,
    /// The role's ARN.
    pub role: Option<String>,
    /// How the function is to log.
    pub logging: LoggingConfig,
    /// SAM's `AutoPublishAlias`: an alias for version 1, and what the function's events invoke.
    pub alias: Option<String>,
    /// For people.
    pub description: Option<String>,
}

/// How a function is to log.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub struct LoggingConfig {
    /// `Text` or `JSON` (`AWS_LAMBDA_LOG_FORMAT`).
    pub log_format: Option<String>,
    /// `TRACE` to `FATAL` (`AWS_LAMBDA_LOG_LEVEL`).
    pub application_log_level: Option<String>,
    /// `DEBUG`, `INFO` or `WARN`: of the platform's own entries.
    pub system_log_level: Option<String>,
    /// The log group's name.
    pub log_group: Option<String>,
}

/// Where code is. Only the machinery looks whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Code {
    /// A folder, a `.zip` or another file, relative to the template's folder.
    Path(String),
    /// The text of the only file (`InlineCode`, `ZipFile`).
    Inline(String),
    /// A `.zip` in a bucket.
    #[serde(rename_all = "camelCase")]
    S3 {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
    },
    /// A container image.
    Image(String),
    /// The template says nothing.
    Nowhere,
}

const LEVELS: Shape = Shape::Choice(&["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]);
const LOGGING: Shape = Shape::Object(&[
    optional("LogFormat", Shape::Choice(&["Text", "JSON"])),
    optional("ApplicationLogLevel", LEVELS),
    optional("SystemLogLevel", Shape::Choice(&["DEBUG", "INFO", "WARN"])),
    optional("LogGroup", Shape::Text),
]);
const VARIABLES: Shape = Shape::Object(&[optional("Variables", Shape::TextMap)]);
const ARCHITECTURES: Shape = Shape::List(&Shape::Choice(&["x86_64", "arm64"]));
/// The code as CloudFormation takes it; a string is a folder, which `aws cloudformation package` uploads.
const CODE: Shape = Shape::TextOr(&[
    optional("ZipFile", Shape::Text),
    optional("S3Bucket", Shape::Text),
    optional("S3Key", Shape::Text),
    optional("S3ObjectVersion", Shape::Text),
    optional("ImageUri", Shape::Text),
    inert("SourceKMSKeyArn", ENCRYPTION),
]);
/// The code as SAM takes it: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-functioncode.html>
pub(super) const CODE_URI: Shape =
    Shape::TextOr(&[required("Bucket", Shape::Text), required("Key", Shape::Text), optional("Version", Shape::Text)]);
const ENCRYPTION: &str = "nothing is encrypted at rest here";
const IMAGE: &str = "functions run as processes here, not in containers";
const DEPLOYMENT: &str = "a change takes effect at once here";

/// What both types have in common.
macro_rules! properties {
    ($($own:expr,)*) => {
        &[
            $($own,)*
            optional("FunctionName", Shape::Text),
            optional("Runtime", Shape::Text),
            optional("Handler", Shape::Text),
            optional("Description", Shape::Text),
            optional("Environment", VARIABLES),
            optional("Timeout", Shape::Integer(1, 5400)),
            optional("MemorySize", Shape::Integer(128, 32_768)),
            optional("Architectures", ARCHITECTURES),
            optional("ReservedConcurrentExecutions", Shape::Integer(0, 1_000_000)),
            optional("Role", Shape::Text),
            optional("LoggingConfig", LOGGING),
            optional("PackageType", Shape::Choice(&["Zip", "Image"])),
            optional("Layers", TEXTS),
            inert("CodeSigningConfigArn", "code is not signed here"),
            inert("EphemeralStorage", "`/tmp` is this machine's"),
            inert("FunctionScalingConfig", "there are no capacity providers here"),
            inert("KmsKeyArn", ENCRYPTION),
            inert("PublishToLatestPublished", DEPLOYMENT),
            inert("RecursiveLoop", "loops are not detected here"),
            inert("RuntimeManagementConfig", "the runtime is the function's own"),
            inert("SnapStart", "functions start from their binary here"),
            inert("VpcConfig", "the function runs on this machine's network"),
            refused("CapacityProviderConfig", "there are no capacity providers here"),
            refused("DurableConfig", "functions are not durable here"),
            refused("FileSystemConfigs", "file systems are not mounted here"),
            inert("ImageConfig", IMAGE),
            refused("TenancyConfig", "invokes know no tenants here"),
            TAGS,
        ]
    };
}

const SERVERLESS_PROPERTIES: &[Field] = properties![
    optional("CodeUri", CODE_URI),
    optional("InlineCode", Shape::Text),
    optional("ImageUri", Shape::Text),
    optional(
        "DeadLetterQueue",
        Shape::Object(&[required("Type", Shape::Choice(&["SQS", "SNS"])), required("TargetArn", Shape::Text)]),
    ),
    optional("AutoPublishAlias", Shape::Text),
    inert("AutoPublishAliasAllProperties", DEPLOYMENT),
    inert("AutoPublishCodeSha256", DEPLOYMENT),
    inert("DeploymentPreference", DEPLOYMENT),
    inert("PropagateTags", "tags are for billing and access in AWS"),
    inert("ProvisionedConcurrencyConfig", "processes are started when they are needed"),
    inert("SourceKMSKeyArn", ENCRYPTION),
    inert("Tracing", "there is no X-Ray here"),
    inert("VersionDeletionPolicy", DEPLOYMENT),
    inert("VersionDescription", "it is for people"),
    inert("FunctionUrlConfig", "functions have no URL here: invoke them by the Lambda API"),
];

const LAMBDA_PROPERTIES: &[Field] = properties![
    required("Code", CODE),
    optional("DeadLetterConfig", Shape::Object(&[optional("TargetArn", Shape::Text)])),
    inert("TracingConfig", "there is no X-Ray here"),
];

const ATTRIBUTES: &[Attribute] = &[("Arn", arn)];
const NAMING: Naming = Naming::by("FunctionName", 64, "-_");

pub(super) const SERVERLESS: Kind = Kind {
    type_: "AWS::Serverless::Function",
    page: "https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html",
    properties: SERVERLESS_PROPERTIES,
    naming: NAMING,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: ATTRIBUTES,
    plan,
};

pub(super) const LAMBDA: Kind = Kind {
    type_: "AWS::Lambda::Function",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html",
    properties: LAMBDA_PROPERTIES,
    naming: NAMING,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: ATTRIBUTES,
    plan,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    #[serde(alias = "Code")]
    code_uri: Option<GivenCode>,
    inline_code: Option<String>,
    image_uri: Option<String>,
    package_type: Option<String>,
    #[serde(default)]
    layers: Vec<String>,
    #[serde(default)]
    runtime: String,
    handler: Option<String>,
    description: Option<String>,
    #[serde(default)]
    environment: Environment,
    timeout: Option<u32>,
    memory_size: Option<u32>,
    #[serde(default)]
    architectures: Vec<String>,
    reserved_concurrent_executions: Option<u32>,
    role: Option<String>,
    #[serde(default)]
    logging_config: LoggingConfig,
    auto_publish_alias: Option<String>,
    #[serde(alias = "DeadLetterConfig")]
    dead_letter_queue: Option<DeadLetter>,
}

/// `CodeUri`, `ContentUri`, `Code` and `Content`, in both their forms.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum GivenCode {
    Text(String),
    #[serde(rename_all = "PascalCase")]
    Parts {
        zip_file: Option<String>,
        image_uri: Option<String>,
        #[serde(alias = "S3Bucket")]
        bucket: Option<String>,
        #[serde(alias = "S3Key")]
        key: Option<String>,
    },
}

impl GivenCode {
    /// What it says; none where that is nothing.
    pub(super) fn read(self) -> Option<Code> {
        match self {
            Self::Text(text) => Some(match text.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) {
                Some((bucket, key)) => Code::S3 { bucket: bucket.to_owned(), key: key.to_owned() },
                None => Code::Path(text),
            }),
            Self::Parts { zip_file: Some(text), .. } => Some(Code::Inline(text)),
            Self::Parts { image_uri: Some(uri), .. } => Some(Code::Image(uri)),
            Self::Parts { bucket: Some(bucket), key: Some(key), .. } => Some(Code::S3 { bucket, key }),
            Self::Parts { .. } => None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetter {
    target_arn: Option<String>,
}

fn arn(identity: &Identity) -> String {
    identity.arn("lambda", &format!("function:{}", identity.name))
}

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let code = match (given.code_uri, given.inline_code) {
        // `sam build` fills in the image's address.
        _ if given.package_type.as_deref() == Some("Image") => Code::Image(given.image_uri.unwrap_or_default()),
        // Of both SAM takes the inline code: globals may say where that of all others is.
        (_, Some(text)) => Code::Inline(text),
        (Some(code), None) => code.read().ok_or_else(|| properties.fault("Code", "does not say where the code is"))?,
        (None, None) => given.image_uri.map_or(Code::Nowhere, Code::Image),
    };
    if given.architectures.len() > 1 {
        return Err(properties.fault("Architectures", "has several, and a function has one (globals are added to it)"));
    }
    if let Some(variable) = given.environment.variables.keys().find(|name| RESERVED.contains(&name.as_str())) {
        let fault = properties.fault("Environment.Variables", format!("sets `{variable}`, which Lambda reserves"));
        return Err(fault);
    }
    let metadata = |key: &str| properties.declared.metadata.as_ref().and_then(|metadata| metadata.get(key));
    Ok(Resource::Function(Box::new(Function {
        name: identity.name.clone(),
        arn: arn(identity),
        runtime: given.runtime,
        handler: given.handler,
        code,
        layers: given.layers,
        build_method: metadata("BuildMethod").and_then(Node::scalar),
        build_properties: metadata("BuildProperties").map_or(Json::Null, Node::to_json),
        environment: given.environment.variables,
        timeout: given.timeout.unwrap_or(3),
        memory_size: given.memory_size.unwrap_or(128),
        architecture: given.architectures.into_iter().next().unwrap_or_else(|| "x86_64".to_owned()),
        reserved_concurrent_executions: given.reserved_concurrent_executions,
        dead_letter_arn: given.dead_letter_queue.and_then(|given| given.target_arn),
        role: given.role,
        logging: given.logging_config,
        alias: given.auto_publish_alias,
        description: given.description,
    })))
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];
