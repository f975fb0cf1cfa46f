//! The services of one account and region: what they share, and the state that each has of its own.

use crate::audit::service::AuditService;
use crate::certificates::service::CertificatesService;
use crate::commands::service::CommandsService;
use crate::connections::pace::Paces;
use crate::detect::service::DetectService;
use crate::indexing::fleet_metrics::FleetMetricsService;
use crate::indexing::service::IndexingService;
use crate::jobs::service::JobsService;
use crate::ota::service::OtaService;
use crate::provisioning::service::ProvisioningService;
use crate::rules::service::RulesService;
use crate::shadows::service::ShadowService;
use drydock_gate::authorizer::AuthorizerClient;
use drydock_host::Host;
use std::sync::Arc;

/// The services.
pub struct Services {
    /// What all of them stand on.
    pub host: Host,
    /// Who asks the functions of custom authorizers.
    pub authorizer_client: AuthorizerClient,
    /// How often the data plane was asked about each client.
    pub paces: Paces,
    /// Provisioning of devices.
    pub provisioning: Arc<ProvisioningService>,
    /// Topic rules.
    pub rules: Arc<RulesService>,
    /// Device shadows.
    pub shadows: Arc<ShadowService>,
    /// The fleet index.
    pub indexing: Arc<IndexingService>,
    /// Fleet metrics.
    pub fleet_metrics: Arc<FleetMetricsService>,
    /// Jobs.
    pub jobs: Arc<JobsService>,
    /// Commands.
    pub commands: Arc<CommandsService>,
    /// Device Defender Detect.
    pub detect: Arc<DetectService>,
    /// Streams and OTA updates.
    pub ota: Arc<OtaService>,
    /// Device Defender's audits.
    pub audit: Arc<AuditService>,
    /// CAs and certificates.
    pub certificates: Arc<CertificatesService>,
}
