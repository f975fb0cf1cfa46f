//! The platforms that are signed for.

use super::refusal::{Refused, invalid};

/// A platform that is signed for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Platform {
    pub(super) id: &'static str,
    pub(super) display: &'static str,
    /// Whether the signed object has the payload in it.
    pub(super) embeds: bool,
    /// The largest payload, in bytes.
    pub(super) largest: u64,
}

/// The platforms whose signatures are ECDSA with SHA-256 ("ListSigningPlatforms").
const PLATFORMS: [Platform; 2] = [
    Platform {
        id: "AWSIoTDeviceManagement-SHA256-ECDSA",
        display: "AWS IoT Device Management SHA256-ECDSA",
        embeds: false,
        largest: 2048 * 1024 * 1024,
    },
    Platform {
        id: "AmazonFreeRTOS-Default",
        display: "Amazon FreeRTOS SHA256-ECDSA",
        embeds: true,
        largest: 16 * 1024 * 1024,
    },
];

/// A platform by its id.
pub(super) fn platform(id: &str) -> Result<Platform, Refused> {
    PLATFORMS.into_iter().find(|platform| platform.id == id).ok_or_else(|| {
        let known = PLATFORMS.map(|platform| platform.id).join(" and ");
        invalid(format!("the platform `{id:.64}` is not implemented by this gateway: {known} are"))
    })
}
