//! What the documentation has of the binary: the README's table of operations, and the reference of the rules SQL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BEGIN: &str = "<!-- operations -->\n";
const END: &str = "<!-- /operations -->";

/// Renews the table between its marks.
pub(crate) fn update() -> Result<String, String> {
    let root = root();
    let table = printed(&root, &["operations", "--markdown"])?;
    let path = root.join("README.md");
    let readme = std::fs::read_to_string(&path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    let renewed = replaced(&readme, &table)?;
    if renewed == readme {
        return Ok("the table of operations is current".to_owned());
    }
    std::fs::write(&path, renewed).map_err(|why| format!("cannot write {}: {why}", path.display()))?;
    Ok("the table of operations was renewed".to_owned())
}

/// Renews the reference of the rules SQL's functions.
pub(crate) fn reference() -> Result<String, String> {
    let root = root();
    let page = printed(&root, &["sql", "--reference"])?;
    let path = root.join("shared/gateway/rules/functions.md");
    if std::fs::read_to_string(&path).is_ok_and(|current| current == page) {
        return Ok("the reference of the rules SQL is current".to_owned());
    }
    std::fs::write(&path, page).map_err(|why| format!("cannot write {}: {why}", path.display()))?;
    Ok("the reference of the rules SQL was renewed".to_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a command of `drydock` prints.
fn printed(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", "drydock-iot", "--"]).args(arguments);
    let output = command.current_dir(root).stderr(Stdio::inherit()).output();
    let output = output.map_err(|why| format!("cargo does not start: {why}"))?;
    if !output.status.success() {
        return Err(format!("`drydock {}` failed: {}", arguments.join(" "), output.status));
    }
    String::from_utf8(output.stdout).map_err(|why| format!("it printed no UTF-8: {why}"))
}

fn replaced(readme: &str, table: &str) -> Result<String, String> {
    let missing = || format!("README.md has no `{}` … `{END}`", BEGIN.trim());
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}
