//! A software package catalog for tests.

use drydock_jobs::document::Location;
use drydock_jobs::{Catalog, PackageVersion, Signature, Signatures};

/// A catalog of the package `p` with the versions `1`, the default one, `2`, which has nothing, and `3`, a draft; and of the package
/// `q` with the version `1`.
pub(crate) struct Shelf;

impl Catalog for Shelf {
    fn version(&self, package: &str, version: Option<&str>) -> Option<PackageVersion> {
        let name = match (package, version) {
            ("p", None) => "1",
            ("p", Some(version @ ("1" | "2" | "3"))) | ("q", Some(version @ "1")) => version,
            _ => return None,
        };
        let has = name == "1" && package == "p";
        let attributes = [("os", "rtos"), ("q", "a \"b\"")].into_iter().filter(|_| has);
        Some(PackageVersion {
            name: name.into(),
            is_draft: name == "3",
            attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            artifact: has.then(|| Location {
                bucket: "b".to_owned(),
                key: "k.bin".to_owned(),
                version: Some("v".to_owned()),
            }),
        })
    }
}

/// A Signer that has signed the version `v` of `k.bin` in the bucket `b`.
impl Signatures for Shelf {
    fn signature(&self, of: &Location) -> Option<Signature> {
        let is_signed = of.bucket == "b" && of.key == "k.bin" && of.version.as_deref() == Some("v");
        is_signed.then(|| Signature {
            signature: "c2lnbmVk".to_owned(),
            object: Location { bucket: "signed".to_owned(), key: "job-1".to_owned(), version: None },
        })
    }
}
