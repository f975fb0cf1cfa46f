//! Where the files of a device are.

use std::path::{Path, PathBuf};

/// The files of a device.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) private_key: PathBuf,
    pub(super) root_ca: PathBuf,
}

impl Files {
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            certificate: folder.join("certificate.pem.crt"),
            private_key: folder.join("private.pem.key"),
            root_ca: folder.join("root-ca.pem"),
        }
    }

    pub(super) fn all(&self) -> [&Path; 3] {
        [&self.certificate, &self.private_key, &self.root_ca]
    }
}

/// Where a device's files are, where nothing else is said.
pub(super) fn folder_of(name: &str) -> PathBuf {
    PathBuf::from("devices").join(name)
}
