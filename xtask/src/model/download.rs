//! Fetches botocore by name with pip, and reads the models out of the wheel with Python's standard library: neither an
//! HTTP client nor a zip reader is worth a dependency here.

use super::Service;
use serde_json::Value;
use std::process::Command;

/// Prints the models as one JSON list: the wheel is the only file of the folder given first, the paths follow.
const UNPACK: &str = r"
import gzip, json, pathlib, sys, zipfile
[wheel] = pathlib.Path(sys.argv[1]).glob('botocore-*.whl')
with zipfile.ZipFile(wheel) as archive:
    print(json.dumps([json.loads(gzip.decompress(archive.read(path))) for path in sys.argv[2:]]))
";

/// The service models of a version of botocore, in the order asked for.
pub(super) fn fetch(version: &str, services: &[Service]) -> Result<Vec<Value>, String> {
    let folder = std::env::temp_dir().join(format!("drydock-botocore-{version}-{}", std::process::id()));
    let models = fetch_into(&folder.to_string_lossy(), version, services);
    // The folder is in the system's temporary directory: what stays behind is cleared with it.
    let _ = std::fs::remove_dir_all(&folder);
    models
}

fn fetch_into(folder: &str, version: &str, services: &[Service]) -> Result<Vec<Value>, String> {
    let package = format!("botocore=={version}");
    python(&["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, &package])?;
    let paths: Vec<String> = services
        .iter()
        .map(|service| format!("botocore/data/{}/{}/service-2.json.gz", service.name, service.api))
        .collect();
    let mut arguments = vec!["-c", UNPACK, folder];
    arguments.extend(paths.iter().map(String::as_str));
    let models = python(&arguments)?;
    serde_json::from_slice(&models).map_err(|why| format!("the models of {package} are not JSON: {why}"))
}

fn python(arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output =
        Command::new("python3").args(arguments).output().map_err(|why| format!("cannot run python3: {why}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("python3 failed: {}", String::from_utf8_lossy(&output.stderr)))
    }
}
