//! Installs packages with the language's own tool, into a folder that is there as a whole or not at all.

use crate::deploy::progress::Progress;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use tokio::process::Command;

/// The most lines of a tool's own words that an error repeats.
const LINES: usize = 8;

/// Why packages cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The tool is not there.
    #[error("{what} needs `{tool}`, which cannot be started on this machine ({why}): install it{hint}")]
    NoTool {
        /// What is to be installed.
        what: String,
        /// The tool.
        tool: String,
        /// What the system says.
        why: String,
        /// How it is installed.
        hint: &'static str,
    },
    /// The tool fails.
    #[error(
        "{what} cannot be installed: `{command}` failed{offline}. It said:\n{said}\nWithout it: hand the invokes to `sam local \
         start-lambda` with `--lambda-endpoint`, or leave functions out with `--no-functions`"
    )]
    Failed {
        /// What is to be installed.
        what: String,
        /// The command, to be run by hand.
        command: String,
        /// That the registry was not reached, where that is so.
        offline: &'static str,
        /// The tool's last words.
        said: String,
    },
    /// A folder cannot be made.
    #[error("`{path}` cannot be written: {source}", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A tool's call that fills a folder.
pub(super) struct Install<'a> {
    /// For people, for example `boto3 for Python 3.12`.
    pub(super) what: String,
    pub(super) tool: &'a Path,
    /// How the tool is installed, for people: begins with a separator.
    pub(super) hint: &'static str,
    /// The arguments, where `{}` stands for the folder.
    pub(super) arguments: Vec<String>,
    /// Where the tool runs; in the folder itself where there is none.
    pub(super) within: Option<&'a Path>,
}

impl Install<'_> {
    /// Fills a folder; at once where it is there already. `prepare` puts into it what the tool is to find.
    pub(super) async fn into(
        self,
        folder: &Path,
        progress: &dyn Progress,
        prepare: impl FnOnce(&Path) -> std::io::Result<()>,
    ) -> Result<(), InstallError> {
        if folder.is_dir() {
            return Ok(());
        }
        let failed = |source| InstallError::Folder { path: folder.to_owned(), source };
        let parent = folder.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(failed)?;
        let beside = tempfile::Builder::new().prefix(".installing-").tempdir_in(parent).map_err(failed)?;
        prepare(beside.path()).map_err(failed)?;
        progress.installing(&self.what);
        let started = Instant::now();
        let place = beside.path().display().to_string();
        let arguments: Vec<String> = self.arguments.iter().map(|argument| argument.replace("{}", &place)).collect();
        let output = Command::new(self.tool)
            .args(&arguments)
            .current_dir(self.within.unwrap_or(beside.path()))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| InstallError::NoTool {
                what: self.what.clone(),
                tool: self.tool.display().to_string(),
                why: error.to_string(),
                hint: self.hint,
            })?;
        if !output.status.success() {
            return Err(self.failure(&arguments, &output.stdout, &output.stderr));
        }
        // Another start has put the same there meanwhile.
        if let Err(error) = std::fs::rename(beside.path(), folder)
            && !folder.is_dir()
        {
            return Err(failed(error));
        }
        progress.installed(&self.what, started.elapsed());
        Ok(())
    }

    fn failure(&self, arguments: &[String], stdout: &[u8], stderr: &[u8]) -> InstallError {
        let all = [String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr)].concat();
        let lines: Vec<&str> = all.lines().filter(|line| !line.trim().is_empty()).collect();
        let said = lines.iter().skip(lines.len().saturating_sub(LINES)).map(|line| format!("  {line}"));
        let has = |words: &[&str]| words.iter().any(|word| all.contains(word));
        if has(&["No module named pip", "No module named ensurepip"]) {
            return InstallError::NoTool {
                what: self.what.clone(),
                tool: format!("{} -m pip", self.tool.display()),
                why: "there is no module `pip`".to_owned(),
                hint: self.hint,
            };
        }
        // The words of pip, npm and the system's resolver.
        let offline = [
            "Temporary failure in name resolution",
            "Name or service not known",
            "Failed to establish a new connection",
            "Network is unreachable",
            "ENOTFOUND",
            "EAI_AGAIN",
            "ECONNREFUSED",
            "ETIMEDOUT",
        ];
        InstallError::Failed {
            what: self.what.clone(),
            command: format!("{} {}", self.tool.display(), arguments.join(" ")),
            offline: if has(&offline) {
                ", as its registry was not reached: be online for the first start, which keeps what it installs"
            } else {
                ""
            },
            said: said.collect::<Vec<_>>().join("\n"),
        }
    }
}
