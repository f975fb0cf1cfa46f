//! Where functions' executables come from, on folders made for the test.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-rust.html>,
//! <https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a folder that cannot be made or a template that is wrong ends the test, with its message"
)]

use drydock_core::Scope;
use drydock_template::binary::{FunctionBuild, find};
use drydock_template::{Resource, Settings, Template};
use std::path::Path;

/// Finds the executable of one function: `metadata` and `properties` are the insides of YAML flow mappings. Paths in the
/// answer are relative to the folder.
fn found(files: &[(&str, &str)], metadata: &str, properties: &str) -> String {
    let dir = tempfile::tempdir().expect("a folder for the test");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(dir.path())).expect("folders can be made");
        std::fs::write(path, text).expect("files can be written");
    }
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: \
         {{{metadata}}}\n    Properties: {{FunctionName: f, CodeUri: f, {properties}}}\n"
    );
    let settings = Settings::new(Scope::new("123456789012", "us-east-1"), "stack", "http://127.0.0.1:4566");
    let plan = Template::parse("t.yaml", &text).and_then(|template| template.plan(&settings));
    let plan = plan.unwrap_or_else(|errors| panic!("{errors}"));
    let function = plan.resources.iter().find_map(|planned| match &planned.resource {
        Resource::Function(function) => Some(function),
        _ => None,
    });
    let relative = |path: &Path| path.strip_prefix(dir.path()).unwrap_or(path).display().to_string();
    match find(function.expect("the template has a function"), dir.path()) {
        Ok(FunctionBuild::Cargo { manifest_dir, package, binary }) => {
            format!("cargo {} {} {binary}", relative(&manifest_dir), package.unwrap_or_default())
        }
        Ok(FunctionBuild::Prebuilt { bootstrap }) => format!("prebuilt {}", relative(&bootstrap)),
        Ok(FunctionBuild::Packed { code }) => format!("packed {code:?}"),
        Ok(FunctionBuild::Script { language, code }) => format!("script {language:?} {code:?}"),
        Err(error) => error.to_string().replace(&dir.path().display().to_string(), "<dir>"),
    }
}

const AL2023: &str = "Runtime: provided.al2023";
const CARGO: &str = "BuildMethod: rust-cargolambda";

#[test]
fn a_package_with_one_binary() {
    let files = [("f/Cargo.toml", "[package]\nname = \"telemetry\"\n"), ("f/src/main.rs", "")];
    assert_eq!(found(&files, CARGO, AL2023), "cargo f telemetry telemetry");
}

#[test]
fn a_binary_that_the_package_names() {
    let manifest = "[package]\nname = \"p\"\n[[bin]]\nname = \"telemetry\"\npath = \"src/main.rs\"\n";
    assert_eq!(found(&[("f/Cargo.toml", manifest), ("f/src/main.rs", "")], CARGO, AL2023), "cargo f p telemetry");
}

#[test]
fn a_binary_that_the_template_names() {
    let files = [("f/Cargo.toml", "[workspace]\nmembers = []\n")];
    let metadata = format!("{CARGO}, BuildProperties: {{Binary: telemetry}}");
    assert_eq!(found(&files, &metadata, AL2023), "cargo f  telemetry");
}

#[test]
fn several_binaries_are_told_apart_by_the_handler() {
    let files = [
        ("f/Cargo.toml", "[package]\nname = \"p\"\n"),
        ("f/src/bin/one.rs", ""),
        ("f/src/bin/two/main.rs", ""),
        ("f/src/bin/notes.txt", ""),
    ];
    assert_eq!(found(&files, CARGO, "Runtime: provided.al2023, Handler: two"), "cargo f p two");
    assert_eq!(
        found(&files, CARGO, "Runtime: provided.al2023, Handler: bootstrap"),
        "function `f`: `<dir>/f/Cargo.toml` does not say which binary to take (it has `one`, `two`); name it as \
         `Metadata.BuildProperties.Binary`"
    );
}

#[test]
fn a_built_bootstrap() {
    assert_eq!(found(&[("f/bootstrap", "")], "", AL2023), "prebuilt f/bootstrap");
}

#[test]
fn neither_a_package_nor_a_bootstrap() {
    let wanted = "function `f`: `<dir>/f` holds neither a `Cargo.toml` nor a built `bootstrap`; check `CodeUri` and \
                  `Metadata.BuildMethod`";
    assert_eq!(found(&[], CARGO, AL2023), wanted);
    assert_eq!(found(&[], "", AL2023), wanted);
}

#[test]
fn a_manifest_that_is_broken() {
    let text = found(&[("f/Cargo.toml", "[package\n")], CARGO, AL2023);
    assert!(text.starts_with("function `f`: `<dir>/f/Cargo.toml` cannot be read: "), "{text}");
}

#[test]
fn other_runtimes_and_build_methods_are_named() {
    for runtime in ["java21", "dotnet8", "ruby3.3", "go1.x", "python2.7", "nodejs"] {
        let text = found(&[("f/bootstrap", "")], "", &format!("Runtime: {runtime}, Handler: a.b"));
        assert!(text.contains(&format!("runtime `{runtime}`")) && text.contains("--lambda-endpoint"), "{text}");
    }
    let text = found(&[("f/bootstrap", "")], "BuildMethod: makefile", AL2023);
    assert!(text.contains("build method `makefile`") && text.contains("`sam build`"), "{text}");
    let text = found(&[("f/app.ts", "")], "BuildMethod: esbuild", "Runtime: nodejs22.x, Handler: app.handler");
    assert!(text.contains("build method `esbuild`") && text.contains("`sam build`"), "{text}");
}

#[test]
fn what_does_not_say_how_it_runs_is_named() {
    let files = [("f/bootstrap", "")];
    assert!(found(&files, "", "Handler: a").contains("needs a `Runtime`"));
    assert!(found(&files, "", "PackageType: Image").contains("is a container image"));
    let inline = found(&files, "", "Runtime: provided.al2023, InlineCode: x");
    assert!(inline.contains("for Python and Node.js alone"), "{inline}");
    let inline = found(&files, "", "Runtime: python3.12, Handler: index.h, InlineCode: x");
    assert_eq!(inline, "script Python(\"3.12\") Inline(\"x\")");
}

#[test]
fn scripts_are_for_their_interpreter() {
    let of = |files: &[(&str, &str)], properties: &str| found(files, "", properties);
    let files = [("f/app.py", ""), ("f.zip", "")];
    assert_eq!(of(&files, "Runtime: python3.12, Handler: app.handler"), "script Python(\"3.12\") Path(\"f\")");
    assert_eq!(of(&files, "Runtime: nodejs22.x, Handler: app.handler"), "script Node(\"22\") Path(\"f\")");
    let text = of(&[], "Runtime: python3.12, Handler: app.handler");
    assert_eq!(text, "function `f`: `<dir>/f` does not exist; check `CodeUri`");
    let text = of(&files, "Runtime: python3.12");
    assert!(text.contains("needs a `Handler`"), "{text}");
}
