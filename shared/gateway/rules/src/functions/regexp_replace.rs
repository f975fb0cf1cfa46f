//! `regexp_replace(String, String, String)`.

use super::{Body, Call, Function, MAX_REPLACED, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use fancy_regex::Regex;
use super::pattern::{expand, looks_around};

pub(super) static FUNCTION: Function = Function {
    name: "regexp_replace",
    since: SqlVersion::V2015,
    summary: "A text with every match of a regular expression replaced; `$1` stands for the first group, `\\` takes a sign literally.",
    parameters: &[required("text", "String"), required("pattern", "String"), required("by", "String")],
    returns: "String",
    examples: &[
        example(r#"regexp_replace('abcd', 'bc', 'x')"#, r#""axd""#),
        example(r#"regexp_replace('abcd', 'b(.*)d', '$1')"#, r#""ac""#),
        example(r#"regexp_replace('a1b2', '[0-9]', '')"#, r#""ab""#),
        example("regexp_replace('abcd', 'b', '$2')", ""),
        example("regexp_replace('a', '(', 'x')", ""),
        example("regexp_replace(NULL, 'a', 'x')", ""),
        example(r#"regexp_replace('abc', 'b', '\$')"#, r#""a$c""#),
    ],
    body: Body::Pattern(evaluate),
};

/// How many characters that are looked at count as a step.
const LOOKED_AT: usize = 32;

fn evaluate(call: &Call<'_>, pattern: &Regex) -> Option<Value> {
    let (text, by) = (call.text(0)?, call.text(2)?);
    let budget = &call.context.budget;
    let looks_around = looks_around(pattern.as_str());
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for captures in pattern.captures_iter(text.as_str()) {
        let captures = captures.ok()?;
        // Where a pattern looks around, each match may have looked at all the text that is left.
        let looked_at = if looks_around { text.len().saturating_sub(copied) / LOOKED_AT } else { 0 };
        budget.steps(1 + looked_at as u64)?;
        budget.look()?;
        let whole = captures.get(0)?;
        out.push_str(text.get(copied..whole.start())?);
        expand(&by, &captures, &mut out)?;
        copied = whole.end();
        if out.len() > MAX_REPLACED {
            return None;
        }
    }
    out.push_str(text.get(copied..)?);
    Some(out.into())
}
