//! AWS's patterns are Java's regular expressions, matched against the whole value. This rewrites one for the `regex`
//! crate, where the two dialects differ:
//!
//! - `\w`, `\d`, `\s` and their negations are ASCII in Java, Unicode in `regex`.
//! - `\p{Graph}` and its kin are Java's POSIX classes; `regex` writes `[:graph:]`, inside a class only.
//! - `.` excludes every line terminator in Java, only `\n` in `regex`.
//!
//! A construct that `regex` has not (look-around, back references, possessive quantifiers) is an error here: no pattern
//! of the models uses one, and a pattern must not be lost.

/// Java's POSIX classes with the names that `regex` gives them.
const POSIX: [(&str, &str); 7] = [
    ("Graph", "[:graph:]"),
    ("Upper", "[:upper:]"),
    ("Lower", "[:lower:]"),
    ("Digit", "[:digit:]"),
    ("Alpha", "[:alpha:]"),
    ("Alnum", "[:alnum:]"),
    ("Cntrl", "[:cntrl:]"),
];

/// The pattern for `regex`, anchored at both ends.
pub(super) fn translate(aws: &str) -> Result<String, String> {
    let mut out = String::from(r"\A(?:");
    let mut rest = aws;
    let mut in_class = false;
    while let Some(letter) = rest.chars().next() {
        let taken = match letter {
            '\\' => escape(rest, in_class, &mut out)?,
            '[' if in_class => return Err(format!("`{aws}`: a class in a class is not supported")),
            '[' => {
                in_class = true;
                out.push('[');
                1
            }
            ']' => {
                in_class = false;
                out.push(']');
                1
            }
            '.' if !in_class => {
                out.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]");
                1
            }
            '(' if rest.starts_with("(?") => return Err(format!("`{aws}`: `(?` is not supported")),
            '&' if rest.starts_with("&&") => return Err(format!("`{aws}`: `&&` is not supported")),
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    out.push_str(r")\z");
    Ok(out)
}

/// Translates the escape that `rest` starts with, and says how long it was.
fn escape(rest: &str, in_class: bool, out: &mut String) -> Result<usize, String> {
    if let Some(name) = rest.strip_prefix(r"\p{").and_then(|rest| rest.split('}').next()) {
        let posix = POSIX.iter().find(|(java, _)| *java == name).map(|(_, regex)| *regex);
        match posix {
            Some(class) if in_class => out.push_str(class),
            Some(class) => out.push_str(&format!("[{class}]")),
            None => out.push_str(&format!(r"\p{{{name}}}")),
        }
        return Ok(name.len() + 4);
    }
    let letter = rest.chars().nth(1).ok_or("a pattern ends in a backslash")?;
    let ascii = match letter {
        'w' => Some("0-9A-Za-z_"),
        'd' => Some("0-9"),
        's' => Some(r" \t\n\x0B\f\r"),
        _ => None,
    };
    let negated = match letter {
        'W' => Some("0-9A-Za-z_"),
        'D' => Some("0-9"),
        'S' => Some(r" \t\n\x0B\f\r"),
        _ => None,
    };
    match (ascii, negated) {
        (Some(class), _) if in_class => out.push_str(class),
        (Some(class), _) => out.push_str(&format!("[{class}]")),
        (_, Some(class)) if !in_class => out.push_str(&format!("[^{class}]")),
        // `[\s\S]` is everything; the negated class is spelt as a class of its own, which `regex` takes.
        (_, Some(class)) => out.push_str(&format!("[^{class}]")),
        (None, None) if letter.is_ascii_digit() || matches!(letter, 'b' | 'B' | 'k' | 'Q' | 'G' | 'Z') => {
            return Err(format!("`\\{letter}` is not supported"));
        }
        (None, None) => {
            out.push('\\');
            out.push(letter);
        }
    }
    Ok(1 + letter.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects() {
        let cases = [
            (r"[a-zA-Z0-9:_-]+", r"\A(?:[a-zA-Z0-9:_-]+)\z"),
            (r"[\p{Graph}\x20]*", r"\A(?:[[:graph:]\x20]*)\z"),
            (r"[^\p{C}]*", r"\A(?:[^\p{C}]*)\z"),
            (r"[\w.-]+", r"\A(?:[0-9A-Za-z_.-]+)\z"),
            (r"\S{36,64}", r"\A(?:[^ \t\n\x0B\f\r]{36,64})\z"),
            (r"[\s\S]*", r"\A(?:[ \t\n\x0B\f\r[^ \t\n\x0B\f\r]]*)\z"),
            (r"https?://.*", r"\A(?:https?://[^\n\r\x{85}\x{2028}\x{2029}]*)\z"),
        ];
        for (java, expected) in cases {
            assert_eq!(translate(java).unwrap(), expected);
        }
    }

    #[test]
    fn what_regex_has_not_is_refused() {
        for java in [r"(?=a)", r"(a)\1", r"[a&&b]", r"[a[b]]"] {
            assert!(translate(java).is_err(), "{java}");
        }
    }
}
