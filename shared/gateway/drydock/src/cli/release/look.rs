//! How releases are shown.

use crate::cli::print;
use serde_json::Value;

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn all<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// All releases, and what environments have.
pub(super) fn list(answer: &Value) {
    let mut table = print::table(["release", "environment", "what", "phase", "wave", "reason"]);
    let mut some = false;
    for release in all(answer, "releases") {
        some = true;
        let cells = ["/releaseId", "/environment", "/what", "/phase", "/wave", "/reason"];
        table.add_row(cells.map(|cell| text(release, cell).to_owned()));
    }
    if !some {
        return print::told("there are no releases: `drydock release create FILE` begins one");
    }
    print::told(&table);
    for environment in all(answer, "environments") {
        let (active, current) = (text(environment, "/active"), text(environment, "/current"));
        let none = |name: &str| if name.is_empty() { "nothing".to_owned() } else { format!("`{name}`") };
        let name = text(environment, "/environment");
        print::told(format_args!("{name}: has {}, and {} goes on", none(current), none(active)));
    }
}

/// One release: its phase, and what each wave did.
pub(super) fn release(answer: &Value) {
    let Some(release) = answer.get("release") else { return };
    let phase = text(release, "/phase");
    let shown = match phase {
        "succeeded" | "rolledBack" => print::good(phase),
        "stopped" | "rollbackFailed" => print::bad(phase),
        _ => print::strong(phase),
    };
    let (id, environment) = (text(release, "/definition/releaseId"), text(release, "/definition/environment"));
    print::told(format_args!("{id} in {environment}: {shown}"));
    if !text(release, "/reason").is_empty() {
        print::told(format_args!("  {}", text(release, "/reason")));
    }
    if all(release, "runs").next().is_none() {
        return;
    }
    let mut table = print::table(["wave", "job", "outcome", "things", "succeeded", "failed", "pending"]);
    for run in all(release, "runs") {
        let number = |pointer: &str| run.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let sum = |names: &[&str]| names.iter().map(|name| number(&format!("/counts/{name}"))).sum::<u64>().to_string();
        table.add_row([
            text(run, "/name").to_owned(),
            text(run, "/jobId").to_owned(),
            text(run, "/outcome").to_owned(),
            number("/targets").to_string(),
            sum(&["succeeded"]),
            sum(&["failed", "rejected", "timedOut"]),
            sum(&["queued", "inProgress"]),
        ]);
    }
    print::told(&table);
}

/// What a release would be.
pub(super) fn dry_run(answer: &Value) {
    for wave in all(answer, "waves") {
        let number = wave.get("number").and_then(Value::as_u64).unwrap_or(0);
        let more = if wave.get("more").and_then(Value::as_bool) == Some(true) { " or more" } else { "" };
        print::heading(format_args!(
            "{}: {number}{more} things, job {}",
            text(wave, "/wave"),
            text(wave, "/job/jobId")
        ));
        let things: Vec<_> = all(wave, "things").filter_map(Value::as_str).collect();
        let rest = number.saturating_sub(u64::try_from(things.len()).unwrap_or(u64::MAX));
        let rest = if rest > 0 { format!(" and {rest} others") } else { String::new() };
        print::told(format_args!("  {}{rest}", things.join(" ")));
        let document = wave.pointer("/job/document").or_else(|| wave.pointer("/job/documentSource"));
        print::told(format_args!("  document: {}", document.and_then(Value::as_str).unwrap_or_default()));
        if !text(wave, "/wrong").is_empty() {
            print::told(format_args!("  {}", print::bad(text(wave, "/wrong"))));
        }
    }
    if !text(answer, "/active").is_empty() {
        print::told(format_args!("it would have to wait: release `{}` goes on there", text(answer, "/active")));
    }
    print::told(print::dim("nothing was made"));
}
