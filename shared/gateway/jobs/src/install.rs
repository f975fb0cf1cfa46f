//! What a job installs: the package versions that it names, and the placeholders of its document that stand for what is known of
//! package versions.
//!
//! Source: "Preparing AWS IoT Jobs" of the developer guide's part on the software package catalog, and `destinationPackageVersions`
//! of the API reference of "CreateJob".

use crate::document::{Location, filled};
use crate::signed::{Signature, Signatures};
use drydock_core::{ApiError, Arn, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// The most package versions of a job.
const MOST: usize = 25;
/// Stands for the default version of a package.
const DEFAULT: &str = "$default";
/// Stands for no version: the package is removed.
const NONE: &str = "$null";
/// How placeholders of packages begin, after `${aws:iot:`.
pub(crate) const PACKAGE: &str = "package:";
const ATTRIBUTES: &str = "attributes";
const ARTIFACT: &str = "artifact-location:s3-presigned-url";

/// A version of a package, as far as jobs ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageVersion {
    /// Its name.
    pub name: SmolStr,
    /// Whether it is a draft, which cannot be deployed.
    pub is_draft: bool,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Where its artifact is.
    pub artifact: Option<Location>,
}

/// What jobs ask of the software package catalog.
pub trait Catalog {
    /// A version of a package, or the default one where none is named; `None` where there is none.
    fn version(&self, package: &str, version: Option<&str>) -> Option<PackageVersion>;
}

/// A catalog without packages, and a Signer that has signed nothing.
pub(crate) struct Empty;

impl Catalog for Empty {
    fn version(&self, _package: &str, _version: Option<&str>) -> Option<PackageVersion> {
        None
    }
}

impl Signatures for Empty {
    fn signature(&self, _of: &Location) -> Option<Signature> {
        None
    }
}

/// What a job installs of a package, or that it removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// The package.
    pub package: SmolStr,
    /// The version; `None` where the package is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SmolStr>,
    /// The version's attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// The artifacts that a document links to, by what stands in its placeholders.
pub(crate) type Artifacts = BTreeMap<String, Location>;

/// The packages and versions that ARNs name.
///
/// # Errors
/// `InvalidRequestException` for what is not the ARN of a package version of this account and region, for a package that comes
/// twice, and for too many.
pub(crate) fn named<'a>(scope: &Scope, arns: &'a [String]) -> Result<Vec<(&'a str, &'a str)>, ApiError> {
    if arns.len() > MOST {
        return Err(ApiError::invalid(format!("a job has at most {MOST} destinationPackageVersions")));
    }
    let (mut all, mut packages) = (Vec::new(), BTreeSet::new());
    for text in arns {
        let is_here = Arn::parse(text).is_some_and(|arn| scope.arn("iot", arn.resource()) == arn);
        let parts = text.split_once(":package/").filter(|_| is_here);
        let parts = parts.and_then(|(_, resource)| resource.split_once("/version/"));
        let (package, version) =
            parts.filter(|(package, version)| !package.contains('/') && !version.is_empty()).ok_or_else(|| {
                let what = "the ARN of a package version of this account and region";
                ApiError::invalid(format!("`{text:.300}` of destinationPackageVersions is not {what}"))
            })?;
        if !packages.insert(package) {
            let why = format!("the package `{package:.128}` is in destinationPackageVersions twice");
            return Err(ApiError::invalid(why));
        }
        all.push((package, version));
    }
    Ok(all)
}

/// A version that can be deployed.
fn deployable(catalog: &dyn Catalog, package: &str, version: &str) -> Result<PackageVersion, ApiError> {
    let found = catalog.version(package, Some(version).filter(|version| *version != DEFAULT));
    let missing = || match version {
        DEFAULT => ApiError::not_found(format!("there is no default version of the package `{package:.128}`")),
        _ => ApiError::not_found(format!("the package `{package:.128}` has no version `{version:.64}`")),
    };
    let found = found.ok_or_else(missing)?;
    if found.is_draft {
        return Err(ApiError::invalid(format!(
            "the version `{}` of the package `{package}` is DRAFT: publish it before it is deployed",
            found.name
        )));
    }
    Ok(found)
}

