//! Which operations of AWS IoT's three APIs this version implements: from the service models, which know all of them, and the
//! router, which knows those that have a handler.

use crate::router::router;
use drydock_core::Service;
use drydock_model::OperationMeta;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The areas, and what the names of their operations contain; the first area that fits has an operation.
const AREAS: &[(&str, &[&str])] = &[
    ("Streams and OTA updates", &["Stream", "OTAUpdate"]),
    ("Software packages", &["Package", "Sbom"]),
    (
        "Device Defender",
        &[
            "Audit",
            "SecurityProfile",
            "Mitigation",
            "Violation",
            "Dimension",
            "CustomMetric",
            "BehaviorModel",
            "MetricValues",
        ],
    ),
    ("Jobs and commands", &["Job", "Command", "Execution"]),
    (
        "Fleet indexing",
        &[
            "Index",
            "Indices",
            "FleetMetric",
            "Statistics",
            "Cardinality",
            "Percentiles",
            "BucketsAggregation",
            "ThingConnectivityData",
            "DynamicThingGroup",
        ],
    ),
    ("Logging", &["Logging"]),
    ("Device shadows", &["Shadow"]),
    (
        "Provisioning",
        &["Provisioning", "ThingRegistrationTask", "CertificateProvider", "RegisterThing", "RegistrationTask"],
    ),
    ("Rules", &["TopicRule"]),
    ("Custom authorizers", &["Authorizer"]),
    ("Certificates and CAs", &["Certificate", "RegistrationCode"]),
    ("Policies", &["Polic", "TestAuthorization"]),
    ("Connections and messages", &["Connection", "Retained", "Subscriptions", "Publish", "DirectMessage"]),
    (
        "Account, endpoints and domains",
        &["Endpoint", "EventConfigurations", "Encryption", "DomainConfiguration", "RoleAlias"],
    ),
    ("Billing groups", &["BillingGroup"]),
    ("Thing groups", &["ThingGroup"]),
    ("Thing types", &["ThingType"]),
    ("Tags", &["Tag", "Untag"]),
    ("Things", &["Thing"]),
];

/// An area's operations.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Area {
    /// Its name.
    pub area: &'static str,
    /// What is implemented, by service and name.
    pub implemented: Vec<String>,
    /// What answers 501.
    pub missing: Vec<String>,
}

/// The area of an operation; `None` where no area has it.
fn area(operation: &OperationMeta) -> Option<&'static str> {
    let fits = |parts: &[&str]| parts.iter().any(|part| operation.name.contains(part));
    AREAS.iter().find(|(_, parts)| fits(parts)).map(|(area, _)| *area)
}

/// An operation as it is listed: by name, and with its service where another service has one of that name.
fn listed(operation: &OperationMeta) -> String {
    match operation.service {
        Service::Iot => operation.name.to_owned(),
        service => format!("{service} {}", operation.name),
    }
}

/// Every operation, by area.
#[must_use]
pub fn areas() -> Vec<Area> {
    let router = router();
    let implemented: BTreeSet<(Service, &str)> = router.implemented().map(|of| (of.service, of.name)).collect();
    let mut areas: Vec<Area> = AREAS.iter().map(|(area, _)| Area { area, ..Area::default() }).collect();
    areas.push(Area { area: "Other", ..Area::default() });
    for operation in drydock_model::operations() {
        let wanted = area(operation).unwrap_or("Other");
        let Some(area) = areas.iter_mut().find(|of| of.area == wanted) else { continue };
        let list = if implemented.contains(&(operation.service, operation.name)) {
            &mut area.implemented
        } else {
            &mut area.missing
        };
        list.push(listed(operation));
    }
    areas.retain(|area| !area.implemented.is_empty() || !area.missing.is_empty());
    areas.sort_by_key(|area| area.area);
    areas
}

/// The table that the README has.
#[must_use]
pub fn markdown(areas: &[Area]) -> String {
    let mut text = String::from("| area | operations | not yet |\n|---|---|---|\n");
    let (mut done, mut all) = (0, 0);
    for Area { area, implemented, missing } in areas {
        let (have, total) = (implemented.len(), implemented.len() + missing.len());
        (done, all) = (done + have, all + total);
        let missing = match (have, missing.as_slice()) {
            (_, []) => String::new(),
            (0, _) => "all".to_owned(),
            (_, missing) => missing.join(", "),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {area} | {have} of {total} | {missing} |");
    }
    let _ = writeln!(text, "| **all** | **{done} of {all}** | |");
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_an_area_and_every_area_operations() {
        let lost: Vec<_> = drydock_model::operations().iter().filter(|of| super::area(of).is_none()).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert_eq!(super::areas().len(), super::AREAS.len());
    }
}
