//! Device Defender: how audits are configured, which ones are scheduled, what mitigates findings, and what is normal for devices, as
//! requests of AWS IoT's API.

use super::fleet::{Requested, request, without};
use super::{Identity, Kind, Resource};
use crate::names::Naming;
use crate::shape::{Field, NATURAL, Shape, TAGS, TEXTS, optional, required};
use serde_json::{Value as Json, json};

const CHECK: Shape = Shape::Object(&[optional("Enabled", Shape::Bool)]);
const EXPIRING: Shape = Shape::Object(&[
    optional("Enabled", Shape::Bool),
    optional("Configuration", Shape::Object(&[optional("CertExpirationThresholdInDays", Shape::Text)])),
]);
const AGE: Shape = Shape::Object(&[
    optional("Enabled", Shape::Bool),
    optional("Configuration", Shape::Object(&[optional("CertAgeThresholdInDays", Shape::Text)])),
]);

macro_rules! checks {
    ($($name:literal $api:literal $shape:ident;)*) => {
        /// The checks under CloudFormation's names and the API's.
        const CHECKS: &[(&str, &str)] = &[$(($name, $api),)*];
        const CHECK_FIELDS: &[Field] = &[$(optional($name, $shape),)*];
    };
}

checks! {
    "AuthenticatedCognitoRoleOverlyPermissiveCheck" "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK" CHECK;
    "CaCertificateExpiringCheck" "CA_CERTIFICATE_EXPIRING_CHECK" CHECK;
    "CaCertificateKeyQualityCheck" "CA_CERTIFICATE_KEY_QUALITY_CHECK" CHECK;
    "ConflictingClientIdsCheck" "CONFLICTING_CLIENT_IDS_CHECK" CHECK;
    "DeviceCertificateAgeCheck" "DEVICE_CERTIFICATE_AGE_CHECK" AGE;
    "DeviceCertificateExpiringCheck" "DEVICE_CERTIFICATE_EXPIRING_CHECK" EXPIRING;
    "DeviceCertificateKeyQualityCheck" "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK" CHECK;
    "DeviceCertificateSharedCheck" "DEVICE_CERTIFICATE_SHARED_CHECK" CHECK;
    "IntermediateCaRevokedForActiveDeviceCertificatesCheck" "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK" CHECK;
    "IoTPolicyPotentialMisConfigurationCheck" "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK" CHECK;
    "IotPolicyOverlyPermissiveCheck" "IOT_POLICY_OVERLY_PERMISSIVE_CHECK" CHECK;
    "IotRoleAliasAllowsAccessToUnusedServicesCheck" "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK" CHECK;
    "IotRoleAliasOverlyPermissiveCheck" "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK" CHECK;
    "LoggingDisabledCheck" "LOGGING_DISABLED_CHECK" CHECK;
    "RevokedCaCertificateStillActiveCheck" "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK" CHECK;
    "RevokedDeviceCertificateStillActiveCheck" "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK" CHECK;
    "UnauthenticatedCognitoRoleOverlyPermissiveCheck" "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK" CHECK;
}

/// How a check may be configured, under CloudFormation's name and the API's.
const THRESHOLDS: &[(&str, &str)] = &[
    ("certExpirationThresholdInDays", "CERT_EXPIRATION_THRESHOLD_IN_DAYS"),
    ("certAgeThresholdInDays", "CERT_AGE_THRESHOLD_IN_DAYS"),
];

const CONFIGURATION_FIELDS: &[Field] = &[
    required("AccountId", Shape::Text),
    required("RoleArn", Shape::Text),
    required("AuditCheckConfigurations", Shape::Object(CHECK_FIELDS)),
    optional(
        "AuditNotificationTargetConfigurations",
        Shape::Object(&[optional(
            "Sns",
            Shape::Object(&[
                optional("TargetArn", Shape::Text),
                optional("RoleArn", Shape::Text),
                optional("Enabled", Shape::Bool),
            ]),
        )]),
    ),
];

