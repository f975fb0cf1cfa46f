//! The gateway's own key, which its temporary credentials depend on: a file in the data folder that only its owner reads.

use drydock_core::Ids;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The name of the file.
pub(crate) const FILE: &str = "credentials.key";

/// Reads the key, or makes it.
///
/// # Errors
/// Where the file cannot be read or written, or holds no key.
pub(crate) fn open(folder: &Path, ids: &dyn Ids) -> io::Result<[u8; 32]> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, "it does not have 32 bytes");
            return bytes.try_into().map_err(wrong);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = [0; 32];
    ids.fill(&mut key);
    // Written beside and moved in place: the file is there as a whole or not at all.
    let partial = path.with_extension("partial");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&partial, &path)?;
    Ok(key)
}
