//! The Rust files of the repository, and a file reduced to the code that ships.

use std::fs;
use std::io;
use std::path::Path;

/// One Rust file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path from the root, with `/` between folders.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// Whether the file is built for tests and benches alone.
    #[must_use]
    pub fn is_test(&self) -> bool {
        ["tests", "benches", "fuzz"].iter().any(|folder| self.path.split('/').any(|part| part == *folder))
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
    }

    /// What the file says to the compiler: comments and what stands in literals are blanked. Lines keep their numbers.
    #[must_use]
    pub fn code(&self) -> String {
        code(&self.text)
    }

    /// The code that ships: the modules that `#[cfg(test)]` marks are blanked too.
    #[must_use]
    pub fn shipped(&self) -> String {
        without_tests(&self.code())
    }
}

/// Every Rust file below `root` that belongs to the project, by path; what is built or installed there is left out.
///
/// # Errors
/// A folder or a file that cannot be read.
pub fn all(root: &Path) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    collect(root, "", &mut found)?;
    found.sort_by(|a: &Source, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                collect(&entry.path(), &path, found)?;
            }
        } else if name.ends_with(".rs") {
            found.push(Source { path, text: fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}

/// The lines, numbered from one, on which `word` stands with no identifier character just before it.
pub fn lines_with<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.lines().enumerate().filter(move |(_, line)| stands_in(line, word)).map(|(index, _)| index + 1)
}

fn stands_in(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let open_end = word.ends_with(part_of_name) && after.is_some_and(part_of_name);
        !before.is_some_and(part_of_name) && !open_end
    })
}

/// Blanks comments and what stands between quotes.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => quoted(rest),
            '\'' => character(rest),
            'r' if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') || out.ends_with('b') => raw(rest),
            _ => 0,
        };
        let taken = if skipped == 0 { c.len_utf8() } else { skipped };
        let (head, tail) = rest.split_at(taken);
        if skipped == 0 {
            out.push_str(head);
        } else {
            out.extend(head.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = tail;
    }
    out
}

/// The length of the string literal that `text` opens with.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the character literal that `text` opens with; zero where it is a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = at + escaped.len_utf8();
            text.get(from..).and_then(|tail| tail.find('\'')).map_or(0, |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// The length of the raw string literal that `text` opens with; zero where it is none.
fn raw(text: &str) -> usize {
    let after = text.get(1..).unwrap_or_default();
    let hashes = after.len() - after.trim_start_matches('#').len();
    let Some(body) = after.get(hashes..).and_then(|text| text.strip_prefix('"')) else { return 0 };
    let close = format!("\"{}", "#".repeat(hashes));
    body.find(&close).map_or(text.len(), |end| 1 + hashes + 1 + end + close.len())
}

/// Blanks the modules that `#[cfg(test)]` marks, in code without literals.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        let (head, marked) = rest.split_at(at);
        out.push_str(head);
        let body = marked.get(MARK.len()..).unwrap_or_default();
        let length = if body.trim_start().starts_with("mod ") { block(body) } else { 0 };
        let (block, tail) = body.split_at(length);
        out.extend(block.chars().filter(|c| *c == '\n'));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// How far it is to the end of the first block in `text`, or to the first semicolon if that comes before it.
fn block(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(text: &str) -> String {
        Source { path: "src/lib.rs".to_owned(), text: text.to_owned() }.shipped()
    }

    #[test]
    fn what_ships_is_code_alone() {
        let text = "fn a() { now(); } // now()\n/* now()\n */ let s = \"now() \\\" now()\"; let r = r#\"now() \" now()\"#;\n\
                    let c = ['\"', '\\'', 'n', '\\u{1F600}']; fn b<'a>(x: &'a str) { now() }\n\
                    #[cfg(test)]\nmod tests {\n  fn t() { now(); if x { now() } }\n}\nfn last() { now() }\n";
        let found: Vec<usize> = lines_with(&shipped(text), "now()").collect();
        assert_eq!(found, [1, 4, 9]);
        assert_eq!(shipped(text).lines().count(), text.lines().count());
    }

    #[test]
    fn a_word_is_no_part_of_a_longer_one() {
        assert!(stands_in("a = rand::random()", "rand::"));
        assert!(stands_in("aws_lc_rs::rand::SystemRandom::new()", "rand::"));
        assert!(!stands_in("Operand::Number", "rand::"));
        assert!(!stands_in("let unsafety = 1;", "unsafe"));
        assert!(stands_in("unsafe { }", "unsafe"));
    }

    #[test]
    fn tests_are_told_by_where_they_stand() {
        let is_test = |path: &str| Source { path: path.to_owned(), text: String::new() }.is_test();
        assert!(is_test("shared/fleet/tests/it/registration.rs"));
        assert!(is_test("tests/src/lib.rs"));
        assert!(is_test("shared/gateway/rules/src/sql/tests.rs"));
        assert!(!is_test("functions/telemetry/src/main.rs"));
    }
}