pub(super) const CONFIGURATION: Kind = Kind {
    type_: "AWS::IoT::AccountAuditConfiguration",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-accountauditconfiguration.html",
    properties: CONFIGURATION_FIELDS,
    naming: Naming::GENERATED,
    extra: Some("AccountId"),
    reference: |identity| identity.extra.clone().unwrap_or_default(),
    attributes: &[],
    plan: |identity, properties| {
        let request = without(request(CONFIGURATION_FIELDS, properties), &["accountId"]);
        let name = identity.name.clone();
        Ok(Resource::AuditConfiguration(Requested { name, request: configuration(request) }))
    },
};

/// The API has names of checks, thresholds and targets as values of an enumeration where CloudFormation has members.
fn configuration(mut request: Json) -> Json {
    if let Some(checks) = request.get_mut("auditCheckConfigurations").and_then(Json::as_object_mut) {
        for (name, api) in CHECKS {
            let Some(mut check) = checks.remove(&lower_first(name)) else { continue };
            if let Some(configuration) = check.get_mut("configuration").and_then(Json::as_object_mut) {
                for (name, api) in THRESHOLDS {
                    if let Some(days) = configuration.remove(*name) {
                        configuration.insert((*api).to_owned(), days);
                    }
                }
            }
            checks.insert((*api).to_owned(), check);
        }
    }
    let targets = request.get_mut("auditNotificationTargetConfigurations").and_then(Json::as_object_mut);
    if let Some(targets) = targets
        && let Some(sns) = targets.remove("sns")
    {
        targets.insert("SNS".to_owned(), sns);
    }
    request
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

const SCHEDULED_FIELDS: &[Field] = &[
    optional("ScheduledAuditName", Shape::Text),
    required("Frequency", Shape::Choice(&["DAILY", "WEEKLY", "BIWEEKLY", "MONTHLY"])),
    optional("DayOfMonth", Shape::Text),
    optional("DayOfWeek", Shape::Choice(&["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])),
    required("TargetCheckNames", TEXTS),
    TAGS,
];

pub(super) const SCHEDULED_AUDIT: Kind = Kind {
    type_: "AWS::IoT::ScheduledAudit",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-scheduledaudit.html",
    properties: SCHEDULED_FIELDS,
    naming: Naming::by("ScheduledAuditName", 128, "_-"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("ScheduledAuditArn", |identity| identity.arn("iot", &format!("scheduledaudit/{}", identity.name)))],
    plan: |identity, properties| {
        let request = without(request(SCHEDULED_FIELDS, properties), &["scheduledAuditName"]);
        Ok(Resource::ScheduledAudit(Requested { name: identity.name.clone(), request }))
    },
};

const ACTION_FIELDS: &[Field] = &[
    optional("ActionName", Shape::Text),
    required("RoleArn", Shape::Text),
    required(
        "ActionParams",
        Shape::Object(&[
            optional("UpdateDeviceCertificateParams", Shape::Object(&[required("Action", Shape::Text)])),
            optional("UpdateCACertificateParams", Shape::Object(&[required("Action", Shape::Text)])),
            optional(
                "AddThingsToThingGroupParams",
                Shape::Object(&[required("ThingGroupNames", TEXTS), optional("OverrideDynamicGroups", Shape::Bool)]),
            ),
            optional("ReplaceDefaultPolicyVersionParams", Shape::Object(&[required("TemplateName", Shape::Text)])),
            optional(
                "EnableIoTLoggingParams",
                Shape::Object(&[required("RoleArnForLogging", Shape::Text), required("LogLevel", Shape::Text)]),
            ),
            optional("PublishFindingToSnsParams", Shape::Object(&[required("TopicArn", Shape::Text)])),
        ]),
    ),
    TAGS,
];

pub(super) const MITIGATION_ACTION: Kind = Kind {
    type_: "AWS::IoT::MitigationAction",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-mitigationaction.html",
    properties: ACTION_FIELDS,
    naming: Naming::by("ActionName", 128, "_-"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[
        ("MitigationActionArn", |identity| identity.arn("iot", &format!("mitigationaction/{}", identity.name))),
        ("MitigationActionId", Identity::uuid),
    ],
    plan: |identity, properties| {
        let request = without(request(ACTION_FIELDS, properties), &["actionName"]);
        Ok(Resource::MitigationAction(Requested { name: identity.name.clone(), request }))
    },
};

const DIMENSION: Shape =
    Shape::Object(&[required("DimensionName", Shape::Text), optional("Operator", Shape::Choice(&["IN", "NOT_IN"]))]);

const CRITERIA: Shape = Shape::Object(&[
    optional("ComparisonOperator", Shape::Text),
    optional("ConsecutiveDatapointsToAlarm", Shape::Integer(1, 10)),
    optional("ConsecutiveDatapointsToClear", Shape::Integer(1, 10)),
    optional("DurationSeconds", NATURAL),
    optional("MlDetectionConfig", Shape::Object(&[optional("ConfidenceLevel", Shape::Text)])),
    optional("StatisticalThreshold", Shape::Object(&[optional("Statistic", Shape::Text)])),
    optional(
        "Value",
        Shape::Object(&[
            optional("Cidrs", TEXTS),
            optional("Count", NATURAL),
            optional("Number", Shape::Integer(i64::MIN, i64::MAX)),
            optional("Numbers", Shape::List(&Shape::Integer(i64::MIN, i64::MAX))),
            optional("Ports", Shape::List(&Shape::Integer(0, 65_535))),
            optional("Strings", TEXTS),
        ]),
    ),
]);

const PROFILE_FIELDS: &[Field] = &[
    optional("SecurityProfileName", Shape::Text),
    optional("SecurityProfileDescription", Shape::Text),
    optional(
        "Behaviors",
        Shape::List(&Shape::Object(&[
            required("Name", Shape::Text),
            optional("Metric", Shape::Text),
            optional("MetricDimension", DIMENSION),
            optional("Criteria", CRITERIA),
            optional("SuppressAlerts", Shape::Bool),
            optional("ExportMetric", Shape::Bool),
        ])),
    ),
    optional("AlertTargets", Shape::Document),
    optional(
        "AdditionalMetricsToRetainV2",
        Shape::List(&Shape::Object(&[
            required("Metric", Shape::Text),
            optional("MetricDimension", DIMENSION),
            optional("ExportMetric", Shape::Bool),
        ])),
    ),
    optional(
        "MetricsExportConfig",
        Shape::Object(&[required("MqttTopic", Shape::Text), required("RoleArn", Shape::Text)]),
    ),
    optional("TargetArns", TEXTS),
    TAGS,
];

pub(super) const SECURITY_PROFILE: Kind = Kind {
    type_: "AWS::IoT::SecurityProfile",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-securityprofile.html",
    properties: PROFILE_FIELDS,
    naming: Naming::by("SecurityProfileName", 128, ":_-"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("SecurityProfileArn", |identity| {
        identity.arn("iot", &format!("securityprofile/{}", identity.name))
    })],
    plan: |identity, properties| {
        let mut request = without(request(PROFILE_FIELDS, properties), &["securityProfileName"]);
        if let Some(targets) = properties.json.get("AlertTargets").and_then(Json::as_object) {
            // The kind of target is the key, in both.
            let targets = targets.iter().map(|(kind, target)| {
                let text = |name: &str| target.get(name).cloned().unwrap_or_default();
                (kind.clone(), json!({ "alertTargetArn": text("AlertTargetArn"), "roleArn": text("RoleArn") }))
            });
            let targets: serde_json::Map<_, _> = targets.collect();
            if let Some(request) = request.as_object_mut() {
                request.insert("alertTargets".to_owned(), targets.into());
            }
        }
        Ok(Resource::SecurityProfile(Requested { name: identity.name.clone(), request }))
    },
};
