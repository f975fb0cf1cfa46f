//! Where a function's executable comes from: built by cargo, or already there.
//!
//! `BuildMethod: rust-cargolambda`
//! (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-rust.html>), or a folder that
//! holds a built `bootstrap`; or it is an interpreter's, for Python and Node.js. This looks at files; building is the caller's.

use crate::kinds::{Code, Function};
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
    /// A package to unpack that holds an executable `bootstrap`.
    Packed {
        /// Where it is.
        code: Code,
    },
    /// A script.
    Script {
        /// What runs it.
        language: Language,
        /// Where it is.
        code: Code,
    },
}

/// What runs a script, with the version that the template wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Language {
    /// Python, for example `3.12`.
    Python(String),
    /// Node.js, for example `22`.
    Node(String),
}

impl Language {
    /// The language of a runtime; none where it is another.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>
    #[must_use]
    pub fn of(runtime: &str) -> Option<Self> {
        let is_version = |text: &str| !text.is_empty() && text.split('.').all(|part| part.parse::<u8>().is_ok());
        if let Some(version) = runtime.strip_prefix("python")
            && version.starts_with("3.")
            && is_version(version)
        {
            return Some(Self::Python(version.to_owned()));
        }
        let version = runtime.strip_prefix("nodejs")?;
        let major = version.strip_suffix(".x")?;
        is_version(major).then(|| Self::Node(major.to_owned()))
    }
}

