//! The commands, one after the other.

use super::Record;
use super::commands::{Column, Command};
use super::row::{MESSAGE, POINTER, Row, TIMESTAMP};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// A row of an answer: its fields with their values; those without a value are left out.
pub type Cells = Vec<(String, String)>;

/// What a query came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The rows.
    pub rows: Vec<Cells>,
    /// How many events went through the filters.
    pub matched: usize,
    /// How many events were read.
    pub scanned: usize,
    /// How many bytes their messages have.
    pub bytes: usize,
}

pub(super) fn run<'a>(commands: &[Command], records: impl IntoIterator<Item = Record<'a>>, most: usize) -> Answer {
    let mut answer = Answer::default();
    // What stands before the first command that looks at several rows is done as they come: the others are few then.
    let single = commands.iter().take_while(|command| is_single(command)).count();
    let (first, rest) = commands.split_at_checked(single).unwrap_or((commands, &[]));
    let mut rows = Vec::new();
    for record in records {
        answer.scanned += 1;
        answer.bytes += record.message.len();
        let mut row = Row::of(record);
        if first.iter().all(|command| step(command, &mut row)) {
            rows.push(row);
        }
    }
    // The newest first, unless it is asked otherwise.
    rows.sort_by_key(|row| std::cmp::Reverse(row.timestamp()));
    answer.matched = rows.len();
    let mut most = most;
    for command in rest {
        match command {
            Command::Sort(by) => rows.sort_by(|a, b| {
                let each = by.iter().map(|(value, down)| {
                    let (a, b) = (value.of(a), value.of(b));
                    // What is missing comes last, whichever way.
                    let down = *down && !a.is_missing() && !b.is_missing();
                    if down { b.order(&a) } else { a.order(&b) }
                });
                each.fold(Ordering::Equal, Ordering::then)
            }),
            Command::Limit(limit) => {
                rows.truncate(*limit);
                most = most.min(*limit);
            }
            Command::Dedup(by) => {
                let mut seen = BTreeSet::new();
                rows.retain(|row| seen.insert(by.iter().map(|value| value.of(row).text()).collect::<Vec<_>>()));
            }
            Command::Stats(stats) => rows = stats.apply(&rows),
            single => rows.retain_mut(|row| step(single, row)),
        }
    }
    rows.truncate(most);
    let shown = shown(commands);
    answer.rows = rows.iter().map(|row| cells(row, &shown)).collect();
    answer
}

fn is_single(command: &Command) -> bool {
    matches!(command, Command::Fields(_) | Command::Display(_) | Command::Filter(_) | Command::Parse(_))
}

/// Does a command that looks at one row, and says whether the row stays.
fn step(command: &Command, row: &mut Row<'_>) -> bool {
    let name = |row: &mut Row<'_>, columns: &[Column]| {
        for column in columns {
            let value = column.value.of(row);
            row.name(&column.name, value);
        }
    };
    match command {
        Command::Fields(columns) | Command::Display(columns) => name(row, columns),
        Command::Filter(wanted) => return wanted.of(row).is_true(),
        Command::Parse(extract) => extract.apply(row),
        _ => {}
    }
    true
}

/// The columns of the answer: what the last `display` says, else what `stats` makes, else all that `fields` and `parse` name.
fn shown(commands: &[Command]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    let mut displayed = false;
    let mut events = true;
    for command in commands {
        match command {
            Command::Display(columns) => {
                shown = columns.iter().map(|column| column.name.clone()).collect();
                displayed = true;
            }
            Command::Stats(stats) => {
                shown = stats.names();
                (events, displayed) = (false, false);
            }
            Command::Fields(columns) if !displayed => {
                let new: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
                shown.extend(new.into_iter().filter(|name| !shown.contains(name)).collect::<Vec<_>>());
            }
            _ => {}
        }
    }
    if shown.is_empty() {
        shown = vec![TIMESTAMP.to_owned(), MESSAGE.to_owned()];
    }
    if events && !shown.iter().any(|name| name == POINTER) {
        shown.push(POINTER.to_owned());
    }
    shown
}

fn cells(row: &Row<'_>, shown: &[String]) -> Cells {
    let each = shown.iter().map(|name| (name, row.get(name)));
    each.filter(|(_, value)| !value.is_missing()).map(|(name, value)| (name.clone(), value.text())).collect()
}
