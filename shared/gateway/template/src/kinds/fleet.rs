//! What a fleet consists of: things, groups, certificates and what is attached to what, as requests of AWS IoT's API.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, Shape, TAGS, TEXTS, inert, optional, refused, required};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

/// A resource of AWS IoT that its API makes from a name and a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requested {
    /// The name, or the id where the service makes one up.
    pub name: String,
    /// The members of the API's request, in its own spelling.
    pub request: Json,
}

const ATTRIBUTES: Shape = Shape::Object(&[optional("Attributes", Shape::TextMap)]);

/// The properties as the API spells them, by the fields that declare them.
pub(super) fn request(fields: &'static [Field], properties: &Properties<'_>) -> Json {
    Shape::Object(fields).to_api(Json::Object(properties.json.clone()))
}

/// The same without some members, which go elsewhere than into the body.
pub(super) fn without(mut request: Json, names: &[&str]) -> Json {
    if let Some(object) = request.as_object_mut() {
        for name in names {
            object.remove(*name);
        }
    }
    request
}

macro_rules! named {
    ($constant:ident, $type_:literal, $page:literal, $name:literal, $limit:literal, $marks:literal, $api:literal, $arn:literal, $variant:ident, $fields:ident) => {
        pub(super) const $constant: Kind = Kind {
            type_: $type_,
            page: concat!("https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/", $page),
            properties: $fields,
            naming: Naming::by($name, $limit, $marks),
            extra: None,
            reference: |identity| identity.name.clone(),
            attributes: &[
                ("Arn", |identity| identity.arn("iot", &format!(concat!($arn, "/{}"), identity.name))),
                ("Id", Identity::uuid),
            ],
            plan: |identity, properties| {
                let request = without(request($fields, properties), &[$api]);
                Ok(Resource::$variant(Requested { name: identity.name.clone(), request }))
            },
        };
    };
}

const THING_FIELDS: &[Field] = &[optional("ThingName", Shape::Text), optional("AttributePayload", ATTRIBUTES)];
named!(
    THING,
    "AWS::IoT::Thing",
    "aws-resource-iot-thing.html",
    "ThingName",
    128,
    ":_-",
    "thingName",
    "thing",
    Thing,
    THING_FIELDS
);

const GROUP_FIELDS: &[Field] = &[
    optional("ThingGroupName", Shape::Text),
    optional("ParentGroupName", Shape::Text),
    optional(
        "ThingGroupProperties",
        Shape::Object(&[optional("ThingGroupDescription", Shape::Text), optional("AttributePayload", ATTRIBUTES)]),
    ),
    refused("QueryString", "there is no fleet index here yet, which dynamic groups are made of"),
    TAGS,
];
named!(
    THING_GROUP,
    "AWS::IoT::ThingGroup",
    "aws-resource-iot-thinggroup.html",
    "ThingGroupName",
    128,
    ":_-",
    "thingGroupName",
    "thinggroup",
    ThingGroup,
    GROUP_FIELDS
);

const BILLING_FIELDS: &[Field] = &[
    optional("BillingGroupName", Shape::Text),
    optional("BillingGroupProperties", Shape::Object(&[optional("BillingGroupDescription", Shape::Text)])),
    TAGS,
];
named!(
    BILLING_GROUP,
    "AWS::IoT::BillingGroup",
    "aws-resource-iot-billinggroup.html",
    "BillingGroupName",
    128,
    ":_-",
    "billingGroupName",
    "billinggroup",
    BillingGroup,
    BILLING_FIELDS
);

const DOMAIN_FIELDS: &[Field] = &[
    optional("DomainConfigurationName", Shape::Text),
    optional("DomainName", Shape::Text),
    optional("ServerCertificateArns", TEXTS),
    optional("ValidationCertificateArn", Shape::Text),
    optional("ServiceType", Shape::Text),
    optional("AuthenticationType", Shape::Text),
    optional("ApplicationProtocol", Shape::Text),
    optional("DomainConfigurationStatus", Shape::Choice(&["ENABLED", "DISABLED"])),
    optional(
        "AuthorizerConfig",
        Shape::Object(&[
            optional("AllowAuthorizerOverride", Shape::Bool),
            optional("DefaultAuthorizerName", Shape::Text),
        ]),
    ),
    optional("TlsConfig", Shape::Object(&[optional("SecurityPolicy", Shape::Text)])),
    optional(
        "ServerCertificateConfig",
        Shape::Object(&[
            optional("EnableOCSPCheck", Shape::Bool),
            optional("OcspLambdaArn", Shape::Text),
            optional("OcspAuthorizedResponderArn", Shape::Text),
        ]),
    ),
    optional("ClientCertificateConfig", Shape::Object(&[optional("ClientCertificateCallbackArn", Shape::Text)])),
    TAGS,
];
named!(
    DOMAIN,
    "AWS::IoT::DomainConfiguration",
    "aws-resource-iot-domainconfiguration.html",
    "DomainConfigurationName",
    128,
    ".:_-",
    "domainConfigurationName",
    "domainconfiguration",
    DomainConfiguration,
    DOMAIN_FIELDS
);

const CERTIFICATE_FIELDS: &[Field] = &[
    required("Status", Shape::Choice(&["ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER", "PENDING_ACTIVATION"])),
    optional("CertificateSigningRequest", Shape::Text),
    optional("CertificatePem", Shape::Text),
    optional("CACertificatePem", Shape::Text),
    optional("CertificateMode", Shape::Choice(&["DEFAULT", "SNI_ONLY"])),
];

