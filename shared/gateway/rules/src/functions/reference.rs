//! The reference of the functions, made from their own files.

use super::{ALL, Body, Example, Function};
use crate::externals::Capabilities;
use crate::sql::SqlVersion;
use std::fmt::Write as _;

/// The reference page as Markdown, for a host that can answer what `capabilities` says: which functions there are and how far
/// they are supported, and for each its description, signature and examples.
#[must_use]
pub fn markdown(capabilities: Capabilities) -> String {
    let mut out = String::from(
        "# Functions of the rules SQL\n\n\
         Made by `cargo xtask reference` from the functions' own files, `src/functions/`. The examples are run as tests; they are in \
         version 2016-03-23 unless said otherwise. A call with fewer or more arguments than there are parameters is `Undefined`.\n\n\
         | function | since | in this gateway |\n|---|---|---|\n",
    );
    // Writing to a string does not fail.
    for function in ALL {
        let _ = writeln!(
            out,
            "| [`{}`](#{}) | {} | {} |",
            function.name,
            function.name.to_lowercase(),
            function.since,
            support(function, capabilities)
        );
    }
    for function in ALL {
        let _ = write!(out, "\n## {}\n\n{}\n\n```\n{}\n```\n", function.name, function.summary, function.signature());
        examples(function.examples, &mut out);
    }
    out
}

fn support(function: &Function, capabilities: Capabilities) -> &'static str {
    match function.body {
        Body::External(external, _) if capabilities.has(external) => "yes, asks the stand-in",
        Body::External(..) => "no: refused when a rule is created",
        Body::Decode if capabilities.has(crate::externals::External::DecodeProto) => "yes, `proto` asks the stand-in",
        Body::Decode => "`base64`; `proto` is refused when a rule is created",
        Body::Value(_) | Body::Pattern(_) | Body::Default => "yes",
    }
}

fn examples(examples: &[Example], out: &mut String) {
    if examples.is_empty() {
        return;
    }
    let on_payloads = examples.iter().any(|example| example.payload != "{}");
    out.push_str(if on_payloads {
        "\n| payload | call | result |\n|---|---|---|\n"
    } else {
        "\n| call | result |\n|---|---|\n"
    });
    for example in examples {
        if on_payloads {
            let _ = write!(out, "| {} ", code(example.payload));
        }
        let version =
            if example.version == SqlVersion::V2016 { String::new() } else { format!(" ({})", example.version) };
        let result = if example.result.is_empty() { "`Undefined`".to_owned() } else { code(example.result) };
        let _ = writeln!(out, "| {}{version} | {result} |", code(example.sql));
    }
}

/// A text as code in a table's cell.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') || text.trim().is_empty() { format!("`` {text} ``") } else { format!("`{text}`") }
}
