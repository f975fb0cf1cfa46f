//! A fleet that is under attack and badly kept: a certificate that two devices share, one that ends soon, a policy that is too wide, a
//! device that floods, one that scans ports. Each is found by Device Defender, alerted, and remedied; the clock is moved, alarms clear,
//! and a second audit finds nothing more.
//!
//! - `ask`: what is asked of AWS IoT, Amazon SNS and Amazon SQS. `report`: what was found and what became of it.

mod ask;
mod report;

use super::authority::DeviceMaker;
use super::error::{DemoError, POLL};
use super::stage::{Seen, api, text};
use super::timeline::Timeline;
use crate::client::{Api, encoded};
use crate::mqtt::{ClientError, Connection, Identity, PATIENCE};
use ask::Asks;
use drydock_gateway::Gateway;
use drydock_gateway::dock::device::{Made, make};
use http::Method;
use report::{CALM, EXPIRING, Found, QUIET, Report, SHARED, WIDE, short};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const PROFILE: &str = "meters";
/// How many messages a device may send in five minutes, and how many connections it may have.
const MESSAGES: u32 = 20;
const CONNECTIONS: u32 = 10;
/// What Device Defender looks at together, in seconds.
const PERIOD: i64 = 300;
/// Past what the audit's check for shared certificates does not look at yet.
const LATER: &str = "2h 1s";
/// Whom Device Defender acts as.
const ROLE: &str = "arn:aws:iam::123456789012:role/defender";

/// Shows it.
pub(super) async fn perform(gateway: &Gateway, timeline: &mut Timeline) -> Result<Seen, DemoError> {
    let root = std::fs::read_to_string(gateway.root_ca()).map_err(DemoError::Root)?;
    let asks = Asks::new(api(gateway));
    let mut play = Play { gateway, asks, root, timeline, report: Report::default() };
    play.perform().await?;
    Ok(Seen {
        table: play.report.table(),
        json: play.report.json(),
        last: "each was found, told and remedied; a second audit finds nothing more".to_owned(),
    })
}

fn at(step: &'static str) -> impl Fn(ClientError) -> DemoError {
    move |error| DemoError::Device(step, error)
}

/// What goes on.
struct Play<'p> {
    gateway: &'p Gateway,
    asks: Asks,
    root: String,
    timeline: &'p mut Timeline,
    report: Report,
}

/// A device that is connected, with what it shows.
struct Device {
    made: Made,
    connection: Connection,
}