pub(super) const CERTIFICATE: Kind = Kind {
    type_: "AWS::IoT::Certificate",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-certificate.html",
    properties: CERTIFICATE_FIELDS,
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", certificate_arn), ("Id", |identity| identity.name.clone())],
    plan: certificate,
};

fn certificate_arn(identity: &Identity) -> String {
    identity.arn("iot", &format!("cert/{}", identity.name))
}

fn certificate(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let request = request(CERTIFICATE_FIELDS, properties);
    let has = |name: &str| request.get(name).is_some();
    if has("certificateSigningRequest") == has("certificatePem") {
        let why = "has to be given, or else `CertificatePem`, and not both";
        return Err(properties.fault("CertificateSigningRequest", why));
    }
    Ok(Resource::Certificate(Requested { name: identity.name.clone(), request }))
}

const CA_FIELDS: &[Field] = &[
    required("CACertificatePem", Shape::Text),
    required("Status", Shape::Choice(&["ACTIVE", "INACTIVE"])),
    optional("VerificationCertificatePem", Shape::Text),
    optional("AutoRegistrationStatus", Shape::Choice(&["ENABLE", "DISABLE"])),
    optional("CertificateMode", Shape::Choice(&["DEFAULT", "SNI_ONLY"])),
    optional(
        "RegistrationConfig",
        Shape::Object(&[
            optional("TemplateName", Shape::Text),
            optional("TemplateBody", Shape::Text),
            optional("RoleArn", Shape::Text),
        ]),
    ),
    inert("RemoveAutoRegistration", "it is for updates on AWS"),
    TAGS,
];

pub(super) const CA_CERTIFICATE: Kind = Kind {
    type_: "AWS::IoT::CACertificate",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-cacertificate.html",
    properties: CA_FIELDS,
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[
        ("Arn", |identity| identity.arn("iot", &format!("cacert/{}", identity.name))),
        ("Id", |identity| identity.name.clone()),
    ],
    plan: |identity, properties| {
        let request = request(CA_FIELDS, properties);
        Ok(Resource::CaCertificate(Requested { name: identity.name.clone(), request }))
    },
};

const DESTINATION_FIELDS: &[Field] = &[
    optional("HttpUrlProperties", Shape::Object(&[required("ConfirmationUrl", Shape::Text)])),
    optional("Status", Shape::Choice(&["ENABLED", "IN_PROGRESS", "DISABLED"])),
    refused("VpcProperties", "there are no VPCs here: name an `HttpUrlProperties`"),
];

pub(super) const DESTINATION: Kind = Kind {
    type_: "AWS::IoT::TopicRuleDestination",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-topicruledestination.html",
    properties: DESTINATION_FIELDS,
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", |identity| identity.name.clone())],
    plan: |identity, properties| {
        let url = properties.json.get("HttpUrlProperties").and_then(|http| http.get("ConfirmationUrl"));
        let Some(url) = url else {
            return Err(properties.fault("HttpUrlProperties", "has to be given"));
        };
        let configuration = json!({ "httpUrlConfiguration": { "confirmationUrl": url } });
        let mut request = Map::from_iter([("destinationConfiguration".to_owned(), configuration)]);
        if let Some(status) = properties.json.get("Status") {
            request.insert("status".to_owned(), status.clone());
        }
        Ok(Resource::TopicRuleDestination(Requested { name: identity.name.clone(), request: request.into() }))
    },
};

const LOGGING_FIELDS: &[Field] = &[
    required("AccountId", Shape::Text),
    required("DefaultLogLevel", Shape::Choice(&["DEBUG", "INFO", "WARN", "ERROR", "DISABLED"])),
    required("RoleArn", Shape::Text),
];

pub(super) const LOGGING: Kind = Kind {
    type_: "AWS::IoT::Logging",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-logging.html",
    properties: LOGGING_FIELDS,
    naming: Naming::GENERATED,
    extra: Some("AccountId"),
    reference: |identity| identity.extra.clone().unwrap_or_default(),
    attributes: &[],
    plan: |identity, properties| {
        let request = without(request(LOGGING_FIELDS, properties), &["accountId"]);
        Ok(Resource::Logging(Requested { name: identity.name.clone(), request }))
    },
};

/// Something that is attached to a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The policy's or the thing's name.
    pub name: String,
    /// The ARN of the certificate, the thing group or the Cognito identity.
    pub principal: String,
    /// Of a thing: `EXCLUSIVE_THING` or `NON_EXCLUSIVE_THING`.
    pub thing_principal_type: Option<String>,
}

fn attachment(name: &str, properties: &Properties<'_>) -> Attachment {
    let text = |name: &str| properties.json.get(name).and_then(Json::as_str).map(str::to_owned);
    Attachment {
        name: text(name).unwrap_or_default(),
        principal: text("Principal").unwrap_or_default(),
        thing_principal_type: text("ThingPrincipalType"),
    }
}

pub(super) const POLICY_ATTACHMENT: Kind = Kind {
    type_: "AWS::IoT::PolicyPrincipalAttachment",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-policyprincipalattachment.html",
    properties: &[required("PolicyName", Shape::Text), required("Principal", Shape::Text)],
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan: |_, properties| Ok(Resource::PolicyAttachment(attachment("PolicyName", properties))),
};

pub(super) const THING_ATTACHMENT: Kind = Kind {
    type_: "AWS::IoT::ThingPrincipalAttachment",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-thingprincipalattachment.html",
    properties: &[
        required("ThingName", Shape::Text),
        required("Principal", Shape::Text),
        optional("ThingPrincipalType", Shape::Choice(&["EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"])),
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan: |_, properties| Ok(Resource::ThingAttachment(attachment("ThingName", properties))),
};
