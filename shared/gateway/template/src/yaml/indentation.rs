//! Flow collections and quoted texts that continue further left than YAML 1.2 allows.
//!
//! CloudFormation and the SAM CLI read YAML as PyYAML does: between brackets, and between quotes, indentation counts for
//! nothing, so that JSON pasted into a template, and a `]` below its key, are taken. `saphyr-parser` refuses such lines. They
//! get more spaces in front here, where those mean nothing, and what the parser then counts is mapped back to the template.

use saphyr_parser::{Parser, ScanError};

/// What the parser says of a token between brackets that stands too far left.
const IN_FLOW: [&str; 2] = ["invalid indentation", "invalid indentation in flow construct"];
/// What it says of a quoted text, at its start.
const IN_QUOTES: &str = "invalid indentation in quoted scalar";
/// The first number of spaces that a line gets; it is doubled until they are enough.
const FIRST: usize = 16;
/// The most spaces that a line gets; nothing that a person writes is indented so far.
const MOST: usize = 4096;
/// How often a template is read anew before the parser's error stands.
const ROUNDS: usize = 2000;

/// A text whose lines are indented far enough.
pub(super) struct Indented {
    pub(super) text: String,
    /// For each character of the text the byte of the original that it stands for.
    pub(super) starts: Vec<usize>,
}

/// Indents the lines that need it; none where no line does, or where the text has another fault, which is told when it is read.
pub(super) fn indented(body: &str, base: usize) -> Option<Indented> {
    let lines: Vec<&str> = body.split_inclusive('\n').collect();
    let mut more = vec![0; lines.len()];
    let mut text = None;
    for _ in 0..ROUNDS {
        let read = text.as_deref().unwrap_or(body);
        match first_error(read) {
            None => return text.map(|text| Indented { starts: starts(&lines, &more, base), text }),
            Some(error) => {
                for line in lines_to_indent(read, &error)? {
                    let spaces = more.get_mut(line)?;
                    *spaces = if *spaces == 0 { FIRST } else { *spaces * 2 };
                    if *spaces > MOST {
                        return None;
                    }
                }
            }
        }
        let spaced = lines.iter().zip(&more).map(|(line, spaces)| format!("{:spaces$}{line}", ""));
        text = Some(spaced.collect::<String>());
    }
    None
}

fn first_error(text: &str) -> Option<ScanError> {
    Parser::new_from_str(text).find_map(Result::err)
}

/// The lines, counted from 0, that an error is about; none where it is another kind of error.
fn lines_to_indent(text: &str, error: &ScanError) -> Option<std::ops::RangeInclusive<usize>> {
    let line = error.marker().line().checked_sub(1)?;
    if IN_FLOW.contains(&error.info()) {
        return Some(line..=line);
    }
    if error.info() != IN_QUOTES {
        return None;
    }
    let mut rest = text.chars().skip(error.marker().index());
    let quote = rest.next()?;
    let mut last = line;
    let mut rest = rest.peekable();
    while let Some(char) = rest.next() {
        match char {
            '\n' => last += 1,
            '\\' if quote == '"' => last += usize::from(rest.next() == Some('\n')),
            // Two single quotes are one in the text.
            _ if char == quote && quote == '\'' && rest.peek() == Some(&quote) => {
                rest.next();
            }
            _ if char == quote => break,
            _ => {}
        }
    }
    (last > line).then_some(line + 1..=last)
}

fn starts(lines: &[&str], more: &[usize], base: usize) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = base;
    for (line, spaces) in lines.iter().zip(more) {
        starts.extend(std::iter::repeat_n(at, *spaces));
        starts.extend(line.char_indices().map(|(offset, _)| at + offset));
        at += line.len();
    }
    starts
}
