//! Findings in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS).

use super::judge::{Finding, Looked, Severity};
use drydock_audit::checks::ALL;
use serde_json::{Value, json};

/// A log with one run.
pub(super) fn log(looked: &Looked) -> Value {
    let rules = ALL.iter().map(|check| {
        json!({
            "id": check.name,
            "shortDescription": { "text": check.looks_at },
            "help": { "text": check.steps.join("\n") },
            "helpUri": check.url(),
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "drydock audit",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            } },
            "results": looked.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity() {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    };
    let suppressions: Vec<Value> =
        finding.suppressed.iter().map(|why| json!({ "kind": "inSource", "justification": why })).collect();
    json!({
        "ruleId": finding.check.name,
        "level": level,
        "message": { "text": format!("{}: {} ({})", finding.resource, finding.why, finding.reason) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": *finding.place.file },
            "region": { "startLine": finding.place.line, "startColumn": finding.place.column },
        } }],
        "suppressions": suppressions,
    })
}
