//! Patterns of actions and resources, compared with each other: `*` stands for any run of characters, `?` for one. A policy is judged
//! by what it may let through, so a pattern is asked whether it shares a text with another one, not whether it matches a text.

/// A piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Any characters, or none.
    Run,
    /// Any one character.
    One,
    /// This character.
    Char(char),
}

/// Stands in a pattern for the value of a policy variable that is the device's own: no pattern and no probe has this character.
const OWN: char = '\u{F000}';
/// The first character of a name that nobody gives to a device: what matches it matches any device.
const ANYBODY: char = '\u{E000}';

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Piece>);

impl Glob {
    /// A pattern without variables.
    pub(crate) fn plain(text: &str) -> Self {
        Self(text.chars().map(piece).collect())
    }

    /// The same in lower case: names of actions are compared without regard to case.
    pub(crate) fn action(text: &str) -> Self {
        Self::plain(&text.to_ascii_lowercase())
    }

    /// A pattern with policy variables. Each stands for a value of the device's own, but for those in `wild`, which a device chooses
    /// itself and which are as good as `*`.
    pub(crate) fn with_variables(text: &str, wild: &[&str]) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, next)) = after.split_once('}') else { break };
            pieces.extend(before.chars().map(piece));
            // A default value follows a comma: `${iot:ClientId, 'none'}`.
            let variable = name.split(',').next().unwrap_or_default().trim();
            pieces.push(match name {
                "*" => Piece::Char('*'),
                "?" => Piece::Char('?'),
                "$" => Piece::Char('$'),
                _ if wild.iter().any(|wild| wild.eq_ignore_ascii_case(variable)) => Piece::Run,
                _ => Piece::Char(OWN),
            });
            rest = next;
        }
        pieces.extend(rest.chars().map(piece));
        Self(pieces)
    }

    /// A pattern in which `{any}` stands for the name of any device.
    pub(crate) fn probe(text: &str) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        for (at, part) in text.split("{any}").enumerate() {
            if at > 0 {
                pieces.extend([Piece::Char(ANYBODY), Piece::Run]);
            }
            pieces.extend(part.chars().map(piece));
        }
        Self(pieces)
    }

    /// Whether it has no wildcard.
    pub(crate) fn is_literal(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Char(_)))
    }

    /// Whether some text matches both patterns.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        meet(&self.0, &other.0, |left, right| match (left, right) {
            (Piece::Char(left), Piece::Char(right)) => left == right,
            _ => true,
        })
    }

    /// Whether every text of another pattern matches this one. It may say no where it is so all the same, never the other way round.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        // The other's wildcards are read as characters that only wildcards match.
        let mut reached = vec![false; other.0.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for piece in &self.0 {
            let mut next = vec![false; other.0.len() + 1];
            for (at, _) in reached.iter().enumerate().filter(|(_, is_reached)| **is_reached) {
                match piece {
                    Piece::Run => next.iter_mut().skip(at).for_each(|place| *place = true),
                    Piece::One | Piece::Char(_) => {
                        let fits = match (piece, other.0.get(at)) {
                            (_, None) | (Piece::One | Piece::Char(_), Some(Piece::Run)) => false,
                            (Piece::One, Some(_)) => true,
                            (own, Some(its)) => own == its,
                        };
                        if fits && let Some(place) = next.get_mut(at + 1) {
                            *place = true;
                        }
                    }
                }
            }
            reached = next;
        }
        reached.last() == Some(&true)
    }
}

fn piece(c: char) -> Piece {
    match c {
        '*' => Piece::Run,
        '?' => Piece::One,
        c => Piece::Char(c),
    }
}

/// Whether two sequences have a text in common: which places of the right one can be reached beside each place of the left one.
fn meet(left: &[Piece], right: &[Piece], same: impl Fn(Piece, Piece) -> bool) -> bool {
    // Where the right pattern can be with nothing of the left one read: behind its leading runs.
    let mut reached = vec![false; right.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    skip_runs(right, &mut reached);
    for own in left {
        let mut next = vec![false; right.len() + 1];
        let mut carried = false;
        for at in 0..=right.len() {
            let here = reached.get(at).copied().unwrap_or_default();
            match own {
                // A run reads whatever the right one reads, or nothing.
                Piece::Run => {
                    carried |= here;
                    if let Some(place) = next.get_mut(at) {
                        *place |= carried;
                    }
                }
                _ if here => match right.get(at) {
                    // The right one's run reads this one.
                    Some(Piece::Run) => {
                        if let Some(place) = next.get_mut(at) {
                            *place = true;
                        }
                    }
                    Some(its) if same(*own, *its) => {
                        if let Some(place) = next.get_mut(at + 1) {
                            *place = true;
                        }
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        skip_runs(right, &mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}

/// A run of the right pattern may read nothing.
fn skip_runs(right: &[Piece], reached: &mut [bool]) {
    for (at, its) in right.iter().enumerate() {
        if *its == Piece::Run
            && reached.get(at) == Some(&true)
            && let Some(place) = reached.get_mut(at + 1)
        {
            *place = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn patterns_overlap_where_a_text_matches_both() {
        let cases = [
            ("a*", "*b", true),
            ("a*c", "ab*", true),
            ("a", "a", true),
            ("a", "b", false),
            ("", "*", true),
            ("", "", true),
            ("", "a", false),
            ("a?", "ab", true),
            ("a?", "a", false),
            ("*", "**", true),
            ("a*b*c", "a*d*c", true),
            ("x/*", "*/y", true),
            ("x/a*", "x/b*", false),
            ("?*", "", false),
            ("*a", "b*", true),
            ("*:iot:*", "arn:aws:iot:us-east-1", true),
        ];
        for (left, right, expected) in cases {
            assert_eq!(Glob::plain(left).overlaps(&Glob::plain(right)), expected, "{left} and {right}");
            assert_eq!(Glob::plain(right).overlaps(&Glob::plain(left)), expected, "{right} and {left}");
        }
    }

    #[test]
    fn a_pattern_covers_another_where_it_matches_all_of_it() {
        let cases = [
            ("*", "a*b", true),
            ("a*", "a?", true),
            ("a*", "a", true),
            ("a?", "a*", false),
            ("a/*", "a/b/*", true),
            ("a/b/*", "a/*", false),
            ("a*c", "abc", true),
            ("abc", "a*c", false),
            ("", "", true),
        ];
        for (general, special, expected) in cases {
            assert_eq!(Glob::plain(general).covers(&Glob::plain(special)), expected, "{general} and {special}");
        }
    }

    #[test]
    fn a_device_has_its_own_values_and_chooses_its_client_id() {
        let any = Glob::probe("client/{any}");
        assert!(!Glob::with_variables("client/${iot:Connection.Thing.ThingName}", &["iot:ClientId"]).overlaps(&any));
        assert!(Glob::with_variables("client/${iot:clientid}", &["iot:ClientId"]).overlaps(&any));
        assert!(!Glob::with_variables("client/${iot:ClientId}", &[]).overlaps(&any));
        assert!(!Glob::with_variables("client/${*}", &[]).overlaps(&any), "it is the character");
        assert!(!Glob::plain("client/sensor-*").overlaps(&any));
        assert!(Glob::plain("client/*-sensor").overlaps(&any));
    }
}
