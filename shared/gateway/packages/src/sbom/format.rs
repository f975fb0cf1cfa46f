//! The JSON of SPDX 2 and of CycloneDX, as far as it makes a document of either: what they require of one.
//!
//! Sources: the SPDX specification 2.3, "Document creation information" and "Package information"; the CycloneDX specification,
//! its JSON schemas of 1.2 to 1.7.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The versions of CycloneDX that have JSON.
const CYCLONE_DX: &[&str] = &["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
/// The versions of SPDX whose JSON is of this form.
const SPDX: &[&str] = &["SPDX-2.2", "SPDX-2.3"];

/// What says of which format a file is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    bom_format: Option<String>,
    spdx_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CycloneDx {
    spec_version: String,
    version: Option<u64>,
    #[serde(default, rename = "components")]
    _components: Vec<Component>,
}

/// A component; its own components are of this form, too.
#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "components")]
    _components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spdx {
    #[serde(rename = "SPDXID")]
    id: String,
    data_license: String,
    #[serde(rename = "name")]
    _name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct CreationInfo {
    #[serde(rename = "created")]
    _created: String,
    creators: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "downloadLocation")]
    _download_location: String,
}

/// Looks whether a file is a bill of materials.
///
/// # Errors
/// What is the matter with it.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let said = |error: serde_json::Error| error.to_string();
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| format!("not JSON: {error}"))?;
    let kind: Kind = serde_json::from_slice(bytes).map_err(said)?;
    match (kind.bom_format.as_deref(), kind.spdx_version.as_deref()) {
        (Some("CycloneDX"), None) => cyclone_dx(&serde_json::from_slice(bytes).map_err(said)?),
        (None, Some(version)) if SPDX.contains(&version) => spdx(&serde_json::from_slice(bytes).map_err(said)?),
        (None, Some(version)) => Err(format!("spdxVersion `{version:.40}` is not one of {}", SPDX.join(", "))),
        (Some(format), _) => Err(format!("bomFormat `{format:.40}` is not CycloneDX")),
        (None, None) => Err("neither SPDX, which has spdxVersion, nor CycloneDX, which has bomFormat".to_owned()),
    }
}

fn cyclone_dx(document: &CycloneDx) -> Result<(), String> {
    let version = document.spec_version.as_str();
    if !CYCLONE_DX.contains(&version) {
        return Err(format!("specVersion `{version:.40}` is not one of {}", CYCLONE_DX.join(", ")));
    }
    // It may be left out from 1.5 on.
    let needs_version = ["1.2", "1.3", "1.4"].contains(&version);
    match document.version {
        None if needs_version => Err(format!("CycloneDX {version} needs version")),
        Some(0) => Err("version is less than 1".to_owned()),
        _ => Ok(()),
    }
}

fn spdx(document: &Spdx) -> Result<(), String> {
    if document.id != "SPDXRef-DOCUMENT" {
        return Err(format!("SPDXID `{:.80}` of the document is not SPDXRef-DOCUMENT", document.id));
    }
    if document.data_license != "CC0-1.0" {
        return Err(format!("dataLicense `{:.80}` is not CC0-1.0", document.data_license));
    }
    let namespace = document.document_namespace.as_str();
    if !namespace.contains(':') || namespace.contains('#') {
        return Err(format!("documentNamespace `{namespace:.200}` is not a URI without a fragment"));
    }
    if document.creation_info.creators.is_empty() {
        return Err("creationInfo.creators is empty".to_owned());
    }
    match document.packages.iter().find(|package| !package.id.starts_with("SPDXRef-")) {
        Some(package) => Err(format!("SPDXID `{:.80}` of a package does not begin with SPDXRef-", package.id)),
        None => Ok(()),
    }
}
