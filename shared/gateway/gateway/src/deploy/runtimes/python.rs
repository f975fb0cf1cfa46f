//! Functions in Python, with `awslambdaric`, AWS's own runtime interface client.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html>: the runtime brings boto3 along, so that scripts import it
//! without requiring it.

use super::code::sources;
use super::install::{Install, InstallError};
use super::setup::{Executable, Runtimes, ScriptError, digest, path_list};
use drydock_cloud::lambda::Launch;
use drydock_template::Function;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

const HINT: &str = ", for example with `python3 -m ensurepip` or the system's package `python3-pip`";
/// Prints what is to be known of an interpreter. A shim of a version manager starts and then fails.
const PROBE: &str = "import sys; print(sys.executable); print('%d.%d' % sys.version_info[:2])";
/// How deep, and of how many files, imports are looked for.
const MOST_FILES: usize = 2_000;

struct Interpreter {
    path: PathBuf,
    /// For example `3.12`.
    version: String,
}

/// Starts candidates until one answers.
async fn interpreter(function: &Function, wanted: &str) -> Result<Interpreter, ScriptError> {
    let candidates = [format!("python{wanted}"), "python3".to_owned(), "python".to_owned()];
    for candidate in &candidates {
        let probe = Command::new(candidate).args(["-c", PROBE]).stdin(Stdio::null()).output().await;
        let Some(output) = probe.ok().filter(|output| output.status.success()) else { continue };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if let Some((path, version)) = text.trim_end().split_once('\n')
            && version.starts_with("3.")
        {
            return Ok(Interpreter { path: path.into(), version: version.to_owned() });
        }
    }
    Err(ScriptError::NoInterpreter {
        function: function.name.clone(),
        runtime: function.runtime.clone(),
        looked: format!("none of `{}`", candidates.join("`, `")),
    })
}

/// Gets everything ready that a function needs.
pub(super) async fn launch(
    runtimes: &Runtimes<'_>,
    function: &Function,
    wanted: &str,
    root: PathBuf,
    layers: &[(PathBuf, bool)],
) -> Result<Executable, ScriptError> {
    let python = interpreter(function, wanted).await?;
    if python.version != wanted {
        runtimes.progress.differs(&function.name, &function.runtime, &format!("Python {}", python.version));
    }
    let failed = |error| ScriptError::Install { function: function.name.clone(), error };
    let home = runtimes.folder.join(format!("python{}", python.version));
    let client = home.join("awslambdaric");
    let packages = ["awslambdaric"].map(str::to_owned);
    pip(&python, "the runtime client `awslambdaric`", packages.to_vec(), None)
        .into(&client, runtimes.progress, |_| Ok(()))
        .await
        .map_err(failed)?;
    let mut folders = Vec::new();
    let mut imports_sdk = imports(&root, &["boto3", "botocore"]);
    folders.extend(requirements(runtimes, &python, &home, &root).await.map_err(failed)?);
    for (layer, built) in layers {
        let packed = layer.join("python");
        if packed.is_dir() {
            folders.push(packed.join("lib").join(format!("python{}", python.version)).join("site-packages"));
            folders.push(packed.clone());
        } else if *built {
            // What is still to be built is put below `python` by the build.
            folders.push(layer.clone());
        }
        let sources = if packed.is_dir() { &packed } else { layer };
        imports_sdk = imports_sdk || imports(sources, &["boto3", "botocore"]);
        folders.extend(requirements(runtimes, &python, &home, layer).await.map_err(failed)?);
    }
    if imports_sdk {
        let sdk = home.join("boto3");
        pip(&python, "`boto3`, which the runtime has on AWS", vec!["boto3".to_owned()], None)
            .into(&sdk, runtimes.progress, |_| Ok(()))
            .await
            .map_err(failed)?;
        folders.push(sdk);
    }
    folders.push(client);
    let handler = function.handler.clone().unwrap_or_default();
    let variables = BTreeMap::from([
        ("PYTHONPATH".to_owned(), path_list(function, "PYTHONPATH", folders)),
        // Nothing is written beside the sources.
        ("PYTHONPYCACHEPREFIX".to_owned(), home.join("pycache").display().to_string()),
        ("AWS_EXECUTION_ENV".to_owned(), format!("AWS_Lambda_{}", function.runtime)),
    ]);
    let arguments = ["-m".to_owned(), "awslambdaric".to_owned(), handler].to_vec();
    Ok(Executable { path: python.path, launch: Launch { arguments, task_root: Some(root), variables } })
}

fn pip<'a>(python: &'a Interpreter, what: &str, packages: Vec<String>, within: Option<&'a Path>) -> Install<'a> {
    let fixed = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--target", "{}"];
    Install {
        what: format!("{what} for Python {}", python.version),
        tool: &python.path,
        hint: HINT,
        arguments: fixed.into_iter().map(str::to_owned).chain(packages).collect(),
        within,
    }
}

/// Installs what `requirements.txt` says, where the packages are not in the folder already, as a build leaves them.
async fn requirements(
    runtimes: &Runtimes<'_>,
    python: &Interpreter,
    home: &Path,
    root: &Path,
) -> Result<Option<PathBuf>, InstallError> {
    let file = root.join("requirements.txt");
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(says) || has_packages(root) || has_packages(&root.join("python")) {
        return Ok(None);
    }
    // Requirements may be paths, so the folder counts.
    let place = root.display().to_string();
    let folder = home.join("required").join(digest([place.as_bytes(), text.as_bytes()]));
    let packages = vec!["--requirement".to_owned(), file.display().to_string()];
    pip(python, &format!("`{}`", file.display()), packages, Some(root))
        .into(&folder, runtimes.progress, |_| Ok(()))
        .await?;
    Ok(Some(folder))
}

fn has_packages(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with(".dist-info"))
}

/// Whether a script below a folder imports one of some packages that the folder itself does not hold.
fn imports(folder: &Path, packages: &[&str]) -> bool {
    if packages.iter().any(|package| folder.join(package).is_dir()) {
        return false;
    }
    let is_import = |line: &str| {
        let line = line.trim_start();
        let rest = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "));
        rest.is_some_and(|rest| rest.split([',', ' ', '.']).any(|word| packages.contains(&word)))
    };
    sources(folder, &["py"], MOST_FILES).iter().any(|text| text.lines().any(is_import))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_the_sdk_are_seen_where_the_folder_does_not_hold_it() {
        for (text, expected) in [
            ("import boto3\n", true),
            ("import os, boto3\n", true),
            ("def f():\n    from botocore.config import Config\n", true),
            ("# import boto3x\nimport json\n", false),
            ("import boto3_stubs\n", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("lib")).unwrap();
            std::fs::write(dir.path().join("lib/app.py"), text).unwrap();
            assert_eq!(imports(dir.path(), &["boto3", "botocore"]), expected, "{text}");
            std::fs::create_dir(dir.path().join("boto3")).unwrap();
            assert!(!imports(dir.path(), &["boto3", "botocore"]));
        }
    }
}
