//! From a text to a query.
//!
//! NOT and `-` bind closest, then AND, which is also what stands between terms where nothing does, then OR.

use super::words::{Word, Words};
use super::{Bound, Invalid, Limits, Query, Term, Test, Unit};
use crate::fields;
use crate::glob::{Glob, Piece};
use crate::place::Place;
use crate::value::Number;

/// How deep parentheses and negations may be: no query of twelve terms needs more.
const DEEPEST: usize = 50;

pub(super) fn parse(text: &str, limits: &Limits) -> Result<Query, Invalid> {
    let words = Words::new(text);
    let length = text.chars().count();
    if length > limits.length {
        let why = format!("it has {length} characters, and a query has at most {}", limits.length);
        return Err(words.invalid(why, ""));
    }
    let mut parser = Parser { words, limits, terms: 0, leading: 0, field: None, depth: 0 };
    parser.words.skip_space();
    if parser.words.peek().is_none() {
        return Err(parser.words.invalid("the query is empty", "Write `*` for everything"));
    }
    let query = parser.or()?;
    // What ends a query early is a parenthesis: anything else begins a term.
    if parser.words.peek().is_some() {
        return Err(parser.words.invalid("this parenthesis closes nothing", "Leave it out, or open it before"));
    }
    if parser.leading > 0 && length > limits.length_with_leading_wildcard {
        let most = limits.length_with_leading_wildcard;
        let why = format!("it has {length} characters, and a query with a wildcard first in a term has at most {most}");
        return Err(Words::new(text).invalid(why, ""));
    }
    Ok(query)
}

