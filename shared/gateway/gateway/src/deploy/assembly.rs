//! What the CDK has written beside a template, its "cloud assembly": how the stack is called, and where the code is that the
//! template names by a key of the bucket for assets.
//!
//! <https://docs.aws.amazon.com/cdk/v2/guide/deploy.html>; the files are described by `@aws-cdk/cloud-assembly-schema`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `manifest.json`.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    artifacts: BTreeMap<String, Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    type_: String,
    #[serde(default)]
    properties: ArtifactProperties,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ArtifactProperties {
    template_file: Option<String>,
    /// Where the stack is not called as the artifact is.
    stack_name: Option<String>,
}

/// `<Stack>.assets.json`.
#[derive(Deserialize)]
struct Assets {
    #[serde(default)]
    files: BTreeMap<String, Asset>,
}

#[derive(Deserialize)]
struct Asset {
    source: AssetSource,
    #[serde(default)]
    destinations: BTreeMap<String, Destination>,
}

#[derive(Deserialize)]
struct AssetSource {
    /// From the folder of the assembly, or absolute where nothing was copied (`cdk synth --no-staging`).
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    object_key: String,
}

/// How the app calls the stack of a template; nothing for a template that is in no assembly.
pub(super) fn stack_name(template: &Path) -> Option<String> {
    let file = template.file_name()?.to_str()?;
    let manifest: Manifest = read(&template.with_file_name("manifest.json"))?;
    manifest.artifacts.into_iter().find_map(|(id, artifact)| {
        let is_it =
            artifact.type_ == "aws:cloudformation:stack" && artifact.properties.template_file.as_deref() == Some(file);
        is_it.then(|| artifact.properties.stack_name.unwrap_or(id))
    })
}

/// The file or folder that the CDK would upload under a key, in the assembly of a folder: what the manifests of its assets
/// say, and without one that says something, `asset.<hash>`.
pub(super) fn asset(folder: &Path, key: &str) -> Option<PathBuf> {
    let mut manifests: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    manifests.retain(|path| path.to_str().is_some_and(|path| path.ends_with(".assets.json")));
    manifests.sort();
    let of_key =
        |asset: Asset| asset.destinations.values().any(|to| to.object_key == key).then_some(asset.source.path?);
    let named = manifests.iter().filter_map(|path| read::<Assets>(path)).flat_map(|assets| assets.files.into_values());
    if let Some(path) = named.filter_map(of_key).map(|path| folder.join(path)).find(|path| path.exists()) {
        return Some(path);
    }
    let file = Path::new(key).file_name()?.to_str()?;
    let hash = file.strip_suffix(".zip").unwrap_or(file);
    let candidates = [format!("asset.{hash}"), format!("asset.{file}"), file.to_owned()];
    candidates.into_iter().map(|name| folder.join(name)).find(|path| path.exists())
}

/// A file of the assembly. What is none of the CDK's is passed over: a template may stand beside anything.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Makes a file with its text, or a folder where the name ends with `/`.
    fn put(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = if name.ends_with('/') { fs::create_dir_all(path) } else { fs::write(path, text) };
        made.unwrap();
    }

    fn assembly(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            put(folder.path(), name, text);
        }
        folder
    }

    fn manifest_of(source: &str, key: &str) -> String {
        format!(
            r#"{{"version": "55.0.0", "files": {{"abc": {{"source": {{"path": "{source}", "packaging": "zip"}},
                "destinations": {{"here": {{"bucketName": "b", "objectKey": "{key}"}}}}}}}}}}"#
        )
    }

    #[test]
    fn a_stack_is_called_as_the_app_calls_it() {
        let manifest = r#"{"version": "55.0.0", "artifacts": {
            "Fleet.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Fleet.assets.json"}},
            "Fleet": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "Fleet.template.json"}},
            "ProdFleet12": {"type": "aws:cloudformation:stack",
                "properties": {"templateFile": "ProdFleet12.template.json", "stackName": "Prod-Fleet"}},
            "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}}}"#;
        let folder = assembly(&[("manifest.json", manifest)]);
        let name = |file: &str| stack_name(&folder.path().join(file));
        assert_eq!(name("Fleet.template.json").as_deref(), Some("Fleet"));
        assert_eq!(name("ProdFleet12.template.json").as_deref(), Some("Prod-Fleet"));
        assert_eq!(name("Other.template.json"), None);
        // A manifest of something else, such as a web app's, is none of the CDK's.
        let folder = assembly(&[("manifest.json", r#"{"name": "app", "icons": []}"#)]);
        assert_eq!(stack_name(&folder.path().join("template.yaml")), None);
    }

    #[test]
    fn an_asset_is_where_the_manifest_says() {
        let elsewhere = assembly(&[("telemetry/", "")]);
        let absolute = elsewhere.path().join("telemetry");
        let cases = [
            ("asset.abc", "abc.zip", "asset.abc/", "asset.abc"),
            // Of a stage, whose assets are those of the whole app.
            ("../asset.abc", "abc.zip", "../asset.abc/", "../asset.abc"),
            // With a prefix, and a name that says nothing.
            ("code/telemetry", "prefix/v1/abc.zip", "code/telemetry/", "code/telemetry"),
            ("asset.abc.zip", "abc.zip", "asset.abc.zip", "asset.abc.zip"),
            // Nothing was copied.
            (absolute.to_str().unwrap(), "abc.zip", "other/", absolute.to_str().unwrap()),
        ];
        for (source, key, file, expected) in cases {
            let whole = assembly(&[]);
            let folder = whole.path().join("assembly");
            put(&folder, "Fleet.assets.json", &manifest_of(source, key));
            put(&folder, file, "");
            assert_eq!(asset(&folder, key), Some(folder.join(expected)), "{source}");
            assert_eq!(asset(&folder, "another.zip"), None, "{source}");
        }
    }

    #[test]
    fn without_a_manifest_an_asset_is_found_by_its_name() {
        let folder = assembly(&[("asset.abc/", ""), ("asset.def.zip", ""), ("broken.assets.json", "{")]);
        let found =
            |key: &str| asset(folder.path(), key).map(|path| path.strip_prefix(folder.path()).unwrap().to_owned());
        assert_eq!(found("abc.zip"), Some("asset.abc".into()));
        assert_eq!(found("def.zip"), Some("asset.def.zip".into()));
        assert_eq!(found("ghi.zip"), None);
    }
}
