//! Functions in Node.js, with the client of the Runtime API in `node/client.mjs`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html>: the runtime brings the AWS SDK along, so that scripts import
//! `@aws-sdk/…` without depending on it. All of it is a lot to install: here those clients are that the script names.

use super::code::sources;
use super::install::{Install, InstallError};
use super::setup::{Executable, Runtimes, ScriptError, digest, path_list};
use drydock_cloud::lambda::Launch;
use drydock_template::Function;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// The client: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.
const CLIENT: &str = include_str!("node/client.mjs");
/// Prints what is to be known of an interpreter.
const PROBE: &str = "console.log(process.execPath + '\\n' + process.versions.node)";
/// The oldest major version that the client runs on.
const OLDEST: u32 = 18;
const HINT: &str = " (it comes with Node.js, or as the system's package `npm`)";
/// Of how many files imports are looked for.
const MOST_FILES: usize = 2_000;

/// Finds the interpreter, and its major version.
async fn interpreter(function: &Function) -> Result<(PathBuf, u32), ScriptError> {
    let probe = Command::new("node").args(["-e", PROBE]).stdin(Stdio::null()).output().await;
    let text = probe.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    let missing = |looked: String| ScriptError::NoInterpreter {
        function: function.name.clone(),
        runtime: function.runtime.clone(),
        looked,
    };
    let (path, version) = text.trim_end().split_once('\n').ok_or_else(|| missing("`node`".to_owned()))?;
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    if major < OLDEST {
        return Err(missing(format!("Node.js {OLDEST} or newer (`node` is {version})")));
    }
    Ok((path.into(), major))
}

/// Gets everything ready that a function needs.
pub(super) async fn launch(
    runtimes: &Runtimes<'_>,
    function: &Function,
    wanted: &str,
    root: PathBuf,
    layers: &[(PathBuf, bool)],
) -> Result<Executable, ScriptError> {
    let (node, major) = interpreter(function).await?;
    if major.to_string() != wanted {
        runtimes.progress.differs(&function.name, &function.runtime, &format!("Node.js {major}"));
    }
    let failed = |error| ScriptError::Install { function: function.name.clone(), error };
    let home = runtimes.folder.join("node");
    let client = home.join(format!("client-{}.mjs", digest([CLIENT.as_bytes()])));
    write(&client, CLIENT).map_err(failed)?;
    let mut folders = Vec::new();
    folders.extend(dependencies(runtimes, &home, &root).await.map_err(failed)?);
    let mut sources = vec![root.clone()];
    for (layer, built) in layers {
        let packed = layer.join("nodejs");
        let packages = if packed.is_dir() || !*built { packed } else { layer.clone() };
        folders.push(packages.join(format!("node{wanted}")).join("node_modules"));
        folders.push(packages.join("node_modules"));
        folders.extend(dependencies(runtimes, &home, &packages).await.map_err(failed)?);
        sources.push(packages);
    }
    let sdk = sdk(&sources, &folders, wanted);
    if !sdk.is_empty() {
        folders.push(installed_sdk(runtimes, &home, &sdk).await.map_err(failed)?);
    }
    let roots = layers.iter().map(|(layer, _)| layer.display().to_string()).collect::<Vec<_>>().join(":");
    let variables = BTreeMap::from([
        ("NODE_PATH".to_owned(), path_list(function, "NODE_PATH", folders)),
        ("DRYDOCK_LAYERS".to_owned(), roots),
        ("AWS_EXECUTION_ENV".to_owned(), format!("AWS_Lambda_{}", function.runtime)),
    ]);
    let memory = format!("--max-old-space-size={}", function.memory_size.max(128) * 9 / 10);
    let arguments = vec![memory, client.display().to_string()];
    Ok(Executable { path: node, launch: Launch { arguments, task_root: Some(root), variables } })
}