struct Parser<'a> {
    words: Words<'a>,
    limits: &'a Limits,
    /// How many there are so far.
    terms: usize,
    /// How many of them have a wildcard first.
    leading: usize,
    /// The field of the group that this is in.
    field: Option<Glob>,
    depth: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Query, Invalid> {
        let mut parts = vec![self.and()?];
        loop {
            self.words.skip_space();
            if !self.words.take_operator("OR") {
                return Ok(all(parts, |query| matches!(query, Query::Or(_)), Query::Or));
            }
            parts.push(self.and()?);
        }
    }

    fn and(&mut self) -> Result<Query, Invalid> {
        let mut parts = vec![self.unary()?];
        loop {
            self.words.skip_space();
            let ends = matches!(self.words.peek(), None | Some(')')) || self.words.operator() == Some("OR");
            if ends {
                return Ok(all(parts, |query| matches!(query, Query::And(_)), Query::And));
            }
            self.words.take_operator("AND");
            parts.push(self.unary()?);
        }
    }

    fn unary(&mut self) -> Result<Query, Invalid> {
        self.words.skip_space();
        if self.words.take_operator("NOT") {
            return self.deeper(|parser| parser.unary()).map(|query| Query::Not(Box::new(query)));
        }
        if self.words.take('-') {
            if self.words.is_at_space() || self.words.peek().is_none() {
                let help = "Put it directly before a term, or write `\\-` for the character itself";
                return Err(self.words.invalid("`-` excludes nothing", help));
            }
            return self.deeper(|parser| parser.unary()).map(|query| Query::Not(Box::new(query)));
        }
        if let Some(operator) = self.words.operator() {
            let why = format!("`{operator}` stands where a term has to be");
            return Err(self
                .words
                .invalid(why, format!("Put a term there, or write `\\{operator}` for the word itself")));
        }
        if self.words.take('(') {
            let query = self.deeper(Self::or)?;
            return self.closed(query);
        }
        self.term()
    }

    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Result<Query, Invalid>) -> Result<Query, Invalid> {
        if self.depth == DEEPEST {
            return Err(self.words.invalid(
                "parentheses and negations are nested too deep",
                format!("At most {DEEPEST} may be in each other"),
            ));
        }
        self.depth += 1;
        let query = parse(self);
        self.depth -= 1;
        query
    }

    fn closed(&mut self, query: Query) -> Result<Query, Invalid> {
        self.words.skip_space();
        if self.words.take(')') {
            return Ok(query);
        }
        Err(self.words.invalid("a parenthesis is not closed", "Put `)` there"))
    }

    fn term(&mut self) -> Result<Query, Invalid> {
        let begin = self.words.at();
        let mut ahead = self.words;
        // Where it begins as a field does, it is one only if what comes next says so.
        let is_distance = self.words.rest().starts_with("geo_distance,");
        let first = if is_distance { None } else { ahead.word()? };
        // AWS's tutorial of fleet metrics has white space before a comparison.
        let mut beyond = ahead;
        beyond.skip_space();
        if self.field.is_none() && matches!(beyond.peek(), Some('<' | '>')) {
            ahead = beyond;
        }
        let Some(Word { glob, .. }) = first.filter(|_| matches!(ahead.peek(), Some(':' | '<' | '>' | '='))) else {
            let field = self.field.clone();
            let test = if matches!(self.words.peek(), Some('<' | '>')) && field.is_some() {
                self.comparison()?
            } else {
                self.test(field.as_ref())?
            };
            return self.counted(field, test, begin);
        };
        if self.field.is_some() {
            let why = "a field stands in the group of another field";
            return Err(self.words.invalid(why, "Close the group before it, or write `\\:` for the character itself"));
        }
        self.searchable(&glob)?;
        self.words = ahead;
        let test = match self.words.peek() {
            Some(':') => {
                self.words.take(':');
                if self.words.take('(') {
                    self.field = Some(glob);
                    let group = self.deeper(Self::or);
                    self.field = None;
                    return self.closed(group?);
                }
                if let Some(sign @ ('<' | '>')) = self.words.peek() {
                    let why = format!("`{sign}` stands behind `:`");
                    return Err(self.words.invalid(
                        why,
                        format!("Write the comparison directly behind the field, as in `field{sign}5`"),
                    ));
                }
                self.no_space("`:`")?;
                self.test(Some(&glob))?
            }
            Some('=') => {
                return Err(self.words.invalid("`=` is not an operator", "Write `field:value`"));
            }
            _ => self.comparison()?,
        };
        if self.words.peek() == Some(':') {
            let help = "Write `\\:` where the character is in a value, or put the value into double quotes";
            return Err(self.words.invalid("`:` stands behind a value", help));
        }
        self.counted(Some(glob), test, begin)
    }

    fn searchable(&self, field: &Glob) -> Result<(), Invalid> {
        let hidden = field.literal().filter(|name| fields::is_version(name));
        match hidden {
            Some(name) => {
                let why = format!("the field `{name}` is not searchable");
                Err(self.words.invalid(why, "Versions are in the answer, and can be aggregated"))
            }
            None => Ok(()),
        }
    }

    fn no_space(&self, behind: &str) -> Result<(), Invalid> {
        if self.words.is_at_space() || self.words.peek().is_none() {
            let help = format!("Put a value directly behind {behind}, or `*` for any value");
            return Err(self.words.invalid("the field has no value", help));
        }
        Ok(())
    }

    fn comparison(&mut self) -> Result<Test, Invalid> {
        let is_low = self.words.take('>');
        if !is_low {
            self.words.take('<');
        }
        let inclusive = self.words.take('=');
        self.no_space(if is_low { "`>`" } else { "`<`" })?;
        let bound = self.bound()?;
        let bound = bound.map(|text| Bound { text, inclusive });
        if bound.is_none() {
            return Err(self.words.invalid("a comparison needs a value", "Write `field:*` where any value does"));
        }
        Ok(if is_low { Test::Between { low: bound, high: None } } else { Test::Between { low: None, high: bound } })
    }

    /// An end of a range: none for `*`.
    fn bound(&mut self) -> Result<Option<String>, Invalid> {
        if self.words.peek() == Some('"') {
            return self.words.quoted().map(Some);
        }
        let begin = self.words;
        let operator = self.words.operator();
        let word = self.words.word()?.filter(|_| operator.is_none());
        let Some(word) = word else {
            return Err(begin
                .invalid("a bound is missing", "Write a number, a word, a phrase in double quotes, or `*` for none"));
        };
        match word.glob.pieces() {
            [Piece::Any] => Ok(None),
            [Piece::Literal(text)] => Ok(Some(text.clone())),
            _ => {
                Err(begin
                    .invalid("a bound cannot have wildcards", "Write `\\*` and `\\?` for the characters themselves"))
            }
        }
    }

    /// What a value has to be, as it stands behind a field and its colon, or alone.
    fn test(&mut self, field: Option<&Glob>) -> Result<Test, Invalid> {
        match self.words.peek() {
            Some('"') => self.words.quoted().map(Test::Phrase),
            Some('[' | '{') => self.range(),
            _ if self.words.rest().starts_with("geo_distance,") => self.near(field),
            _ => {
                let begin = self.words;
                let Some(word) = self.words.word()? else {
                    let help = "Put a value there: a word, a phrase in double quotes, or a range as `[1 TO 5]`";
                    return Err(begin.invalid("a term has no value", help));
                };
                if let Some(operator) = word.operator() {
                    let help = format!("Write `\\{operator}` for the word itself");
                    return Err(begin.invalid(format!("`{operator}` stands where a value has to be"), help));
                }
                self.pattern(&begin, word.glob)
            }
        }
    }

    fn pattern(&mut self, begin: &Words<'_>, glob: Glob) -> Result<Test, Invalid> {
        match glob.pieces() {
            [Piece::Any] => return Ok(Test::Exists),
            [Piece::Literal(text)] => return Ok(Test::Word(text.clone())),
            _ => (),
        }
        let count = |wanted: &Piece| glob.pieces().iter().filter(|piece| *piece == wanted).count();
        let most = [(Piece::Any, '*', self.limits.stars), (Piece::One, '?', self.limits.question_marks)];
        for (piece, sign, most) in most {
            let found = count(&piece);
            if found > most {
                return Err(
                    begin.invalid(format!("the term has {found} `{sign}`"), format!("A term may have at most {most}"))
                );
            }
        }
        if matches!(glob.pieces().first(), Some(Piece::Any | Piece::One)) {
            if self.leading == self.limits.leading_wildcards {
                let why = "a second term of the query begins with a wildcard";
                return Err(begin.invalid(why, "Only one term of a query may"));
            }
            self.leading += 1;
        }
        Ok(Test::Pattern(glob))
    }

    fn range(&mut self) -> Result<Test, Invalid> {
        let low_inclusive = self.words.take('[');
        if !low_inclusive {
            self.words.take('{');
        }
        self.words.skip_space();
        let low = self.bound()?.map(|text| Bound { text, inclusive: low_inclusive });
        self.words.skip_space();
        if !self.words.take_operator("TO") {
            return Err(self.words.invalid("a range needs TO between its bounds", "Write `[1 TO 5]`"));
        }
        self.words.skip_space();
        let high = self.bound()?;
        self.words.skip_space();
        let high_inclusive = self.words.take(']');
        if !high_inclusive && !self.words.take('}') {
            return Err(self
                .words
                .invalid("the range is not closed", "Put `]` there, or `}` where the bound is not in it"));
        }
        let high = high.map(|text| Bound { text, inclusive: high_inclusive });
        Ok(Test::Between { low, high })
    }

    fn near(&mut self, field: Option<&Glob>) -> Result<Test, Invalid> {
        let begin = self.words;
        let raw = self.words.raw();
        let form =
            "Write `field:geo_distance,47.6204,-122.3491,15.5km`: latitude, longitude, distance with `km`, `mi` or `m`";
        if field.is_none() {
            return Err(begin.invalid("a distance needs a field", form));
        }
        let invalid = |why: &str| begin.invalid(why, form);
        let mut parts = raw.split(',').skip(1);
        let (Some(latitude), Some(longitude), Some(distance), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("geo_distance takes a latitude, a longitude and a distance"));
        };
        let degrees = |text: &str| Number::read(text).map(Number::get);
        let (Some(latitude), Some(longitude)) = (degrees(latitude), degrees(longitude)) else {
            return Err(invalid("latitude and longitude have to be numbers"));
        };
        if Place::new(latitude, longitude).is_none() {
            return Err(invalid("a latitude is between -90 and 90, and a longitude between -180 and 180"));
        }
        let with_unit = Unit::ALL.into_iter().find_map(|unit| Some((distance.strip_suffix(unit.as_str())?, unit)));
        let read = with_unit.and_then(|(number, unit)| Some((degrees(number).filter(|number| *number >= 0.0)?, unit)));
        let Some((distance, unit)) = read else {
            return Err(invalid("the distance has to be a number with its unit"));
        };
        Ok(Test::Near { latitude, longitude, distance, unit })
    }

    fn counted(&mut self, field: Option<Glob>, test: Test, begin: usize) -> Result<Query, Invalid> {
        self.terms += 1;
        if self.terms > self.limits.terms {
            let why = format!("a query has at most {} terms, and this is one more", self.limits.terms);
            return Err(self.words.invalid_at(begin, why, "Ask for less at once: a range is one term"));
        }
        if let Some(name) = field.as_ref().and_then(Glob::literal)
            && fields::is_in_violation(name)
            && matches!(&test, Test::Word(text) | Test::Phrase(text) if text.eq_ignore_ascii_case("false"))
        {
            let why = "a behavior that is not violated cannot be searched for";
            return Err(self.words.invalid_at(begin, why, format!("Write `NOT {name}:true`")));
        }
        Ok(Query::Term(Term { field, test, at: begin..self.words.at() }))
    }
}

/// One query of several: those of the same kind are taken apart, and one alone is itself.
fn all(parts: Vec<Query>, is_same: impl Fn(&Query) -> bool, of: impl FnOnce(Vec<Query>) -> Query) -> Query {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            part if !is_same(&part) => flat.push(part),
            Query::And(inner) | Query::Or(inner) => flat.extend(inner),
            part => flat.push(part),
        }
    }
    if flat.len() > 1 {
        return of(flat);
    }
    // There is one, as a parser that has none fails.
    flat.pop().unwrap_or_else(|| of(Vec::new()))
}
