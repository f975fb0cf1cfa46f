//! Things and certificates.

use crate::failure::failed;
use crate::remembered::Remembered;
use aws_config::SdkConfig;
use aws_sdk_iot::Client;
use aws_sdk_iot::types::{AttributePayload, CaCertificateStatus, CertificateStatus as SdkStatus};
use fleet::connectivity::{IndexPage, Indexed};
use fleet::ports::{
    AddThingToGroup, AttachPolicy, AttachThingPrincipal, CreateThing, Created, DescribeCaCertificate,
    DescribeCertificate, DescribeThing, PortError, PortResult, RegisteredCertificate, SearchConnectivity, Thing,
    UpdateCertificate,
};
use std::collections::HashMap;
use std::time::Duration;

/// How long a CA's state is remembered. A fleet has few of them, and each device asks for the same.
const CA_REMEMBERED: Duration = Duration::from_secs(60);
/// How many CAs are remembered by one process.
const REMEMBERED_CAS: usize = 64;
/// All things of which the index has connectivity.
const WITH_CONNECTIVITY: &str = "connectivity.connected:*";
/// How many of them a page has.
const PAGE: i32 = 100;

/// The registry of the account and region that the configuration names.
#[derive(Debug)]
pub struct Registry {
    client: Client,
    cas: Remembered<Option<bool>>,
}

impl Registry {
    /// A client.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config), cas: Remembered::new(REMEMBERED_CAS) }
    }
}

impl DescribeCertificate for Registry {
    async fn describe_certificate(&self, certificate_id: &str) -> PortResult<Option<RegisteredCertificate>> {
        const OPERATION: &str = "DescribeCertificate";
        let description = match self.client.describe_certificate().certificate_id(certificate_id).send().await {
            Ok(answer) => answer.certificate_description,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(OPERATION, &error)),
        };
        let complete = description.and_then(|description| {
            Some(RegisteredCertificate {
                arn: description.certificate_arn?,
                pem: description.certificate_pem?,
                ca_certificate_id: description.ca_certificate_id,
                status: iot_events::CertificateStatus::from_wire(description.status?.as_str()),
            })
        });
        complete.map(Some).ok_or_else(|| PortError::new(OPERATION, "the answer lacks the ARN, the PEM or the status"))
    }
}

impl DescribeCaCertificate for Registry {
    async fn ca_is_active(&self, ca_certificate_id: &str) -> PortResult<Option<bool>> {
        if let Some(state) = self.cas.get(ca_certificate_id) {
            return Ok(state);
        }
        let answer = self.client.describe_ca_certificate().certificate_id(ca_certificate_id).send().await;
        let state = match answer {
            Ok(answer) => answer
                .certificate_description
                .map(|description| description.status == Some(CaCertificateStatus::Active)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => None,
            Err(error) => return Err(failed("DescribeCACertificate", &error)),
        };
        self.cas.put(ca_certificate_id, state, CA_REMEMBERED);
        Ok(state)
    }
}

impl CreateThing for Registry {
    async fn create_thing(&self, name: &str, thing: &Thing) -> PortResult<Created> {
        let attributes: HashMap<_, _> = thing.attributes.clone().into_iter().collect();
        let request = self
            .client
            .create_thing()
            .thing_name(name)
            .set_thing_type_name(thing.thing_type.clone())
            .attribute_payload(AttributePayload::builder().set_attributes(Some(attributes)).build());
        match request.send().await {
            Ok(_) => Ok(Created::Made),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_already_exists_exception()) => {
                Ok(Created::ExistsOtherwise)
            }
            Err(error) => Err(failed("CreateThing", &error)),
        }
    }
}

impl DescribeThing for Registry {
    async fn describe_thing(&self, name: &str) -> PortResult<Option<Thing>> {
        match self.client.describe_thing().thing_name(name).send().await {
            Ok(answer) => Ok(Some(Thing {
                thing_type: answer.thing_type_name,
                attributes: answer.attributes.unwrap_or_default().into_iter().collect(),
            })),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(failed("DescribeThing", &error)),
        }
    }
}

impl AddThingToGroup for Registry {
    async fn add_thing_to_group(&self, name: &str, group: &str) -> PortResult<()> {
        let request = self.client.add_thing_to_thing_group().thing_name(name).thing_group_name(group);
        request.send().await.map(drop).map_err(|error| failed("AddThingToThingGroup", &error))
    }
}

impl AttachPolicy for Registry {
    async fn attach_policy(&self, policy: &str, certificate_arn: &str) -> PortResult<()> {
        let request = self.client.attach_policy().policy_name(policy).target(certificate_arn);
        request.send().await.map(drop).map_err(|error| failed("AttachPolicy", &error))
    }
}

impl AttachThingPrincipal for Registry {
    async fn attach_thing_principal(&self, thing: &str, certificate_arn: &str) -> PortResult<()> {
        let request = self.client.attach_thing_principal().thing_name(thing).principal(certificate_arn);
        request.send().await.map(drop).map_err(|error| failed("AttachThingPrincipal", &error))
    }
}

impl UpdateCertificate for Registry {
    async fn update_certificate(&self, certificate_id: &str, status: &iot_events::CertificateStatus) -> PortResult<()> {
        let status = SdkStatus::from(status.as_str());
        let request = self.client.update_certificate().certificate_id(certificate_id).new_status(status);
        request.send().await.map(drop).map_err(|error| failed("UpdateCertificate", &error))
    }
}

impl SearchConnectivity for Registry {
    async fn search_connectivity(&self, after: Option<&str>) -> PortResult<Option<IndexPage>> {
        let request = self.client.search_index().query_string(WITH_CONNECTIVITY).max_results(PAGE);
        let answer = match request.set_next_token(after.map(str::to_owned)).send().await {
            Ok(answer) => answer,
            // Nothing is indexed, or not yet.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception() || e.is_index_not_ready_exception()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed("SearchIndex", &error)),
        };
        let devices = answer.things.unwrap_or_default().into_iter().filter_map(|thing| {
            let connectivity = thing.connectivity?;
            Some(Indexed {
                client_id: thing.thing_name?,
                connected: connectivity.connected?,
                since: connectivity.timestamp.filter(|since| *since > 0),
                reason: connectivity.disconnect_reason,
            })
        });
        Ok(Some(IndexPage { devices: devices.collect(), next: answer.next_token }))
    }
}
