//! Builds the template's functions for this machine: one `cargo build` a workspace, and the binaries' paths read from cargo's own
//! messages; what scripts require is installed ([`runtimes`](super::runtimes)). The default is cargo's `dev` profile, as for the
//! gateway and the tests: what a developer changes is to run again in seconds, and what one of them has compiled, the others find.

pub use super::progress::Progress;
use super::runtimes::{Executable, Runtimes, ScriptError};
use drydock_template::Function;
use drydock_template::binary::FunctionBuild;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Why a function has no binary.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `cargo` is not there or does not start.
    #[error("`cargo` cannot be started in `{dir}`: install Rust, or give the functions as built `bootstrap` files", dir = .dir.display())]
    NoCargo {
        /// Where it was to run.
        dir: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// `cargo metadata` refused the manifest.
    #[error("`{manifest}` is not a package that cargo can read: {why}", manifest = .manifest.display())]
    Manifest {
        /// The function's manifest.
        manifest: PathBuf,
        /// What cargo said.
        why: String,
    },
    /// The build failed; cargo's own messages were printed.
    #[error("`{command}` failed in `{dir}`; its messages are above", dir = .dir.display())]
    Failed {
        /// The command, to be run by hand.
        command: String,
        /// Where it ran.
        dir: PathBuf,
    },
    /// The build made no such binary.
    #[error("the build of `{manifest}` made no binary `{binary}`: name one with `Metadata: BuildProperties: Binary:`", manifest = .manifest.display())]
    NoBinary {
        /// The function's manifest.
        manifest: PathBuf,
        /// The binary that was looked for.
        binary: String,
    },
    /// A script cannot be run.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A function that was said to be built is not there.
    #[error("`{path}` does not exist: build the function first, or name its package with `BuildMethod: rust-cargolambda`", path = .path.display())]
    NoBootstrap {
        /// The file that was looked for.
        path: PathBuf,
    },
}

/// One function to build.
#[derive(Debug, Clone)]
pub struct Order {
    /// The function's logical id in the template.
    pub logical_id: String,
    /// How it is built.
    pub build: FunctionBuild,
    /// The function.
    pub function: Function,
}

/// Builds all functions whose code is here; returns the executable of each by its logical id. Those are left out whose code is in
/// a bucket, while the gateway is not open.
///
/// # Errors
/// [`BuildError`], naming the function's manifest and what to do.
pub async fn build(
    orders: &[Order],
    profile: &str,
    runtimes: &Runtimes<'_>,
) -> Result<BTreeMap<String, Executable>, BuildError> {
    let mut binaries = BTreeMap::new();
    // Manifest directory and binary of each function, by the workspace that builds it.
    let mut workspaces: BTreeMap<PathBuf, Vec<(String, PathBuf, String)>> = BTreeMap::new();
    for Order { logical_id, build, function } in orders {
        let executable = match build {
            FunctionBuild::Prebuilt { bootstrap } => {
                bootstrap.canonicalize().map_err(|_| BuildError::NoBootstrap { path: bootstrap.clone() })?.into()
            }
            FunctionBuild::Cargo { manifest_dir, binary, .. } => {
                let (manifest, workspace) = workspace_of(manifest_dir).await?;
                workspaces.entry(workspace).or_default().push((logical_id.clone(), manifest, binary.clone()));
                continue;
            }
            _ if runtimes.objects.is_none() && !runtimes.all_here(function) => continue,
            FunctionBuild::Packed { code } => runtimes.packed(function, code).await?,
            FunctionBuild::Script { language, .. } => runtimes.script(function, language).await?,
        };
        binaries.insert(logical_id.clone(), executable);
    }
    for (workspace, wanted) in workspaces {
        let names: BTreeSet<&str> = wanted.iter().map(|(_, _, binary)| binary.as_str()).collect();
        let built = cargo_build(&workspace, &names, profile, runtimes.progress).await?;
        for (logical_id, manifest, binary) in wanted {
            let path = built
                .get(&(manifest.clone(), binary.clone()))
                .cloned()
                .ok_or(BuildError::NoBinary { manifest, binary })?;
            binaries.insert(logical_id, path.into());
        }
    }
    Ok(binaries)
}

/// The manifest of a package, and the folder of the workspace that it belongs to.
async fn workspace_of(dir: &Path) -> Result<(PathBuf, PathBuf), BuildError> {
    let manifest = dir.join("Cargo.toml");
    let manifest = manifest
        .canonicalize()
        .map_err(|_| BuildError::Manifest { manifest, why: "there is no such file".to_owned() })?;
    let output = Command::new("cargo")
        .args(["locate-project", "--workspace", "--message-format=plain", "--manifest-path"])
        .arg(&manifest)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| BuildError::NoCargo { dir: dir.to_owned(), source })?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BuildError::Manifest { manifest, why });
    }
    let root = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let root = root.parent().map(Path::to_owned).unwrap_or_default();
    Ok((manifest, root))
}

/// Runs one `cargo build`; returns the executables by manifest and binary name.
async fn cargo_build(
    workspace: &Path,
    names: &BTreeSet<&str>,
    profile: &str,
    progress: &dyn Progress,
) -> Result<BTreeMap<(PathBuf, String), PathBuf>, BuildError> {
    let mut command = Command::new("cargo");
    // The whole workspace is selected, though only these binaries are built, so that features resolve as they do for
    // `cargo test --workspace` and no dependency is compiled twice.
    command.args(["build", "--workspace", "--message-format=json-render-diagnostics", "--profile", profile]);
    for name in names {
        command.args(["--bin", name]);
    }
    command
        .current_dir(workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| BuildError::NoCargo { dir: workspace.to_owned(), source })?;

    let started = Instant::now();

    let (stderr, stdout) = (child.stderr.take(), child.stdout.take());
    let told = async {
        match stderr {
            Some(stderr) => follow_messages(stderr, progress).await,
            None => String::new(),
        }
    };
    let made = async {
        let mut built = BTreeMap::new();
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((key, path)) = executable(&line) {
                    built.insert(key, path);
                }
            }
        }
        built
    };
    let (said, built) = tokio::join!(told, made);
    let status = child.wait().await;
    if !status.is_ok_and(|s| s.success()) {
        progress.failed(&said);
        let bins: Vec<_> = names.iter().map(|n| format!("--bin {n}")).collect();
        return Err(BuildError::Failed {
            command: format!("cargo build --workspace --profile {profile} {}", bins.join(" ")),
            dir: workspace.to_owned(),
        });
    }
    progress.built(started.elapsed());
    Ok(built)
}

/// Tells what cargo compiles; returns all that it said, for when the build fails.
async fn follow_messages(stderr: impl tokio::io::AsyncRead + Unpin, progress: &dyn Progress) -> String {
    let mut said = String::new();
    let mut compiled = 0_u32;
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(what) = line.trim_start().strip_prefix("Compiling ") {
            compiled += 1;
            progress.compiling(compiled, what);
        }
        said.push_str(&line);
        said.push('\n');
    }
    said
}

/// Reads the executable from one of cargo's JSON messages.
fn executable(line: &str) -> Option<((PathBuf, String), PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.get("reason")?.as_str()? != "compiler-artifact" {
        return None;
    }
    let path = message.get("executable")?.as_str()?;
    let manifest = message.get("manifest_path")?.as_str()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some(((PathBuf::from(manifest), name.to_owned()), PathBuf::from(path)))
}
