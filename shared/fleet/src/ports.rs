//! What the functions need of the outside, a trait per verb: the bounds in a handler's signature are the permissions it
//! must be granted, and no more. `fleet-aws` implements them with the AWS SDK, the tests in memory.

use crate::alert::Alert;
use crate::authorization::FleetKey;
use crate::conditional::{Change, Item, Outcome};
use crate::connectivity::{IndexPage, Settle};
use crate::defender::audit::{Found, Mitigation, MitigationView, Suppression};
use crate::defender::finding::Resource;
use crate::detection::look::Look;
use crate::homes::state::{Desired, Presence, Shadow};
use crate::release::{Definition, Failure, JobRequest, JobView};
use crate::telemetry::Quarantined;
use crate::transaction::{Step, Transacted};
use iot_events::CertificateStatus;
use std::collections::BTreeMap;

/// A call to the outside failed; whoever called the function must try again, if that can help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {cause}")]
pub struct PortError {
    /// What was attempted, in AWS's words, such as `AttachPolicy`.
    pub operation: &'static str,
    /// Why it failed.
    pub cause: Box<dyn std::error::Error + Send + Sync>,
    /// What can help.
    pub kind: ErrorKind,
}

/// What can help against an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Trying again.
    Passing,
    /// Trying again, later and less: the service is asked more often than it allows. That is not a failure.
    Throttled,
    /// Nothing but a person: a request that is not valid, or not allowed.
    Permanent,
}

impl PortError {
    /// Wraps the cause of an error that passes.
    pub fn new(operation: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { operation, cause: cause.into(), kind: ErrorKind::Passing }
    }

    /// The same of another kind.
    #[must_use]
    pub fn of_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }
}

/// The answer of a port.
pub type PortResult<T> = Result<T, PortError>;

/// A device certificate as AWS IoT keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCertificate {
    /// The ARN, which policies and things are attached to.
    pub arn: String,
    /// The certificate in PEM form.
    pub pem: String,
    /// The CA that signed it, if AWS IoT knows it.
    pub ca_certificate_id: Option<String>,
    /// Its status now.
    pub status: CertificateStatus,
}

/// A thing as far as registration compares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thing {
    /// Its type.
    pub thing_type: Option<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// Whether a thing was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was made, or existed exactly so.
    Made,
    /// A thing of this name exists and is different in some way.
    ExistsOtherwise,
}

/// `iot:DescribeCertificate`
pub trait DescribeCertificate {
    /// The certificate; `None` if there is none of this id.
    fn describe_certificate(
        &self,
        certificate_id: &str,
    ) -> impl Future<Output = PortResult<Option<RegisteredCertificate>>> + Send;
}

/// `iot:DescribeCACertificate`
pub trait DescribeCaCertificate {
    /// Whether the CA is active; `None` if this account has no CA of this id.
    fn ca_is_active(&self, ca_certificate_id: &str) -> impl Future<Output = PortResult<Option<bool>>> + Send;
}

/// `iot:CreateThing`
pub trait CreateThing {
    /// Makes the thing.
    fn create_thing(&self, name: &str, thing: &Thing) -> impl Future<Output = PortResult<Created>> + Send;
}

/// `iot:DescribeThing`
pub trait DescribeThing {
    /// The thing; `None` if there is none of this name.
    fn describe_thing(&self, name: &str) -> impl Future<Output = PortResult<Option<Thing>>> + Send;
}

