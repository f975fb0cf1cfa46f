//! The table of statements: every one of the MQTT texts that a server could break has a case, or a reason for having none.

use std::collections::{BTreeMap, BTreeSet};

/// Checks `statements.txt` against the case files, whose keys are `v3/MQTT-…`, `v5/MQTT-…` and `aws/…`.
pub(crate) fn check(table: &str, files: &BTreeMap<String, String>) -> Result<(), String> {
    let (mut faults, mut listed) = (Vec::new(), BTreeSet::new());
    for (at, line) in table.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#')) {
        let mut words = line.splitn(2, ' ');
        let (name, state) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().trim());
        let number = name.rsplit('/').next().unwrap_or_default();
        let mut fault = |what: &str| faults.push(format!("line {}: `{line}`: {what}", at + 1));
        if !listed.insert(name) {
            fault("listed before");
        }
        let (kind, why) = state.split_once(':').unwrap_or((state, ""));
        let has_file = files.contains_key(name);
        match (kind.split(' ').next().unwrap_or_default(), why.trim()) {
            ("case", "") if has_file => {}
            ("case", _) => fault("there is no such file"),
            ("in", _) => {
                let file = state.trim_start_matches("in ");
                match files.get(file) {
                    None => fault("the file that should show it does not exist"),
                    Some(text) if !mentions(text, number) => fault("that file does not name the statement"),
                    Some(_) => {}
                }
            }
            ("client", "") => {}
            ("aws" | "untestable" | "open", why) if !why.is_empty() => {}
            _ => fault("say `case`, `in FILE`, `client`, `aws: WHY`, `untestable: WHY` or `open: WHAT`"),
        }
        if has_file && kind != "case" {
            fault("there is a file of this name: say `case`");
        }
    }
    for file in files.keys().filter(|f| !f.starts_with("aws/") && !listed.contains(f.as_str())) {
        faults.push(format!("`{file}` is not in statements.txt"));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// Whether the head of a case names the number, and not merely one that starts like it.
fn mentions(text: &str, number: &str) -> bool {
    let head = text.lines().take_while(|l| l.starts_with('#')).collect::<Vec<_>>().join(" ");
    head.match_indices(number)
        .any(|(at, _)| !head.get(at + number.len()..).unwrap_or_default().starts_with(|c: char| c.is_ascii_digit()))
}
