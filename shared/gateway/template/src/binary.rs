//! Where a function's executable comes from: built by cargo, or already there.
//!
//! `BuildMethod: rust-cargolambda`
//! (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-rust.html>), or a folder that
//! holds a built `bootstrap`. This looks at files; building is the caller's.

use crate::kinds::Function;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// How to get a function's executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionBuild {
    /// `cargo build --manifest-path <manifest_dir>/Cargo.toml --bin <binary>`.
    Cargo {
        /// The folder of the package's `Cargo.toml`.
        manifest_dir: PathBuf,
        /// The package's name, for `-p`; none where the folder holds only a workspace.
        package: Option<String>,
        /// The binary's name.
        binary: String,
    },
    /// An executable that is there already.
    Prebuilt {
        /// The executable.
        bootstrap: PathBuf,
    },
}

/// Why a function's executable cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinaryError {
    /// The runtime needs an interpreter.
    #[error(
        "function `{function}` has the runtime `{runtime}`, which is not implemented here: functions run as executables, \
         with `provided.al2023` or `provided.al2`"
    )]
    Runtime {
        /// The function.
        function: String,
        /// The runtime.
        runtime: String,
    },
    /// The build method is another.
    #[error(
        "function `{function}` has the build method `{method}`, which is not implemented here: use `rust-cargolambda`, or let \
         `CodeUri` name a folder that holds a built `bootstrap`"
    )]
    Method {
        /// The function.
        function: String,
        /// The build method.
        method: String,
    },
    /// There is neither a package nor an executable.
    #[error(
        "function `{function}`: `{path}` holds neither a `Cargo.toml` nor a built `bootstrap`; check `CodeUri` and \
         `Metadata.BuildMethod`"
    )]
    Missing {
        /// The function.
        function: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The package's manifest cannot be read.
    #[error("function `{function}`: `{path}` cannot be read: {why}")]
    Manifest {
        /// The function.
        function: String,
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The package has several binaries, or none.
    #[error(
        "function `{function}`: `{path}` does not say which binary to take (it has {found}); name it as \
         `Metadata.BuildProperties.Binary`"
    )]
    Ambiguous {
        /// The function.
        function: String,
        /// The manifest.
        path: PathBuf,
        /// The binaries found.
        found: String,
    },
}

#[derive(Deserialize)]
struct Manifest {
    package: Option<Package>,
    #[serde(default)]
    bin: Vec<Bin>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(rename = "default-run")]
    default_run: Option<String>,
    #[serde(default = "yes")]
    autobins: bool,
}

#[derive(Deserialize)]
struct Bin {
    name: Option<String>,
    path: Option<PathBuf>,
}

fn yes() -> bool {
    true
}

/// Finds out how to get a function's executable. `template_dir` is the template's folder, which `CodeUri` is relative to.
///
/// # Errors
/// Where the runtime or build method is another, or no executable or package is found; the text says what to do.
pub fn find(function: &Function, template_dir: &Path) -> Result<FunctionBuild, BinaryError> {
    let name = || function.name.clone();
    if !matches!(function.runtime.as_str(), "provided.al2023" | "provided.al2" | "provided") {
        return Err(BinaryError::Runtime { function: name(), runtime: function.runtime.clone() });
    }
    let code = template_dir.join(&function.code);
    match function.build_method.as_deref() {
        Some("rust-cargolambda") => cargo(function, code),
        Some(method) => Err(BinaryError::Method { function: name(), method: method.to_owned() }),
        None if code.join("bootstrap").is_file() => Ok(FunctionBuild::Prebuilt { bootstrap: code.join("bootstrap") }),
        None if code.is_file() && code.file_name().is_some_and(|file| file == "bootstrap") => {
            Ok(FunctionBuild::Prebuilt { bootstrap: code })
        }
        None => Err(BinaryError::Missing { function: name(), path: code }),
    }
}

/// The binary: what `BuildProperties.Binary` says, else the only one that the package has, else the handler where it
/// names one of several.
fn cargo(function: &Function, manifest_dir: PathBuf) -> Result<FunctionBuild, BinaryError> {
    let path = manifest_dir.join("Cargo.toml");
    let name = || function.name.clone();
    if !path.is_file() {
        return Err(BinaryError::Missing { function: name(), path: manifest_dir });
    }
    let wrong = |why: String| BinaryError::Manifest { function: name(), path: path.clone(), why };
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let package = manifest.package.as_ref().map(|package| package.name.clone());
    if let Some(binary) = function.build_properties.get("Binary").and_then(serde_json::Value::as_str) {
        return Ok(FunctionBuild::Cargo { package, binary: binary.to_owned(), manifest_dir });
    }
    let binaries = manifest.binaries(&manifest_dir);
    let chosen = match binaries.as_slice() {
        [only] => Some(only.clone()),
        several => {
            let default = manifest.package.as_ref().and_then(|package| package.default_run.clone());
            let handler = function.handler.clone();
            default.or_else(|| handler.filter(|handler| several.contains(handler)))
        }
    };
    match chosen {
        Some(binary) => Ok(FunctionBuild::Cargo { package, binary, manifest_dir }),
        None => {
            let found = if binaries.is_empty() { "none".to_owned() } else { format!("`{}`", binaries.join("`, `")) };
            Err(BinaryError::Ambiguous { function: name(), path, found })
        }
    }
}

impl Manifest {
    /// The package's binaries: those it names, and those that cargo finds
    /// (<https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>).
    fn binaries(&self, dir: &Path) -> Vec<String> {
        let Some(package) = &self.package else { return Vec::new() };
        let mut names: Vec<String> = self.bin.iter().filter_map(|bin| bin.name.clone()).collect();
        let named = |path: &Path| self.bin.iter().any(|bin| bin.path.as_deref() == Some(path));
        if package.autobins {
            let main = Path::new("src/main.rs");
            if dir.join(main).is_file() && !named(main) {
                names.push(package.name.clone());
            }
            for file in std::fs::read_dir(dir.join("src/bin")).into_iter().flatten().flatten() {
                let main = file.path().join("main.rs").is_file();
                let path = Path::new("src/bin").join(file.file_name());
                let path = if main { path.join("main.rs") } else { path };
                let stem = Path::new(&file.file_name()).file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
                if (main || path.extension().is_some_and(|extension| extension == "rs")) && !named(&path) {
                    names.extend(stem);
                }
            }
        }
        names.sort();
        names.dedup();
        names
    }
}
