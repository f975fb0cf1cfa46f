//! An authority's certificate and key as files, `NAME.pem` and `NAME.key`.

use super::{Authority, AuthorityError, KeyKind};
use crate::x509::Certificate;
use drydock_core::{Ids, Timestamp};
use rcgen::{KeyPair, PublicKeyData as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// The path of the root certificate below a data directory.
const ROOT: (&str, &str) = ("root-ca", "Drydock Local Root CA");
/// The same of the authority that signs device certificates.
const DEVICE: (&str, &str) = ("device-ca", "Drydock Local Device CA");

impl Authority {
    /// The authority that signs the server's certificate, from `root-ca.pem` and `root-ca.key` in a directory; made there at
    /// the first call. Devices are given `root-ca.pem` to trust.
    ///
    /// # Errors
    /// [`AuthorityError`] where the files cannot be read, written or used.
    pub fn load_or_create_root(directory: &Path, now: Timestamp, ids: &dyn Ids) -> Result<Self, AuthorityError> {
        Self::load_or_create(directory, ROOT, KeyKind::Rsa2048, now, ids)
    }

    /// The authority that signs device certificates, from `device-ca.pem` and `device-ca.key` in a directory; made there at the
    /// first call.
    ///
    /// # Errors
    /// [`AuthorityError`] where the files cannot be read, written or used.
    pub fn load_or_create_device(directory: &Path, now: Timestamp, ids: &dyn Ids) -> Result<Self, AuthorityError> {
        Self::load_or_create(directory, DEVICE, KeyKind::EcdsaP256, now, ids)
    }

    /// Where [`Self::load_or_create_root`] keeps the certificate.
    #[must_use]
    pub fn root_path(directory: &Path) -> PathBuf {
        directory.join(format!("{}.pem", ROOT.0))
    }

    fn load_or_create(
        directory: &Path,
        (file, common_name): (&str, &str),
        kind: KeyKind,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Self, AuthorityError> {
        let certificate = directory.join(format!("{file}.pem"));
        let key = directory.join(format!("{file}.key"));
        if certificate.exists() {
            return Self::load(&certificate, &key);
        }
        let made = Self::create(common_name, kind, now, ids)?;
        fs::create_dir_all(directory).map_err(failed(directory, "made"))?;
        // The certificate comes last: where it exists, its key does too.
        write(&key, 0o600, &made.key.serialize_pem()).map_err(failed(&key, "written"))?;
        write(&certificate, 0o644, &made.certificate.pem()).map_err(failed(&certificate, "written"))?;
        Ok(made)
    }

    fn load(certificate_path: &Path, key_path: &Path) -> Result<Self, AuthorityError> {
        let unusable = |path: &Path, why: String| AuthorityError::Unusable { path: path.to_path_buf(), why };
        let text = fs::read_to_string(certificate_path).map_err(failed(certificate_path, "read"))?;
        let certificate = Certificate::from_pem("the CA certificate", &text)
            .map_err(|error| unusable(certificate_path, error.to_string()))?;
        let text = fs::read_to_string(key_path).map_err(failed(key_path, "read"))?;
        let key = KeyPair::from_pem(&text).map_err(|error| unusable(key_path, error.to_string()))?;
        if !certificate.signs() {
            return Err(unusable(certificate_path, "it is not a CA certificate".into()));
        }
        if key.subject_public_key_info() != certificate.public_key() {
            return Err(unusable(key_path, "it is not the key of the certificate beside it".into()));
        }
        Ok(Self { certificate, key })
    }
}

fn failed(path: &Path, attempt: &'static str) -> impl FnOnce(io::Error) -> AuthorityError {
    move |source| AuthorityError::File { path: path.to_path_buf(), attempt, source: Arc::new(source) }
}

/// Writes a file that is there as a whole or not at all, even after a power cut.
fn write(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}