fn write(path: &Path, text: &str) -> Result<(), InstallError> {
    let failed = |source| InstallError::Folder { path: path.to_owned(), source };
    if path.is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    let beside = path.with_extension(format!("part{}", std::process::id()));
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

fn npm<'a>(what: String, arguments: &[&str]) -> Install<'a> {
    let fixed = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", "{}"];
    Install {
        what,
        tool: Path::new("npm"),
        hint: HINT,
        arguments: arguments.iter().chain(&fixed).map(|argument| (*argument).to_owned()).collect(),
        within: None,
    }
}

/// Installs the dependencies of `package.json`, where they are not found from the folder already.
async fn dependencies(runtimes: &Runtimes<'_>, home: &Path, root: &Path) -> Result<Option<PathBuf>, InstallError> {
    let file = root.join("package.json");
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
    let package: Value = serde_json::from_str(&text).unwrap_or_default();
    let names: Vec<&str> = package
        .get("dependencies")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    if names.iter().all(|name| root.ancestors().any(|folder| folder.join("node_modules").join(name).is_dir())) {
        return Ok(None);
    }
    let lock = std::fs::read(root.join("package-lock.json")).ok();
    let folder = home.join("required").join(digest([text.as_bytes(), lock.as_deref().unwrap_or_default()]));
    let arguments: &[&str] =
        if lock.is_some() { &["ci", "--omit=dev"] } else { &["install", "--omit=dev", "--no-package-lock"] };
    let prepare = |folder: &Path| {
        std::fs::write(folder.join("package.json"), &text)?;
        lock.as_ref().map_or(Ok(()), |lock| std::fs::write(folder.join("package-lock.json"), lock))
    };
    npm(format!("what `{}` depends on", file.display()), arguments).into(&folder, runtimes.progress, prepare).await?;
    Ok(Some(folder.join("node_modules")))
}

/// The packages of the AWS SDK that scripts name and that are not found from their folders.
fn sdk(roots: &[PathBuf], folders: &[PathBuf], wanted: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // The second version of the SDK was in the runtimes up to this one.
    let second = wanted.parse::<u32>().is_ok_and(|major| major <= 16);
    for root in roots {
        let here = |name: &str| {
            let above = root.ancestors().any(|folder| folder.join("node_modules").join(name).is_dir());
            above || folders.iter().any(|folder| folder.join(name).is_dir())
        };
        for text in sources(root, &["js", "mjs", "cjs"], MOST_FILES) {
            for quoted in text.split(['"', '\'', '`']) {
                let package = match quoted.strip_prefix("@aws-sdk/") {
                    Some(rest) => {
                        let name = rest.split('/').next().unwrap_or_default();
                        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                        (!name.is_empty() && name.chars().all(is_name)).then(|| format!("@aws-sdk/{name}"))
                    }
                    None => (second && (quoted == "aws-sdk" || quoted.starts_with("aws-sdk/")))
                        .then(|| "aws-sdk".to_owned()),
                };
                names.extend(package.filter(|name| !here(name)));
            }
        }
    }
    names
}

async fn installed_sdk(
    runtimes: &Runtimes<'_>,
    home: &Path,
    names: &BTreeSet<String>,
) -> Result<PathBuf, InstallError> {
    let all = names.iter().map(String::as_str).collect::<Vec<_>>();
    let folder = home.join("sdk").join(digest(all.iter().map(|name| name.as_bytes())));
    let arguments = [&["install", "--no-package-lock"], all.as_slice()].concat();
    let what = format!("`{}`, which the runtime has on AWS", all.join("`, `"));
    npm(what, &arguments).into(&folder, runtimes.progress, |_| Ok(())).await?;
    Ok(folder.join("node_modules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_s_packages_are_those_that_are_named_and_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let text = "import {IoT} from \"@aws-sdk/client-iot\";\nconst d = require('@aws-sdk/lib-dynamodb/x');\n\
                    require('aws-sdk'); // \"@aws-sdk/\"";
        std::fs::write(dir.path().join("app.mjs"), text).unwrap();
        let roots = [dir.path().to_owned()];
        let named = |wanted| sdk(&roots, &[], wanted).into_iter().collect::<Vec<_>>();
        assert_eq!(named("22"), ["@aws-sdk/client-iot", "@aws-sdk/lib-dynamodb"]);
        assert_eq!(named("16"), ["@aws-sdk/client-iot", "@aws-sdk/lib-dynamodb", "aws-sdk"]);
        std::fs::create_dir_all(dir.path().join("node_modules/@aws-sdk/client-iot")).unwrap();
        assert_eq!(named("22"), ["@aws-sdk/lib-dynamodb"]);
    }
}
