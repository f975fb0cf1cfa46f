//! Names that a template leaves open: as CloudFormation makes them, but the same on every run.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html>: the stack's name,
//! the logical id and a unique part. CloudFormation's unique part is random; ours is a hash of the stack's and the
//! resource's identity, so that a second `up` finds what the first one made.

use crate::error::{Fallible, Fault};
use crate::source::Span;

/// How a resource type gets its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    /// The property that gives the name; none where CloudFormation always generates it.
    pub(crate) property: Option<&'static str>,
    /// The longest name, in characters.
    pub(crate) limit: usize,
    /// Between the parts of a generated name. Topic rules know no hyphen.
    pub(crate) separator: char,
    /// What a name may have beside letters and digits.
    pub(crate) marks: &'static str,
    /// Whether a generated name ends in `.fifo` where the kind's extra property is true.
    pub(crate) fifo: bool,
    /// Whether names have no capital letters.
    pub(crate) lower: bool,
}

impl Naming {
    pub(crate) const fn by(property: &'static str, limit: usize, marks: &'static str) -> Self {
        Self { property: Some(property), limit, separator: '-', marks, fifo: false, lower: false }
    }

    pub(crate) const fn lower(property: &'static str, limit: usize, marks: &'static str) -> Self {
        Self { property: Some(property), limit, separator: '-', marks, fifo: false, lower: true }
    }

    pub(crate) const fn fifo(property: &'static str, limit: usize, marks: &'static str) -> Self {
        Self { property: Some(property), limit, separator: '-', marks, fifo: true, lower: false }
    }

    pub(crate) const GENERATED: Self =
        Self { property: None, limit: 255, separator: '-', marks: "-", fifo: false, lower: false };

    pub(crate) fn generate(&self, stack: &str, logical_id: &str, fifo: bool) -> String {
        let ending = if fifo { ".fifo" } else { "" };
        let unique = suffix(&[stack, logical_id]);
        // The unique part and two separators stay whole; the logical id gives way first, then the stack's name.
        let room = self.limit.saturating_sub(unique.len() + ending.len() + 2);
        let stack: String = stack.chars().take(room.saturating_sub(logical_id.len()).max(room / 2)).collect();
        let logical: String = logical_id.chars().take(room.saturating_sub(stack.chars().count())).collect();
        let separator = self.separator;
        let name = format!("{stack}{separator}{logical}{separator}{unique}");
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == separator || letter == '_';
        let name: String = name.chars().map(|letter| if fits(letter) { letter } else { separator }).collect();
        let name = if self.lower { name.to_ascii_lowercase() } else { name };
        name + ending
    }

    pub(crate) fn check(&self, name: &str, property: &str, span: Span) -> Fallible<()> {
        if name.is_empty() || name.chars().count() > self.limit {
            let why = format!("has {} characters, and may have 1 to {}", name.chars().count(), self.limit);
            return Err(Fault::value(span, format!("`{property}`"), why));
        }
        let allowed = |letter: char| {
            (letter.is_ascii_alphanumeric() && !(self.lower && letter.is_ascii_uppercase()))
                || self.marks.contains(letter)
        };
        if !name.chars().all(allowed) {
            let marks: Vec<String> = self.marks.chars().map(|mark| format!("`{mark}`")).collect();
            let letters = if self.lower { "small letters" } else { "letters" };
            let why = format!("may not be `{name}`: it consists of {letters}, digits and {}", marks.join(" "));
            return Err(Fault::value(span, format!("`{property}`"), why));
        }
        Ok(())
    }
}

/// FNV-1a: a fixed, public hash; the standard library's may change between releases.
fn hash(parts: &[&str], seed: u64) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325 ^ seed;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    // The low bits of FNV mix well, the high ones less so on short inputs.
    state ^ (state >> 29)
}

/// Twelve characters out of `A`–`Z` and `0`–`9`.
pub(crate) fn suffix(parts: &[&str]) -> String {
    let mut rest = hash(parts, 0);
    let digits = std::iter::from_fn(|| {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        rest /= 36;
        char::from_digit(digit, 36)
    });
    digits.take(12).map(|digit| digit.to_ascii_uppercase()).collect()
}

/// A text in the form of a UUID.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let text = format!("{:016x}{:016x}", hash(parts, 1), hash(parts, 2));
    let mut out = String::with_capacity(36);
    for (index, digit) in text.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_stable_and_fit() {
        let naming = Naming::by("FunctionName", 64, "-_");
        let name = naming.generate("stack", "Jit", false);
        assert!(name.starts_with("stack-Jit-") && name.len() == 22, "{name}");
        assert_eq!(name, naming.generate("stack", "Jit", false));
        assert_ne!(name, naming.generate("stack2", "Jit", false));
        let long = naming.generate(&"s".repeat(100), &"L".repeat(200), false);
        assert_eq!(long.len(), 64, "{long}");
        let queue = Naming::fifo("QueueName", 80, "-_.").generate(&"s".repeat(100), "Q", true);
        assert!(queue.len() == 80 && queue.ends_with(".fifo"), "{queue}");
        let rule = Naming { separator: '_', ..Naming::by("RuleName", 128, "_") }.generate("my-stack", "Rule", false);
        assert!(rule.starts_with("my_stack_Rule_"), "{rule}");
    }
}
