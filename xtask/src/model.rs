//! The service models: from botocore's package to the committed JSON, and from that to Rust.
//!
//! - [`download`]: fetches the package and unpacks the models.
//! - [`strip`]: keeps what has meaning on the wire, and refuses a trait it does not know.
//! - [`source`]: the stripped model, typed.
//! - [`names`]: AWS's names as Rust's.
//! - [`pattern`]: AWS's regular expressions (Java's) as the `regex` crate's.
//! - [`rust`]: the generated files.

mod download;
mod names;
mod pattern;
mod rust;
mod source;
mod strip;

use source::Model;
use std::path::{Path, PathBuf};

/// The version of the botocore package that the models are taken from.
const BOTOCORE: &str = "1.44.5";

/// A service whose model is taken in.
struct Service {
    /// Its folder in botocore, and its file here.
    name: &'static str,
    /// The version of its API.
    api: &'static str,
    /// Its Rust module.
    module: &'static str,
}

/// The services, in the order their modules are declared in.
const SERVICES: [Service; 3] = [
    Service { name: "iot", api: "2015-05-28", module: "iot" },
    Service { name: "iot-data", api: "2015-05-28", module: "iot_data" },
    Service { name: "iot-jobs-data", api: "2017-09-29", module: "iot_jobs_data" },
];

/// What a chore ends with: a line to print, or why it failed.
type Outcome = Result<String, String>;

/// Downloads, strips, writes the stripped models, and generates.
pub(crate) fn update() -> Outcome {
    let fetched = download::fetch(BOTOCORE, &SERVICES)?;
    let source = format!("botocore {BOTOCORE}");
    for (service, model) in SERVICES.iter().zip(fetched) {
        let stripped = strip::strip(&model, &source).map_err(|why| format!("{}: {why}", service.name))?;
        write(&stripped_path(service), &stripped)?;
    }
    generate()
}

/// Generates the code from the committed models.
pub(crate) fn generate() -> Outcome {
    let files = generated()?;
    let mut changed = 0;
    for (path, text) in &files {
        if read(path).is_ok_and(|old| old == *text) {
            continue;
        }
        write(path, text)?;
        changed += 1;
    }
    Ok(format!("{} generated files, {changed} changed", files.len()))
}

/// Fails where a generated file differs from what the committed models give.
pub(crate) fn check() -> Outcome {
    let files = generated()?;
    let stale: Vec<String> = files
        .iter()
        .filter(|(path, text)| !read(path).is_ok_and(|old| old == *text))
        .map(|(path, _)| format!("  {}", path.display()))
        .collect();
    if stale.is_empty() {
        return Ok(format!("{} generated files are current", files.len()));
    }
    Err(format!("stale, run `cargo xtask model --offline`:\n{}", stale.join("\n")))
}

/// Every generated file with its text.
fn generated() -> Result<Vec<(PathBuf, String)>, String> {
    let source = crate_path().join("src");
    let mut files = Vec::new();
    for service in &SERVICES {
        let text = read(&stripped_path(service))?;
        let model = Model::parse(&text).map_err(|why| format!("{}: {why}", service.name))?;
        for (file, text) in rust::files(service, &model)? {
            files.push((source.join(file), text));
        }
    }
    Ok(files)
}

fn crate_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/gateway/model")
}

fn stripped_path(service: &Service) -> PathBuf {
    crate_path().join(format!("service/{}.json", service.name))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|why| format!("cannot read {}: {why}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|why| format!("cannot create {}: {why}", folder.display()))?;
    }
    std::fs::write(path, text).map_err(|why| format!("cannot write {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_code_is_current() {
        super::check().unwrap();
    }
}
