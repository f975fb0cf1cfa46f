//! Functions that are scripts: their code in a folder, what they require installed, and how an interpreter is started on them.
//!
//! - `setup`: what it takes, and what can go wrong.
//! - `code`: a folder out of what the template says: as it is, unpacked, or written.
//! - `install`: packages, each set of them once, into the folder of the runtimes.
//! - `python`: with AWS's own runtime interface client, `awslambdaric`.
//! - `node`: with a client of our own: AWS's compiles libcurl when it is installed, which needs cmake, a compiler and the
//!   autotools, and few machines have them all.
//!
//! What is installed stays: it is found again under a name that is made of what was asked for.

mod code;
mod install;
mod node;
mod python;
mod setup;

use super::assembly;
use drydock_template::binary::Language;
use drydock_template::{Code, Function};
pub use install::InstallError;
pub use setup::{Executable, Objects, Runtimes, ScriptError};
use std::path::PathBuf;

impl Runtimes<'_> {
    /// Whether code can be had now: what is in a bucket waits for the gateway to be open, but for assets beside the template.
    #[must_use]
    pub fn is_here(&self, code: &Code) -> bool {
        match code {
            Code::S3 { key, .. } => assembly::asset(self.template_dir, key).is_some(),
            _ => true,
        }
    }

    /// Whether a function's code and that of its layers can be had now.
    #[must_use]
    pub fn all_here(&self, function: &Function) -> bool {
        let layers = function.layers.iter().filter_map(|arn| self.layers.get(arn.as_str()));
        self.is_here(&function.code) && layers.into_iter().all(|layer| self.is_here(&layer.content))
    }

    /// Makes a script ready to be run.
    ///
    /// # Errors
    /// [`ScriptError`], naming the function and what to do.
    pub async fn script(&self, function: &Function, language: &Language) -> Result<Executable, ScriptError> {
        let name = function.name.as_str();
        let file = match language {
            Language::Python(_) => "index.py",
            Language::Node(_) => "index.js",
        };
        let root = self.code(name, &function.code, file).await?;
        let mut layers = Vec::new();
        for arn in &function.layers {
            let layer = self
                .layers
                .get(arn.as_str())
                .ok_or_else(|| ScriptError::Layer { function: name.to_owned(), layer: arn.clone() })?;
            layers.push((self.code(name, &layer.content, "index").await?, layer.build_method.is_some()));
        }
        match language {
            Language::Python(version) => python::launch(self, function, version, root, &layers).await,
            Language::Node(version) => node::launch(self, function, version, root, &layers).await,
        }
    }

    /// Unpacks the package of a function that is an executable, and finds its `bootstrap`.
    ///
    /// # Errors
    /// [`ScriptError`] where it cannot be unpacked, or has none.
    pub async fn packed(&self, function: &Function, code: &Code) -> Result<Executable, ScriptError> {
        let root = self.code(&function.name, code, "bootstrap").await?;
        let path = root.join("bootstrap");
        if path.is_file() {
            return Ok(path.into());
        }
        let why = format!("its package has no `bootstrap`, which `{}` starts", function.runtime);
        Err(ScriptError::Code { function: function.name.clone(), why })
    }

    async fn code(&self, function: &str, code: &Code, file: &str) -> Result<PathBuf, ScriptError> {
        let found = code::folder(self, code, file).await;
        found.map_err(|why| ScriptError::Code { function: function.to_owned(), why })
    }
}
