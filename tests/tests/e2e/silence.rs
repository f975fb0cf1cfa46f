//! Whatever a device does in vain has a cause that is told: each fault of `silence/faults.json` is made against a real gateway, and
//! the line that says why must appear, with the next step below it. `shared/docs/troubleshooting.md` is made of the same table:
//! `UPDATE=1` writes it anew.

mod plays;
mod wire;

use drydock_tests::gateway::{Place, SMALL, comes};
use drydock_tests::workspace;
use plays::Stage;
use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use wire::Wire;

/// A row of the table.
struct Fault {
    fault: String,
    sees: String,
    line: String,
    help: String,
    step: String,
}

fn faults() -> Vec<Fault> {
    let all: Vec<Value> = serde_json::from_str(include_str!("silence/faults.json")).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_else(|| panic!("no `{name}`: {row}")).to_owned();
    all.iter()
        .map(|row| Fault {
            fault: text(row, "fault"),
            sees: text(row, "sees"),
            line: text(row, "line"),
            help: text(row, "help"),
            step: text(row, "do"),
        })
        .collect()
}

#[test]
fn each_fault_is_told_with_its_cause_and_the_next_step() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    let stage = Stage::new(&gateway);
    let stdout = place.path().join("stdout");
    let said = || fs::read_to_string(&stdout).unwrap();
    let mut wrong = Vec::new();
    for Fault { fault, line, help, .. } in faults() {
        let before = said().len();
        let _players = stage.play(&fault);
        // The next step stands below the line that says what happened, not anywhere.
        let is_told = |fresh: &str| {
            let mut below = fresh.lines().skip_while(|printed| !printed.contains(&line));
            let first = below.next();
            let reasons = below.take_while(|printed| printed.starts_with("      "));
            let lines = first.into_iter().chain(reasons);
            first.is_some() && lines.into_iter().any(|printed| printed.contains(&help))
        };
        if !comes(|| said().get(before..).is_some_and(is_told)) {
            let fresh = said().split_off(before);
            wrong.push(format!("{fault}: no `{line}` with `{help}` below it:\n{fresh}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all = said();
    let mut seen = HashSet::new();
    for line in all.lines().filter(|line| line.contains("Z ") && !line.contains("onnected")) {
        // The time differs, and with who connects anew the port.
        let (_, what) = line.split_once("  ").unwrap_or_default();
        // What comes again and again is counted, and shown with its number: it is the same all the same.
        let what =
            what.rsplit_once(" (").filter(|(_, times)| times.ends_with(" times by now)")).map_or(what, |of| of.0);
        let whom = line.split(' ').nth(1).unwrap_or_default();
        let whom = whom.strip_prefix("127.0.0.1:").map_or(whom, |_| "127.0.0.1");
        assert!(what.is_empty() || seen.insert((whom.to_owned(), what.to_owned())), "twice: {line}");
    }
}

#[test]
fn a_topic_that_nobody_takes_is_told_once_and_one_that_somebody_takes_never() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    let plain = |client_id: &str| Wire::open(gateway.tcp(gateway.port("plain")), client_id);
    let (mut one, mut two) = (plain("dock-1"), plain("dock-2"));
    two.send(&wire::subscribe("heard/#", 0));
    two.read(5);
    for _ in 0..3 {
        // A fleet that differs by its clients' ids alone is one.
        one.send(&wire::publish("lost/dock-1/x", b"1", 0));
        two.send(&wire::publish("lost/dock-2/x", b"1", 0));
        one.send(&wire::publish("lost/all", b"1", 0));
        two.send(&wire::publish("lost/all", b"1", 0));
        one.send(&wire::publish("heard/1", b"1", 0));
        // What is retained is kept for who comes later.
        one.send(&wire::publish("kept/1", b"1", 1));
    }
    gateway.publish("lost/by-http", "1", false);
    one.send(&wire::publish("lost/end", b"1", 0));
    two.send(&wire::publish("lost/other-end", b"1", 0));
    place.told("`lost/other-end` in vain");
    let log = place.told("`lost/end` in vain");
    let times = |topic: &str| log.matches(&format!("published to `{topic}")).count();
    assert_eq!((times("lost/dock-"), times("lost/all"), times("lost/by-http")), (1, 1, 1), "{log}");
    assert_eq!((times("heard/"), times("kept/")), (0, 0), "{log}");
    assert!(log.contains("help: no rule is enabled"), "{log}");
}

#[test]
fn the_page_says_what_the_terminal_does() {
    let mut page = String::from(
        "# What went wrong?\n\n\
         `drydock up` tells whatever a device does in vain, once, with the next step below it. Look for what it says in the third\n\
         column; `drydock doctor` looks at a project's folder, a device's files and a gateway that is up, and finds many of these\n\
         before a device connects. `drydock explain` says why a policy allows something or not.\n\n\
         This page is made of `tests/tests/e2e/silence/faults.json`, whose faults are made by a test.\n\n\
         | what is wrong | what the device sees | what the terminal says | what to do |\n|---|---|---|---|\n",
    );
    for Fault { fault, sees, line, step, .. } in faults() {
        let cell = |text: &str| text.replace('|', "\\|");
        // A code span in Markdown is put between more backticks than it has.
        page.push_str(&format!("| {} | {} | `` {} `` | {} |\n", cell(&fault), cell(&sees), cell(&line), cell(&step)));
    }
    let path = workspace::root().join("shared/docs/troubleshooting.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), page, "UPDATE=1 writes {} anew", path.display());
}
