//! What it takes to make a script ready to be run, and what can go wrong.

use super::install::InstallError;
use crate::deploy::progress::Progress;
use bytes::Bytes;
use drydock_cloud::lambda::Launch;
use drydock_template::{Function, Layer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a script cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The interpreter is not there.
    #[error(
        "function `{function}` has the runtime `{runtime}`, and {looked} cannot be run on this machine: install it, hand the \
         invokes to `sam local start-lambda` with `--lambda-endpoint`, or leave functions out with `--no-functions`"
    )]
    NoInterpreter {
        /// The function.
        function: String,
        /// Its runtime.
        runtime: String,
        /// What was looked for.
        looked: String,
    },
    /// What the function or its runtime requires cannot be installed.
    #[error("function `{function}`: {error}")]
    Install {
        /// The function.
        function: String,
        /// What went wrong.
        error: InstallError,
    },
    /// The code cannot be read, unpacked or written.
    #[error("function `{function}`: {why}")]
    Code {
        /// The function.
        function: String,
        /// What is wrong.
        why: String,
    },
    /// A layer is not one of the template's.
    #[error(
        "function `{function}` has the layer `{layer}`, which is not one of this template's: add what it brings to the \
         function's requirements, and leave it to AWS with `Metadata: {{Drydock: {{AwsOnly: [Layers]}}}}`"
    )]
    Layer {
        /// The function.
        function: String,
        /// The layer's ARN.
        layer: String,
    },
}

/// An executable and how it is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executable {
    /// The executable.
    pub path: PathBuf,
    /// What it is started with.
    pub launch: Launch,
}

impl From<PathBuf> for Executable {
    fn from(path: PathBuf) -> Self {
        Self { path, launch: Launch::default() }
    }
}

/// Where objects of S3 are: asked for code that is not in a file.
#[async_trait::async_trait]
pub trait Objects: Send + Sync {
    /// The bytes of an object; `None` where it is not there.
    async fn object(&self, bucket: &str, key: &str) -> Option<Bytes>;
}

/// What it takes to make scripts run.
pub struct Runtimes<'a> {
    /// Where packages are installed and code is unpacked.
    pub folder: &'a Path,
    /// The template's folder.
    pub template_dir: &'a Path,
    /// The template's layers by their ARNs.
    pub layers: BTreeMap<&'a str, &'a Layer>,
    /// The objects of S3; `None` before the gateway is open.
    pub objects: Option<&'a dyn Objects>,
    /// Who is told what is installed.
    pub progress: &'a dyn Progress,
}

/// A list of folders as `PYTHONPATH` and `NODE_PATH` take them, with what the function itself sets of it in front.
pub(super) fn path_list(function: &Function, variable: &str, folders: impl IntoIterator<Item = PathBuf>) -> String {
    let own = function.environment.get(variable).filter(|own| !own.is_empty()).cloned();
    let folders = folders.into_iter().map(|folder| folder.display().to_string());
    own.into_iter().chain(folders).collect::<Vec<_>>().join(":")
}

/// SHA-256 in hexadecimal digits, of several parts.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