/// `iot:AddThingToThingGroup`
pub trait AddThingToGroup {
    /// Puts the thing into the static group; fine if it is in it.
    fn add_thing_to_group(&self, name: &str, group: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:AttachPolicy`
pub trait AttachPolicy {
    /// Attaches the policy to the certificate; fine if it is attached.
    fn attach_policy(&self, policy: &str, certificate_arn: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:AttachThingPrincipal`
pub trait AttachThingPrincipal {
    /// Attaches the certificate to the thing; fine if it is attached.
    fn attach_thing_principal(&self, thing: &str, certificate_arn: &str)
    -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:UpdateCertificate`
pub trait UpdateCertificate {
    /// Gives the certificate a status.
    fn update_certificate(
        &self,
        certificate_id: &str,
        status: &CertificateStatus,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// `dynamodb:GetItem` on the block list
pub trait FindBlocked {
    /// Why the entry (see [`crate::registration::block_list_entries`]) is blocked; `None` if it is not.
    fn find_blocked(&self, entry: &str) -> impl Future<Output = PortResult<Option<String>>> + Send;
}

/// `dynamodb:GetItem` on the allow list
pub trait FindAllowed {
    /// Whether the serial number is on the list.
    fn find_allowed(&self, serial_number: &str) -> impl Future<Output = PortResult<bool>> + Send;
}

/// `dynamodb:GetItem` on the fleet's keys
pub trait FindKey {
    /// The key of this id; `None` if the fleet has none.
    fn find_key(&self, kid: &str) -> impl Future<Output = PortResult<Option<FleetKey>>> + Send;
}

/// A device that joined the fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Its thing's type.
    pub thing_type: Option<String>,
    /// Its serial number.
    pub serial_number: Option<String>,
}

/// `dynamodb:GetItem` on the devices
pub trait FindDevice {
    /// The device; `None` if none of this name has joined. Either may be remembered for a while.
    fn find_device(&self, thing_name: &str) -> impl Future<Output = PortResult<Option<Device>>> + Send;
}

/// `dynamodb:UpdateItem` on one table
pub trait UpdateItem {
    /// Carries the change out, whole or not at all.
    fn update_item(&self, change: &Change) -> impl Future<Output = PortResult<Outcome>> + Send;
}

/// `sns:Publish` on one topic
pub trait Notify {
    /// Tells.
    fn notify(&self, alert: &Alert) -> impl Future<Output = PortResult<()>> + Send;
}

/// `sqs:SendMessage` on the queue of connectivity changes that are to be settled
pub trait ScheduleSettle {
    /// Has the change looked at again after the delay, 0 to 900 seconds.
    fn schedule_settle(&self, settle: &Settle, delay_seconds: u16) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:SearchIndex` on the index of things
pub trait SearchConnectivity {
    /// A page of what the fleet index has of connectivity, behind another; `None` while it is not indexed.
    fn search_connectivity(&self, after: Option<&str>) -> impl Future<Output = PortResult<Option<IndexPage>>> + Send;
}

/// `sqs:SendMessage` on the queue of periods that are to be judged
pub trait ScheduleLook {
    /// Has the period looked at after the delay, 0 to 900 seconds.
    fn schedule_look(&self, look: &Look, delay_seconds: u16) -> impl Future<Output = PortResult<()>> + Send;
}

/// `sns:Publish` on the topic of violations
pub trait TellViolation {
    /// Tells what has become of a violation, in the form of Device Defender's alerts.
    fn tell_violation(&self, message: &serde_json::Value) -> impl Future<Output = PortResult<()>> + Send;
}

/// `sqs:SendMessage` on the quarantine queue
pub trait Quarantine {
    /// Sets a message aside for a person to look at.
    fn quarantine(&self, message: &Quarantined) -> impl Future<Output = PortResult<()>> + Send;
}

/// `dynamodb:GetItem` on the releases
pub trait FindRelease {
    /// The row with this key, as it is now; `None` if there is none.
    fn find_release(&self, key: &str) -> impl Future<Output = PortResult<Option<Item>>> + Send;
}

/// `dynamodb:Scan` of the releases
pub trait ListReleases {
    /// All rows.
    fn list_releases(&self) -> impl Future<Output = PortResult<Vec<Item>>> + Send;
}

/// `iot:CreateJob`
pub trait CreateJob {
    /// Makes the job; fine if there is one of its id, which follows from what it is for.
    fn create_job(&self, job: &JobRequest) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:CancelJob`
pub trait CancelJob {
    /// Cancels the job; fine if it is over, or gone.
    fn cancel_job(&self, job_id: &str, comment: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:DescribeJob`
pub trait DescribeJob {
    /// How the job stands; `None` if there is none of this id.
    fn describe_job(&self, job_id: &str) -> impl Future<Output = PortResult<Option<JobView>>> + Send;
}

/// `iot:ListJobExecutionsForJob` and `iot:DescribeJobExecution`
pub trait ListFailures {
    /// The first things, at most ten, on which the job went wrong, each with what it said last.
    fn list_failures(&self, job_id: &str) -> impl Future<Output = PortResult<Vec<Failure>>> + Send;
}

/// `iot:ListThingsInThingGroup`
pub trait ListGroup {
    /// The names of the things in the group and the groups below it, at most so many; `None` if there is no such group.
    fn list_group(&self, group: &str, most: usize) -> impl Future<Output = PortResult<Option<Vec<String>>>> + Send;
}

/// `iot:CreateThingGroup`, `iot:ListThingsInThingGroup` and `iot:AddThingToThingGroup`
pub trait FillGroup {
    /// Puts those things of a page of the group `of` into the static group, which is made if it is not there, that belong to these
    /// [hundredths](crate::release::definition::hundredth) of it. Answers the next page, if there is one.
    fn fill_group(
        &self,
        group: &str,
        of: &str,
        hundredths: std::ops::Range<u8>,
        page: Option<&str>,
    ) -> impl Future<Output = PortResult<Option<String>>> + Send;
}

/// `iot:UpdateEventConfigurations`
pub trait SwitchOnJobEvents {
    /// Has AWS IoT tell of jobs and of job executions; fine if it does.
    fn switch_on_job_events(&self) -> impl Future<Output = PortResult<()>> + Send;
}

/// `sqs:SendMessage` on the queue of the jobs' events
pub trait GoOn {
    /// Has the release looked at again at once.
    fn go_on(&self, release_id: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// `dynamodb:GetItem` on one table
pub trait FindRow {
    /// The row with this key, one text, as it is now; `None` if there is none.
    fn find_row(&self, key: &'static str, value: &str) -> impl Future<Output = PortResult<Option<Item>>> + Send;
}

/// `iot:ListAuditFindings`
pub trait ListFindings {
    /// What an audit has found by a check and nobody has suppressed, at most so many and a few more.
    fn list_findings(&self, task_id: &str, check: &str, most: usize) -> impl Future<Output = PortResult<Found>> + Send;
}

/// `iot:ListPrincipalThings`, `iot:ListTargetsForPolicy` and `iot:ListThingsInThingGroup`
pub trait ListDevices {
    /// The things that the resource is of, or reaches, at most so many and a few more. None of a certificate that has none.
    fn list_devices(&self, resource: &Resource, most: usize) -> impl Future<Output = PortResult<Vec<String>>> + Send;
}

/// `iot:ListThings`
pub trait CountThings {
    /// How many things the fleet has, counted no further than to so many.
    fn count_things(&self, enough: usize) -> impl Future<Output = PortResult<usize>> + Send;
}

/// `iot:StartAuditMitigationActionsTask`
pub trait StartMitigation {
    /// Starts the task; fine if there is one of its id, which follows from what it is for.
    fn start_mitigation(&self, mitigation: &Mitigation) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:DescribeAuditMitigationActionsTask`
pub trait DescribeMitigation {
    /// How the task stands; `None` if there is none of this id.
    fn describe_mitigation(&self, id: &str) -> impl Future<Output = PortResult<Option<MitigationView>>> + Send;
}

/// `iot:CreateAuditSuppression`
pub trait Suppress {
    /// Suppresses a finding; fine if it is suppressed.
    fn suppress(&self, suppression: &Suppression) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:CreateThingGroup`
pub trait MakeGroup {
    /// Makes the static group; fine if it is there.
    fn make_group(&self, group: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// `iot:RemoveThingFromThingGroup`
pub trait RemoveThingFromGroup {
    /// Takes the thing out of the static group; fine if it is not in it, or gone.
    fn remove_thing_from_group(&self, name: &str, group: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// `sqs:SendMessage` on the queue of the jobs' events
pub trait AskForRelease {
    /// Has the release made; asked for twice, it is made once.
    fn ask_for_release(&self, release: &Definition, by: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// `dynamodb:GetItem` on the homes
pub trait FindHomeRow {
    /// The row with these keys, as it is now; `None` if there is none.
    fn find_home_row(&self, partition: &str, sort: &str) -> impl Future<Output = PortResult<Option<Item>>> + Send;
}

/// Some rows of a partition, in the order of their sort keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The rows.
    pub items: Vec<Item>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

/// `dynamodb:Query` on the homes
pub trait ListRows {
    /// Rows of the partition whose sort keys begin so, behind one of them, at most so many.
    fn list_rows(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> impl Future<Output = PortResult<Rows>> + Send;
}

/// `dynamodb:ConditionCheckItem`, `dynamodb:DeleteItem` and `dynamodb:UpdateItem` on the homes
pub trait Transact {
    /// Carries all of it out, or none of it.
    fn transact(&self, steps: &[Step]) -> impl Future<Output = PortResult<Transacted>> + Send;
}

/// `iot:GetThingShadow`
pub trait GetShadow {
    /// The thing's classic shadow; `None` if it has none.
    fn get_shadow(&self, thing_name: &str) -> impl Future<Output = PortResult<Option<Shadow>>> + Send;
}

/// What became of a change of a shadow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It was made.
    Done,
    /// The shadow has another version.
    OtherVersion,
    /// The shadow would be larger than it may be.
    TooLarge,
    /// AWS IoT does not take it, for this reason.
    Refused(String),
}

/// `iot:UpdateThingShadow`
pub trait UpdateShadow {
    /// Sets what the thing is wanted to be; where a version is given, if it is the shadow's.
    fn update_shadow(
        &self,
        thing_name: &str,
        desired: &Desired,
        version: Option<i64>,
    ) -> impl Future<Output = PortResult<Written>> + Send;
}

/// `dynamodb:GetItem` on the connectivity of devices
pub trait FindPresence {
    /// Whether the client is connected; `None` if it never was.
    fn find_presence(&self, client_id: &str) -> impl Future<Output = PortResult<Option<Presence>>> + Send;
}

/// A moment's rest, between two looks at what a device may do any time.
pub trait Pause {
    /// Waits for a quarter of a second.
    fn pause(&self) -> impl Future<Output = ()> + Send;
}
