//! The data folder is its owner's alone: it holds private keys, secrets and what devices sent.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// What others may do with a file, in its mode.
const OTHERS: u32 = 0o077;
/// The file by which a folder is known for a gateway's: every one has it.
const STATE: &str = "root-ca.pem";

/// Makes a folder that no other user gets into. One that is there and open to others is closed, with all that is in it.
///
/// # Errors
/// Where the folder cannot be made, or others cannot be kept out of it.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // A link that is named is followed; those within are not.
    let path = path.canonicalize()?;
    if fs::metadata(&path)?.mode() & OTHERS == 0 {
        return Ok(());
    }
    // Somebody may have named a folder that is more than the gateway's: its files are not to be changed.
    if !is_own(&path)? {
        let why = "it is open to other users and holds files that are not the gateway's: name another folder, or close it with \
                   `chmod 700`";
        return Err(io::Error::other(why));
    }
    // The folder first: from then on nobody else can reach what is in it.
    close(&path)?;
    let mut folders = vec![path.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_symlink() {
                continue;
            }
            close(&entry.path())?;
            if kind.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    tracing::warn!(folder = %path.display(), "the folder was open to other users of this machine, and is not any more");
    Ok(())
}

/// Whether a folder is empty, or one that a gateway has kept its state in.
fn is_own(path: &Path) -> io::Result<bool> {
    Ok(path.join(STATE).exists() || fs::read_dir(path)?.next().is_none())
}

fn close(path: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(path)?.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let closed = fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS));
    closed.map_err(|error| {
        let path = path.display();
        io::Error::new(
            error.kind(),
            format!("`{path}` is open to other users (mode {mode:o}), and cannot be closed: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_open_to_others_is_closed_with_what_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let (state, outside) = (place.path().join("state"), place.path().join("outside"));
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        fs::create_dir_all(state.join("s3")).unwrap();
        for file in [state.join("root-ca.pem"), state.join("s3/object"), outside.clone()] {
            fs::write(&file, "x").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        }
        std::os::unix::fs::symlink(&outside, state.join("link")).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
        folder(&state).unwrap();
        assert_eq!((mode(&state), mode(&state.join("s3")) & OTHERS), (0o700, 0));
        assert_eq!((mode(&state.join("root-ca.pem")), mode(&state.join("s3/object"))), (0o600, 0o600));
        assert_eq!(mode(&outside), 0o644, "what a link leads to is somebody else's");
        let shared = place.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::write(shared.join("thesis.txt"), "x").unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
        assert!(folder(&shared).unwrap_err().to_string().contains("chmod 700"));
        assert_eq!(mode(&shared), 0o755);
        folder(&place.path().join("new/state")).unwrap();
        assert_eq!(mode(&place.path().join("new/state")), 0o700);
    }
}
