//! Code as a folder: the one that the template names, or one that is made of a package or of a text.

use super::super::assembly;
use super::setup::{Runtimes, digest};
use drydock_template::Code;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

/// Lambda's quota on a package that is unpacked, layers included, in bytes: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MOST_UNPACKED: u64 = 250 << 20;

/// The folder of some code; `file` is the name of an inline text. The error says what is wrong with the code.
pub(super) async fn folder(runtimes: &Runtimes<'_>, code: &Code, file: &str) -> Result<PathBuf, String> {
    match code {
        Code::Path(path) => at(runtimes, &runtimes.template_dir.join(path)).await,
        Code::Inline(text) => {
            let folder = runtimes.folder.join("code").join(digest([file.as_bytes(), text.as_bytes()]));
            written(&folder, file, text)
                .map_err(|error| format!("`{}` cannot be written: {error}", folder.display()))?;
            Ok(folder)
        }
        Code::S3 { bucket, key } => {
            if let Some(asset) = assembly::asset(runtimes.template_dir, key) {
                return at(runtimes, &asset).await;
            }
            let missing = || {
                format!(
                    "its code is `s3://{bucket}/{key}`, which is not here: put the package there with `aws s3 cp` in an earlier run \
                     (a bucket of the name is kept in the data folder), or name a folder"
                )
            };
            let objects = runtimes.objects.ok_or_else(missing)?;
            let bytes = objects.object(bucket, key).await.ok_or_else(missing)?;
            unpacked(runtimes, format!("s3://{bucket}/{key}"), bytes.to_vec()).await
        }
        Code::Image(_) | Code::Nowhere => Err("it does not say where its code is".to_owned()),
        other => Err(format!("its code is {other:?}, which is not implemented here")),
    }
}

/// Code in a file or folder of this machine.
async fn at(runtimes: &Runtimes<'_>, path: &Path) -> Result<PathBuf, String> {
    let failed = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    let path = path.canonicalize().map_err(failed)?;
    if path.is_dir() {
        return Ok(path);
    }
    let is_zip = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    match path.parent() {
        Some(folder) if !is_zip => Ok(folder.to_owned()),
        _ => {
            let bytes = tokio::fs::read(&path).await.map_err(failed)?;
            unpacked(runtimes, path.display().to_string(), bytes).await
        }
    }
}

fn written(folder: &Path, file: &str, text: &str) -> std::io::Result<()> {
    let path = folder.join(file);
    if path.is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    let beside = folder.join(format!(".{file}.{}", std::process::id()));
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, path)
}

/// Unpacks a package into a folder that its content names, once.
async fn unpacked(runtimes: &Runtimes<'_>, name: String, bytes: Vec<u8>) -> Result<PathBuf, String> {
    let folder = runtimes.folder.join("code").join(digest([bytes.as_slice()]));
    if folder.is_dir() {
        return Ok(folder);
    }
    let to = folder.clone();
    let done = tokio::task::spawn_blocking(move || unpack(bytes, &to)).await;
    let failed = |why: String| format!("the package `{name}` cannot be unpacked: {why}");
    done.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
    Ok(folder)
}

fn unpack(bytes: Vec<u8>, folder: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let parent = folder.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(said)?;
    // Beside, and moved in place: a package is there as a whole or not at all.
    let beside = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(parent).map_err(said)?;
    let mut left = MOST_UNPACKED;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| error.to_string())?;
        let leads_out = || format!("`{}` leads out of it", String::from_utf8_lossy(entry.name_raw()));
        let inside = entry.enclosed_name().ok_or_else(leads_out)?;
        let path = beside.path().join(inside);
        if entry.is_dir() {
            std::fs::create_dir_all(&path).map_err(said)?;
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(said)?;
        }
        let mode = entry.unix_mode();
        if mode.is_some_and(|mode| mode & 0o170_000 == 0o120_000) {
            let mut target = String::new();
            entry.by_ref().take(4096).read_to_string(&mut target).map_err(said)?;
            link(&target, &path, beside.path())?;
            continue;
        }
        let mut file = std::fs::File::create(&path).map_err(said)?;
        let copied = std::io::copy(&mut entry.by_ref().take(left + 1), &mut file).map_err(said)?;
        left = left.checked_sub(copied).ok_or_else(|| format!("it is larger than {MOST_UNPACKED} bytes"))?;
        if mode.is_some_and(|mode| mode & 0o111 != 0) {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(said)?;
        }
    }
    match std::fs::rename(beside.path(), folder) {
        // Another start has put the same there meanwhile.
        Err(_) if folder.is_dir() => Ok(()),
        done => done.map_err(said),
    }
}

/// A symbolic link that stays inside the package.
fn link(target: &str, path: &Path, root: &Path) -> Result<(), String> {
    let outside = || format!("the link `{}` leads out of it", path.strip_prefix(root).unwrap_or(path).display());
    let mut depth = path.strip_prefix(root).map_err(|_| outside())?.components().count().saturating_sub(1);
    for part in Path::new(target).components() {
        match part {
            std::path::Component::Normal(_) => depth += 1,
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => depth = depth.checked_sub(1).ok_or_else(outside)?,
            std::path::Component::RootDir | std::path::Component::Prefix(_) => return Err(outside()),
        }
    }
    std::os::unix::fs::symlink(target, path).map_err(|error| error.to_string())
}

/// The longest source that is looked into, in bytes.
const MOST_SOURCE: u64 = 1 << 20;

/// The texts of the sources below a folder that have one of some endings, but for installed packages.
pub(super) fn sources(folder: &Path, endings: &[&str], most: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let has_packages = next.join("pyvenv.cfg").is_file();
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten().filter(|_| !has_packages) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && name != "node_modules" && !name.starts_with('.') {
                folders.push(path);
            } else if kind.is_file()
                && path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| endings.contains(&ending))
                && entry.metadata().is_ok_and(|file| file.len() <= MOST_SOURCE)
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                found.push(text);
            }
            if found.len() >= most {
                return found;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;

    fn package(files: &[(&str, &str, u32)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text, mode) in files {
            let options = SimpleFileOptions::default().unix_permissions(*mode);
            let options = options.compression_method(zip::CompressionMethod::Stored);
            writer.start_file(*name, options).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_package_is_unpacked_with_what_may_be_executed() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("code/abc");
        unpack(package(&[("bootstrap", "#!/bin/sh", 0o755), ("lib/a.py", "x = 1", 0o644)]), &to).unwrap();
        assert_eq!(std::fs::read_to_string(to.join("lib/a.py")).unwrap(), "x = 1");
        assert_ne!(std::fs::metadata(to.join("bootstrap")).unwrap().permissions().mode() & 0o111, 0);
    }

    #[test]
    fn what_leads_out_of_a_package_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("code/abc");
        let why = unpack(package(&[("../../evil", "x", 0o644)]), &to).unwrap_err();
        assert!(why.contains("leads out of it"), "{why}");
        assert!(!to.exists() && !dir.path().join("evil").exists());
        let link_out = |target| link(target, &dir.path().join("a/b"), dir.path());
        assert!(link_out("/etc/passwd").is_err() && link_out("../../x").is_err());
        std::fs::create_dir_all(dir.path().join("a")).unwrap();
        assert_eq!(link_out("../c"), Ok(()));
    }
}