/// Why a function's executable cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinaryError {
    /// The runtime is not here.
    #[error("function `{function}` has the runtime `{runtime}`, which is not implemented here; {}", instead(.runtime))]
    Runtime {
        /// The function.
        function: String,
        /// The runtime.
        runtime: String,
    },
    /// The template names no runtime.
    #[error("function `{function}` needs a `Runtime`: `provided.al2023`, `python3.x` or `nodejs*.x`")]
    NoRuntime {
        /// The function.
        function: String,
    },
    /// Inline code of a function that is an executable.
    #[error(
        "function `{function}` has inline code, which is for Python and Node.js alone: `{runtime}` starts an executable"
    )]
    Inline {
        /// The function.
        function: String,
        /// The runtime.
        runtime: String,
    },
    /// The function is a container image.
    #[error(
        "function `{function}` is a container image, and functions run as processes here: run it by `sam local start-lambda` and \
         name its address as `--lambda-endpoint`, or leave it to AWS with `Metadata: {{Drydock: aws-only}}`"
    )]
    Image {
        /// The function.
        function: String,
    },
    /// The template does not say where the code is.
    #[error("function `{function}` does not say where its code is: it needs `CodeUri`, `InlineCode` or `Code`")]
    Nowhere {
        /// The function.
        function: String,
    },
    /// The build method is another.
    #[error(
        "function `{function}` has the build method `{method}`, which is not implemented here: run `sam build`, and bring up \
         `.aws-sam/build/template.yaml`"
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
    /// The folder or package of a script is not there.
    #[error("function `{function}`: `{path}` does not exist; check `CodeUri`")]
    NoFolder {
        /// The function.
        function: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A script has no handler.
    #[error("function `{function}` needs a `Handler` for the runtime `{runtime}`, such as `app.handler`")]
    NoHandler {
        /// The function.
        function: String,
        /// The runtime.
        runtime: String,
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

impl BinaryError {
    /// The properties of the function that it is about, the likeliest first.
    #[must_use]
    pub fn properties(&self) -> &'static [&'static str] {
        match self {
            Self::Runtime { .. } => &["Runtime"],
            Self::Inline { .. } => &["InlineCode", "Code"],
            Self::Image { .. } => &["ImageUri", "Code", "PackageType"],
            Self::NoHandler { .. } => &["Handler", "Runtime"],
            _ => &["CodeUri", "Code"],
        }
    }
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

/// Whether a function is of a kind that runs here at all, wherever its code is.
pub(crate) fn runs_here(function: &Function) -> Result<(), BinaryError> {
    let name = || function.name.clone();
    match function.code {
        Code::Image(_) => return Err(BinaryError::Image { function: name() }),
        Code::Nowhere => return Err(BinaryError::Nowhere { function: name() }),
        _ => {}
    }
    if function.runtime.is_empty() {
        return Err(BinaryError::NoRuntime { function: name() });
    }
    let provided = matches!(function.runtime.as_str(), "provided.al2023" | "provided.al2" | "provided");
    if !provided && Language::of(&function.runtime).is_none() {
        return Err(BinaryError::Runtime { function: name(), runtime: function.runtime.clone() });
    }
    if provided && matches!(function.code, Code::Inline(_)) {
        return Err(BinaryError::Inline { function: name(), runtime: function.runtime.clone() });
    }
    match function.build_method.as_deref() {
        None | Some("rust-cargolambda") => Ok(()),
        // The builders that only install what a script requires, which is done here as well.
        Some(method) if method == function.runtime => Ok(()),
        Some(method) => Err(BinaryError::Method { function: name(), method: method.to_owned() }),
    }
}

/// Finds out how to get a function's executable. `template_dir` is the template's folder, which `CodeUri` is relative to.
///
/// # Errors
/// Where the runtime or build method is another, or no executable or package is found; the text says what to do.
pub fn find(function: &Function, template_dir: &Path) -> Result<FunctionBuild, BinaryError> {
    runs_here(function)?;
    let name = || function.name.clone();
    if let Some(language) = Language::of(&function.runtime) {
        return script(function, language, template_dir);
    }
    let code = match &function.code {
        Code::Path(path) => template_dir.join(path),
        other => return Ok(FunctionBuild::Packed { code: other.clone() }),
    };
    match function.build_method.as_deref() {
        Some("rust-cargolambda") => cargo(function, code),
        Some(method) => Err(BinaryError::Method { function: name(), method: method.to_owned() }),
        None if code.join("bootstrap").is_file() => Ok(FunctionBuild::Prebuilt { bootstrap: code.join("bootstrap") }),
        None if code.is_file() && code.file_name().is_some_and(|file| file == "bootstrap") => {
            Ok(FunctionBuild::Prebuilt { bootstrap: code })
        }
        None if is_zip(&code) && code.is_file() => Ok(FunctionBuild::Packed { code: function.code.clone() }),
        None => Err(BinaryError::Missing { function: name(), path: code }),
    }
}

fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

/// A script, whose folder or package has to be there where it is on this machine.
fn script(function: &Function, language: Language, template_dir: &Path) -> Result<FunctionBuild, BinaryError> {
    if let Code::Path(path) = &function.code {
        let path = template_dir.join(path);
        if !path.exists() {
            return Err(BinaryError::NoFolder { function: function.name.clone(), path });
        }
    }
    if function.handler.is_none() {
        return Err(BinaryError::NoHandler { function: function.name.clone(), runtime: function.runtime.clone() });
    }
    Ok(FunctionBuild::Script { language, code: function.code.clone() })
}

/// What would do in the place of a runtime that is not here.
fn instead(runtime: &str) -> String {
    let elsewhere = "run it by `sam local start-lambda` and name its address as `--lambda-endpoint`, leave functions out with \
                     `--no-functions`, or leave this one to AWS with `Metadata: {Drydock: aws-only}`";
    match runtime {
        "go1.x" => format!("AWS has ended it: build the function as `bootstrap` for `provided.al2023`, or {elsewhere}"),
        "python2.7" => format!("AWS has ended it: port the function to Python 3, or {elsewhere}"),
        "nodejs" => format!("AWS has ended it: name `nodejs22.x`, or {elsewhere}"),
        _ => format!("`provided.al2023`, `python3.x` and `nodejs*.x` are: {elsewhere}"),
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