/// What a job installs.
///
/// # Errors
/// As [`named`]; `ResourceNotFoundException` for a version that is not there; `InvalidRequestException` for a draft.
pub(crate) fn installs(scope: &Scope, arns: &[String], catalog: &dyn Catalog) -> Result<Vec<Install>, ApiError> {
    let installs = named(scope, arns)?.into_iter().map(|(package, version)| {
        if version == NONE {
            return Ok(Install { package: package.into(), version: None, attributes: BTreeMap::new() });
        }
        let found = deployable(catalog, package, version)?;
        Ok(Install { package: package.into(), version: Some(found.name), attributes: found.attributes })
    });
    installs.collect()
}

/// What a placeholder stands for.
enum What<'p> {
    Attributes,
    Attribute(&'p str),
    Artifact,
}

/// A placeholder of packages: of a version, or of the only one that the job installs where neither name is given.
struct Reference<'p> {
    package: &'p str,
    version: &'p str,
    what: What<'p>,
}

impl<'p> Reference<'p> {
    fn parse(inner: &'p str) -> Option<Self> {
        let (package, rest) = inner.strip_prefix(PACKAGE)?.split_once(':')?;
        let (version, what) = rest.strip_prefix("version:")?.split_once(':')?;
        let what = match what {
            ATTRIBUTES => What::Attributes,
            ARTIFACT => What::Artifact,
            _ => What::Attribute(what.strip_prefix(ATTRIBUTES)?.strip_prefix(':').filter(|key| !key.is_empty())?),
        };
        (package.is_empty() == version.is_empty()).then_some(Self { package, version, what })
    }

    fn resolve(&self, installs: &[Install], catalog: &dyn Catalog) -> Result<PackageVersion, ApiError> {
        if !self.package.is_empty() {
            return deployable(catalog, self.package, self.version);
        }
        match installs {
            [Install { package, version: Some(version), .. }] => deployable(catalog, package, version),
            _ => Err(ApiError::invalid(
                "a placeholder of a package without names needs destinationPackageVersions with one version",
            )),
        }
    }
}

/// Looks whether a placeholder of packages is of a known form; whether a URL is made for it.
///
/// # Errors
/// `InvalidRequestException`.
pub(crate) fn check(inner: &str) -> Result<bool, ApiError> {
    let why = || ApiError::invalid(format!("`${{aws:iot:{inner:.300}}}` is not a placeholder of job documents"));
    Reference::parse(inner).map(|of| matches!(of.what, What::Artifact)).ok_or_else(why)
}

/// A document with the attributes of package versions in it, and the artifacts that it links to. It stays JSON whatever they are:
/// all attributes of a version are the text of an object.
///
/// # Errors
/// `ResourceNotFoundException` for a version that is not there; `InvalidRequestException` for a draft, an attribute or an artifact
/// that a version does not have, and for a placeholder without names where the job does not install one version.
pub(crate) fn with_packages(
    document: &str,
    installs: &[Install],
    catalog: &dyn Catalog,
) -> Result<(String, Artifacts), ApiError> {
    let (mut artifacts, mut wrong) = (Artifacts::new(), None);
    let document = filled(document, |inner| {
        // What is of another form is refused when the document is checked.
        let of = Reference::parse(inner)?;
        let found = match of.resolve(installs, catalog) {
            Ok(found) => found,
            Err(error) => {
                wrong = Some(error);
                return None;
            }
        };
        let lacks = |what: &str| {
            let version = &found.name;
            Some(ApiError::invalid(format!("the version `{version}` of `${{aws:iot:{inner:.300}}}` has no {what}")))
        };
        let text = match of.what {
            What::Attributes => serde_json::to_string(&found.attributes).unwrap_or_default(),
            What::Attribute(key) => match found.attributes.get(key) {
                Some(value) => value.clone(),
                None => {
                    wrong = lacks(&format!("attribute `{key:.128}`"));
                    return None;
                }
            },
            What::Artifact => {
                match &found.artifact {
                    Some(artifact) => drop(artifacts.insert(inner.to_owned(), artifact.clone())),
                    None => wrong = lacks("artifact"),
                }
                return None;
            }
        };
        let quoted = Value::String(text).to_string();
        quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned)
    });
    wrong.map_or(Ok((document, artifacts)), Err)
}