impl Play<'_> {
    async fn perform(&mut self) -> Result<(), DemoError> {
        self.asks.alerts().await?;
        // What checks look at of connections is kept from when they are switched on.
        self.watch().await?;
        let mut devices = self.devices().await?;
        self.violate(&mut devices).await?;
        let violations = self.violations().await?;
        self.quarantine(&violations).await?;
        self.calm_down(&mut devices.scanner).await?;
        let audit = self.audit().await?;
        self.findings(&audit, &devices).await?;
        self.remedy(&audit, &devices).await?;
        self.again().await
    }

    fn api(&self) -> &Api {
        &self.asks.api
    }

    /// A device that is as it should be.
    async fn device(&self, name: &str) -> Result<Device, DemoError> {
        let made = make(self.api(), name, None).await?;
        let connection = self.connect(&made, name).await?;
        Ok(Device { made, connection })
    }

    async fn connect(&self, made: &Made, name: &str) -> Result<Connection, DemoError> {
        let shown = &made.credentials;
        let identity = Identity::new(&self.root, &shown.certificate_pem, &shown.private_key_pem);
        let identity = identity.map_err(at("reading its certificate"))?;
        let mqtt = self.gateway.addresses().mqtt;
        let to = (mqtt.ip().to_string(), mqtt.port());
        Connection::connect(&identity, name, (&to.0, to.1), false).await.map_err(at("connecting"))
    }

    /// Makes the fleet, with what is wrong in it.
    async fn devices(&mut self) -> Result<Devices, DemoError> {
        let flood = self.device("meter-flood").await?;
        let scanner = self.device("meter-scanner").await?;
        let twin = self.device("meter-twin").await?;
        let principal = twin.made.credentials.certificate_arn.clone();
        self.asks.iot("CreateThing", Method::POST, "/things/meter-copy", &json!({})).await?;
        let attach = [("x-amzn-principal", principal.as_str())];
        self.api()
            .iot("AttachThingPrincipal", Method::PUT, "/things/meter-copy/principals", &attach, &Value::Null)
            .await?;
        // It shows the same certificate, as a device does that was cloned.
        let copy = self.connect(&twin.made, "meter-copy").await?;
        self.timeline.step(
            "fleet",
            "four meters connect; two of them show one certificate",
            format!("cert/{} twice", short(&twin.made.credentials.certificate_id)),
        );

        let now = self.gateway.host.books.now();
        let maker = DeviceMaker::create("Meter CA", now)?;
        let signed = maker.device_until("meter-old", now.utc() + time::Duration::days(20))?;
        let body = json!({ "certificatePem": signed.certificate, "status": "ACTIVE" });
        let path = "/certificate/register-no-ca";
        let old = self.asks.iot("RegisterCertificateWithoutCA", Method::POST, path, &body).await?;
        let old = text(&old, "RegisterCertificateWithoutCA", "certificateId")?;
        self.timeline.step("fleet", "a certificate ends in 20 days", format!("cert/{}", short(&old)));

        let wide = json!({
            "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }],
        });
        let body = json!({ "policyDocument": wide.to_string() });
        self.asks.iot("CreatePolicy", Method::POST, "/policies/everything", &body).await?;
        self.timeline.step("operator", "made a policy that allows everything", "policy/everything");
        Ok(Devices { flood, scanner, twin, _copy: copy, old })
    }

    /// Switches the audit and the profile on, both of which tell a topic.
    async fn watch(&mut self) -> Result<(), DemoError> {
        let topic = self.asks.topic.clone();
        let on: serde_json::Map<String, Value> =
            [SHARED, EXPIRING, WIDE].into_iter().map(|check| (check.to_owned(), json!({ "enabled": true }))).collect();
        let told = json!({ "SNS": { "targetArn": topic, "roleArn": ROLE, "enabled": true } });
        let body = json!({
            "roleArn": ROLE, "auditNotificationTargetConfigurations": told, "auditCheckConfigurations": on,
        });
        let path = "/audit/configuration";
        self.asks.iot("UpdateAccountAuditConfiguration", Method::PATCH, path, &body).await?;
        let behaviors = json!([
            { "name": CALM, "metric": "aws:num-messages-sent", "criteria": {
                "comparisonOperator": "less-than-equals", "value": { "count": MESSAGES }, "durationSeconds": 300,
                "consecutiveDatapointsToAlarm": 1, "consecutiveDatapointsToClear": 1,
            } },
            { "name": QUIET, "metric": "aws:num-established-tcp-connections", "criteria": {
                "comparisonOperator": "less-than-equals", "value": { "count": CONNECTIONS },
                "consecutiveDatapointsToAlarm": 1, "consecutiveDatapointsToClear": 1,
            } },
        ]);
        let body = json!({
            "behaviors": behaviors, "alertTargets": { "SNS": { "alertTargetArn": topic, "roleArn": ROLE } },
        });
        let path = format!("/security-profiles/{PROFILE}");
        self.asks.iot("CreateSecurityProfile", Method::POST, &path, &body).await?;
        let all = encoded(&self.asks.arn("all/things"));
        let path = format!("{path}/targets?securityProfileTargetArn={all}");
        self.asks.iot("AttachSecurityProfile", Method::PUT, &path, &Value::Null).await?;
        let what = format!("switched three checks on, and a profile: {MESSAGES} messages, {CONNECTIONS} connections");
        self.timeline.step("operator", what, format!("securityprofile/{PROFILE}"));
        Ok(())
    }

    /// Audits once; gives the task.
    async fn audit(&mut self) -> Result<String, DemoError> {
        let body = json!({ "targetCheckNames": [SHARED, EXPIRING, WIDE] });
        let begun = self.asks.iot("StartOnDemandAuditTask", Method::POST, "/audit/tasks", &body).await?;
        let task = text(&begun, "StartOnDemandAuditTask", "taskId")?;
        let path = format!("/audit/tasks/{task}");
        self.asks.until("DescribeAuditTask", &path, "/taskStatus", "COMPLETED").await?;
        Ok(task)
    }

    /// What an audit has found.
    async fn found(&self, task: &str) -> Result<Vec<Value>, DemoError> {
        let body = json!({ "taskId": task, "maxResults": 250 });
        let answer = self.asks.iot("ListAuditFindings", Method::POST, "/audit/findings", &body).await?;
        Ok(answer.get("findings").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Sees that the audit has found what is wrong, and told it.
    async fn findings(&mut self, task: &str, devices: &Devices) -> Result<(), DemoError> {
        let found = self.found(task).await?;
        let twin = &devices.twin.made.credentials.certificate_id;
        let wanted = [
            (SHARED, "/nonCompliantResource/resourceIdentifier/deviceCertificateId", twin.as_str()),
            (EXPIRING, "/nonCompliantResource/resourceIdentifier/deviceCertificateId", devices.old.as_str()),
            (WIDE, "/nonCompliantResource/resourceIdentifier/policyVersionIdentifier/policyName", "everything"),
        ];
        for (check, pointer, id) in wanted {
            let is_it = |finding: &&Value| {
                finding.get("checkName").and_then(Value::as_str) == Some(check)
                    && finding.pointer(pointer).and_then(Value::as_str) == Some(id)
            };
            let Some(finding) = found.iter().find(is_it) else {
                return Err(DemoError::NotSeen(format!("a finding of {check} about {id}")));
            };
            let severity = finding.get("severity").and_then(Value::as_str).unwrap_or_default();
            self.timeline.step(
                "Device Defender",
                format!("found {}", report::words(check)),
                format!("{check} {severity}"),
            );
            self.report.add(Found::new(check, id, severity));
        }
        let told = self.asks.told("the end of the audit", |told| told.get("taskId") == Some(&json!(task))).await?;
        let of = told.get("nonCompliantChecksCount").and_then(Value::as_u64).unwrap_or_default();
        self.timeline.step("Device Defender", "told how the audit ended", format!("SNS: {of} checks not compliant"));
        [SHARED, EXPIRING, WIDE].iter().for_each(|check| self.report.told(check));
        Ok(())
    }

    /// One device floods, one scans ports; the clock is moved to the end of the period that Device Defender looks at.
    async fn violate(&mut self, devices: &mut Devices) -> Result<(), DemoError> {
        // So late in a period, the flood could be over two of them.
        let into = self.gateway.host.books.now().seconds().rem_euclid(PERIOD);
        if into > PERIOD / 2 {
            self.advance(&format!("{}s", PERIOD - into)).await?;
        }
        let messages = MESSAGES * 2;
        for number in 0..messages {
            let topic = "dt/meter-flood/telemetry";
            let payload = json!({ "n": number }).to_string();
            devices.flood.connection.publish(topic, payload).await.map_err(at("publishing"))?;
        }
        self.timeline.step("device", format!("meter-flood sent {messages} messages at once"), "PUBACK");
        let open = CONNECTIONS * 3;
        report_connections(&mut devices.scanner.connection, 1, open).await?;
        self.timeline.step(
            "device",
            format!("meter-scanner reported {open} connections to port 22 of others"),
            "defender/metrics accepted",
        );
        let into = self.gateway.host.books.now().seconds().rem_euclid(PERIOD);
        self.advance(&format!("{}s", PERIOD - into)).await?;
        self.timeline.step("operator", "moved the clock to the end of the period of five minutes", "clock");
        Ok(())
    }

    async fn advance(&self, by: &str) -> Result<(), DemoError> {
        self.api().clock(Some(&json!({ "advance": by }))).await?;
        Ok(())
    }

    /// Sees that both are in violation, and that it was told; gives the violations' ids.
    async fn violations(&mut self) -> Result<Vec<String>, DemoError> {
        let mut ids = Vec::new();
        for (behavior, thing) in [(CALM, "meter-flood"), (QUIET, "meter-scanner")] {
            let deadline = Instant::now() + PATIENCE;
            let violation = loop {
                let path = format!("/active-violations?thingName={thing}&maxResults=250");
                let answer = self.asks.iot("ListActiveViolations", Method::GET, &path, &Value::Null).await?;
                let all = answer.get("activeViolations").and_then(Value::as_array).cloned().unwrap_or_default();
                let of = |v: &Value| v.pointer("/behavior/name").and_then(Value::as_str) == Some(behavior);
                if let Some(violation) = all.into_iter().find(of) {
                    break violation;
                }
                if Instant::now() > deadline {
                    return Err(DemoError::NotSeen(format!("the violation of {behavior} by {thing}")));
                }
                sleep(POLL).await;
            };
            let value = violation.pointer("/lastViolationValue/count").and_then(Value::as_u64).unwrap_or_default();
            self.timeline.step(
                "Device Defender",
                format!("found that {thing} is not {behavior}"),
                format!("{value} counted"),
            );
            self.report.add(Found::new(behavior, thing, "in alarm"));
            self.told_of(thing, "in-alarm").await?;
            self.report.told(behavior);
            ids.push(text(&violation, "ListActiveViolations", "violationId")?);
        }
        self.timeline.step("Device Defender", "told both violations", "SNS: in-alarm × 2");
        Ok(ids)
    }

    /// The alert of a violation.
    async fn told_of(&self, thing: &str, event: &str) -> Result<(), DemoError> {
        let is_it = |told: &Value| {
            told.get("thingName").and_then(Value::as_str) == Some(thing)
                && told.get("violationEventType").and_then(Value::as_str) == Some(event)
        };
        self.asks.told(&format!("{event} of {thing}"), is_it).await?;
        Ok(())
    }

    async fn action(&self, name: &str, params: Value) -> Result<(), DemoError> {
        let body = json!({ "roleArn": ROLE, "actionParams": params });
        let path = format!("/mitigationactions/actions/{name}");
        self.asks.iot("CreateMitigationAction", Method::POST, &path, &body).await?;
        Ok(())
    }

    /// Puts the devices that violate into a group, by an action of Device Defender.
    async fn quarantine(&mut self, violations: &[String]) -> Result<(), DemoError> {
        self.asks.iot("CreateThingGroup", Method::POST, "/thing-groups/quarantine", &json!({})).await?;
        self.action("quarantine", json!({ "addThingsToThingGroupParams": { "thingGroupNames": ["quarantine"] } }))
            .await?;
        let path = "/detect/mitigationactions/tasks/violations";
        let body = json!({
            "target": { "violationIds": violations }, "actions": ["quarantine"], "clientRequestToken": "violations",
        });
        self.asks.iot("StartDetectMitigationActionsTask", Method::PUT, path, &body).await?;
        let status = "/taskSummary/taskStatus";
        self.asks.until("DescribeDetectMitigationActionsTask", path, status, "SUCCESSFUL").await?;
        let path = "/thing-groups/quarantine/things";
        let held = self.asks.iot("ListThingsInThingGroup", Method::GET, path, &Value::Null).await?;
        let mut held: Vec<&str> =
            held.get("things").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        held.sort_unstable();
        if held != ["meter-flood", "meter-scanner"] {
            return Err(DemoError::NotSeen(format!("the quarantine of both devices (it has {held:?})")));
        }
        self.remedied(CALM, "put meter-flood into quarantine", "thinggroup/quarantine");
        self.remedied(QUIET, "put meter-scanner into quarantine", "thinggroup/quarantine");
        Ok(())
    }

    /// The scanner closes its connections; time goes by, in which the other sends nothing. Results of the audit's check for shared
    /// certificates are of what was so two hours before.
    async fn calm_down(&mut self, scanner: &mut Device) -> Result<(), DemoError> {
        report_connections(&mut scanner.connection, 2, 1).await?;
        self.told_of("meter-scanner", "alarm-cleared").await?;
        self.timeline.step("device", "meter-scanner reported one connection", "SNS: alarm-cleared");
        self.advance(LATER).await?;
        self.told_of("meter-flood", "alarm-cleared").await?;
        self.timeline.step("operator", "moved the clock by two hours: meter-flood is calm", "SNS: alarm-cleared");
        Ok(())
    }

    /// Remedies what the audit has found by actions of Device Defender, and the certificate that ends soon by another one.
    async fn remedy(&mut self, audit: &str, devices: &Devices) -> Result<(), DemoError> {
        self.action("deactivate", json!({ "updateDeviceCertificateParams": { "action": "DEACTIVATE" } })).await?;
        self.action("blank", json!({ "replaceDefaultPolicyVersionParams": { "templateName": "BLANK_POLICY" } }))
            .await?;
        let path = "/audit/mitigationactions/tasks/findings";
        let body = json!({
            "target": { "auditTaskId": audit }, "clientRequestToken": "findings",
            "auditCheckToActionsMapping": { SHARED: ["deactivate"], WIDE: ["blank"] },
        });
        self.asks.iot("StartAuditMitigationActionsTask", Method::POST, path, &body).await?;
        self.asks.until("DescribeAuditMitigationActionsTask", path, "/taskStatus", "COMPLETED").await?;

        let path = format!("/certificates/{}", devices.twin.made.credentials.certificate_id);
        let shown = self.asks.iot("DescribeCertificate", Method::GET, &path, &Value::Null).await?;
        self.asks.is(&shown, "/certificateDescription/status", "INACTIVE", "the shared certificate")?;
        self.remedied(SHARED, "deactivated the certificate that two devices shared", "INACTIVE");
        let shown = self.asks.iot("GetPolicy", Method::GET, "/policies/everything", &Value::Null).await?;
        self.asks.is(&shown, "/defaultVersionId", "2", "the policy's default version")?;
        self.remedied(WIDE, "gave the policy a version that allows nothing", "version 2 is the default");

        let fresh = self.device("meter-old").await?;
        let path = format!("/certificates/{}?newStatus=INACTIVE", devices.old);
        self.asks.iot("UpdateCertificate", Method::PUT, &path, &Value::Null).await?;
        let seen = format!("cert/{} connects", short(&fresh.made.credentials.certificate_id));
        self.remedied(EXPIRING, "gave meter-old a new certificate, and took the old one back", &seen);
        Ok(())
    }

    fn remedied(&mut self, what: &'static str, how: &'static str, seen: &str) {
        let who = if what == EXPIRING { "operator" } else { "Device Defender" };
        self.timeline.step(who, how, seen);
        self.report.remedied(what, how);
    }

    /// A day later a scheduled audit finds nothing more.
    async fn again(&mut self) -> Result<(), DemoError> {
        // A scheduled audit looks two hours back from when it was made.
        self.advance(LATER).await?;
        let body = json!({ "frequency": "DAILY", "targetCheckNames": [SHARED, EXPIRING, WIDE] });
        self.asks.iot("CreateScheduledAudit", Method::POST, "/audit/scheduledaudits/daily", &body).await?;
        self.advance("1d").await?;
        let is_it = |told: &Value| {
            told.get("scheduledAuditName").and_then(Value::as_str) == Some("daily")
                && told.get("taskStatus").and_then(Value::as_str) == Some("COMPLETED")
        };
        let told = self.asks.told("the daily audit", is_it).await?;
        let task = text(&told, "the audit's end", "taskId")?;
        let found = self.found(&task).await?;
        if let Some(finding) = found.first() {
            return Err(DemoError::NotSeen(format!("an audit without findings (it has {finding})")));
        }
        self.timeline.step("operator", "moved the clock by a day: the daily audit ran", "no findings");
        Ok(())
    }
}

/// Reports so many connections to port 22 of others, and waits for the answer.
async fn report_connections(connection: &mut Connection, id: u32, open: u32) -> Result<(), DemoError> {
    let own = "$aws/things/meter-scanner/defender/metrics/json";
    connection.subscribe(&[&format!("{own}/accepted")]).await.map_err(at("subscribing"))?;
    let remote = |n: u32| json!({ "remote_addr": format!("192.0.2.{n}:22"), "local_port": 40_000 + n });
    let all: Vec<Value> = (1..=open).map(remote).collect();
    let metrics = json!({ "tcp_connections": { "established_connections": { "connections": all, "total": open } } });
    let report = json!({ "header": { "report_id": id, "version": "1.0" }, "metrics": metrics });
    connection.publish(own, report.to_string()).await.map_err(at("reporting"))?;
    connection.receive(&format!("{own}/accepted")).await.map_err(at("waiting for the answer"))?;
    Ok(())
}

/// The fleet.
struct Devices {
    flood: Device,
    scanner: Device,
    twin: Device,
    /// The one that shows the twin's certificate: connected as long as the demo goes on.
    _copy: Connection,
    /// The certificate that ends soon.
    old: String,
}
