//! Regular expressions in Java's syntax, and Java's replacement texts.

use fancy_regex::{Captures, Regex, RegexBuilder};
use std::borrow::Cow;

/// How far a match may go back before it is given up: a pattern from a device must not hold up other rules.
const BACKTRACK_LIMIT: usize = 100_000;

/// How many characters a match may look at, going back each time: about a second's work. What a pattern looks ahead for may
/// be looked for in all of the text from each place on, so on a long text a match may go back less often.
const CHARACTERS: usize = 1_000_000_000;

/// Compiles a pattern; nothing where it is not valid.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    limited(pattern, BACKTRACK_LIMIT)
}

fn limited(pattern: &str, limit: usize) -> Option<Regex> {
    RegexBuilder::new(pattern).backtrack_limit(limit).build().ok()
}

/// The pattern for a text of some length: itself, but where the text is long and the pattern looks around one that goes back
/// less often.
pub(super) fn for_text(pattern: &Regex, length: usize) -> Option<Cow<'_, Regex>> {
    let limit = CHARACTERS / length.max(1);
    if limit >= BACKTRACK_LIMIT || !looks_around(pattern.as_str()) {
        return Some(Cow::Borrowed(pattern));
    }
    limited(pattern.as_str(), limit).map(Cow::Owned)
}

/// Whether a pattern has a part that takes going back: it looks around, refers back, or does not give back. Others take time
/// in proportion to the text.
pub(super) fn looks_around(pattern: &str) -> bool {
    const PARTS: [&str; 14] =
        ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?(", "\\G", "\\K", "\\k", "++", "*+", "?+", "}+", "(?P="];
    let refers_back = |text: &str| {
        text.split('\\').skip(1).any(|after| after.starts_with(|next: char| next.is_ascii_digit() && next != '0'))
    };
    PARTS.iter().any(|part| pattern.contains(part)) || refers_back(pattern)
}

/// Writes a replacement: `$1` and `${name}` stand for groups, `\` takes the next sign literally. Nothing where a group does
/// not exist or the text ends too early.
pub(super) fn expand(replacement: &str, captures: &Captures<'_, str>, out: &mut String) -> Option<()> {
    let mut rest = replacement;
    while let Some(at) = rest.find(['$', '\\']) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        if let Some(tail) = tail.strip_prefix('\\') {
            let literal = tail.chars().next()?;
            out.push(literal);
            rest = tail.get(literal.len_utf8()..)?;
            continue;
        }
        let tail = tail.get(1..)?;
        if let Some(named) = tail.strip_prefix('{') {
            let (name, after) = named.split_once('}')?;
            out.push_str(captures.name(name).map_or("", |group| group.as_str()));
            rest = after;
            continue;
        }
        // As many digits as still name a group, at least one.
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        let mut group = None;
        for length in 1..=digits {
            let index: usize = tail.get(..length)?.parse().ok()?;
            if index < captures.len() {
                group = Some((index, length));
            } else {
                break;
            }
        }
        let (index, length) = group?;
        out.push_str(captures.get(index).map_or("", |group| group.as_str()));
        rest = tail.get(length..)?;
    }
    out.push_str(rest);
    Some(())
}
