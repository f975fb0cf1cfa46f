//! Values of a template: literals, `Ref` and the intrinsic functions, and what they come to.

use super::error::{Failure, Malformed, Place};
use super::{Mappings, Template};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The parameters that AWS IoT supplies; they need no declaration.
pub(super) const SUPPLIED: &str = "AWS::IoT::";

/// A value that may depend on parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// Text, a number, a truth value or null.
    Literal(Value),
    List(Vec<Expression>),
    Object(BTreeMap<String, Expression>),
    /// `{"Ref": name}`.
    Ref(String),
    /// `{"Fn::Join": [delimiter, list]}`.
    Join(Box<[Expression; 2]>),
    /// `{"Fn::Select": [index, list]}`.
    Select(Box<[Expression; 2]>),
    /// `{"Fn::FindInMap": [map, first key, second key]}`.
    FindInMap(Box<[Expression; 3]>),
    /// `{"Fn::Split": [delimiter, text]}`.
    Split(Box<[Expression; 2]>),
    /// `{"Fn::Sub": text}` or `{"Fn::Sub": [text, {name: value}]}`.
    Sub(Vec<Piece>, BTreeMap<String, Expression>),
}

/// A part of the text of `Fn::Sub`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Variable(String),
}

/// What an expression may refer to.
pub(super) struct Known<'a> {
    pub(super) parameters: &'a BTreeMap<String, Option<String>>,
    pub(super) mappings: &'a Mappings,
}

impl Known<'_> {
    fn parameter(&self, name: &str, place: &Place<'_>) -> Result<(), Malformed> {
        if self.parameters.contains_key(name) || name.starts_with(SUPPLIED) {
            return Ok(());
        }
        Err(Malformed::at(place, format!("there is no parameter `{name}`: declare it in `Parameters`")))
    }
}

impl Expression {
    /// Reads a value; every function in it has the arguments it takes and refers to what there is.
    pub(super) fn read(value: &Value, known: &Known<'_>, place: &Place<'_>) -> Result<Self, Malformed> {
        match value {
            Value::Object(object) => match object.iter().next() {
                Some((key, argument)) if key == "Ref" || key.starts_with("Fn::") => {
                    if object.len() > 1 {
                        return Err(Malformed::at(place, format!("`{key}` stands alone in its object")));
                    }
                    Self::function(key, argument, known, &place.key(key))
                }
                _ => {
                    let mut fields = BTreeMap::new();
                    for (key, value) in object {
                        if key.starts_with("Fn::") || key == "Ref" {
                            return Err(Malformed::at(place, format!("`{key}` stands alone in its object")));
                        }
                        fields.insert(key.clone(), Self::read(value, known, &place.key(key))?);
                    }
                    Ok(Self::Object(fields))
                }
            },
            Value::Array(items) => Ok(Self::List(Self::list(items, known, place)?)),
            literal => Ok(Self::Literal(literal.clone())),
        }
    }

    fn list(items: &[Value], known: &Known<'_>, place: &Place<'_>) -> Result<Vec<Self>, Malformed> {
        items.iter().enumerate().map(|(at, item)| Self::read(item, known, &place.index(at))).collect()
    }

    fn function(name: &str, argument: &Value, known: &Known<'_>, place: &Place<'_>) -> Result<Self, Malformed> {
        match name {
            "Ref" => {
                let Value::String(name) = argument else {
                    return Err(Malformed::at(place, "it takes the name of a parameter"));
                };
                known.parameter(name, place)?;
                Ok(Self::Ref(name.clone()))
            }
            "Fn::Join" => Ok(Self::Join(Box::new(Self::arguments(argument, "[delimiter, list]", known, place)?))),
            "Fn::Select" => Ok(Self::Select(Box::new(Self::arguments(argument, "[index, list]", known, place)?))),
            "Fn::Split" => Ok(Self::Split(Box::new(Self::arguments(argument, "[delimiter, text]", known, place)?))),
            "Fn::FindInMap" => {
                let arguments: [Self; 3] =
                    Self::arguments(argument, "[map, top-level key, second-level key]", known, place)?;
                if let [Self::Literal(Value::String(map)), ..] = &arguments
                    && !known.mappings.contains_key(map)
                {
                    return Err(Malformed::at(place, format!("there is no map `{map}` in `Mappings`")));
                }
                Ok(Self::FindInMap(Box::new(arguments)))
            }
            "Fn::Sub" => Self::substitution(argument, known, place),
            unknown => Err(Malformed::at(
                place,
                format!("`{unknown}` is not known: use Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split, Fn::Sub or Ref"),
            )),
        }
    }

    fn arguments<const N: usize>(
        argument: &Value,
        form: &str,
        known: &Known<'_>,
        place: &Place<'_>,
    ) -> Result<[Self; N], Malformed> {
        let wrong = || Malformed::at(place, format!("it takes {form}"));
        let items = argument.as_array().ok_or_else(wrong)?;
        Self::list(items, known, place)?.try_into().map_err(|_| wrong())
    }

    fn substitution(argument: &Value, known: &Known<'_>, place: &Place<'_>) -> Result<Self, Malformed> {
        let wrong = || Malformed::at(place, "it takes a text, or [text, {name: value}]");
        let (text, given) = match argument {
            Value::String(text) => (text, None),
            Value::Array(items) => match items.as_slice() {
                [Value::String(text), Value::Object(given)] => (text, Some(given)),
                [Value::String(text)] => (text, None),
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        let mut variables = BTreeMap::new();
        for (name, value) in given.into_iter().flatten() {
            variables.insert(name.clone(), Self::read(value, known, &place.index(1).key(name))?);
        }
        let pieces = pieces(text).map_err(|why| Malformed::at(place, why))?;
        for piece in &pieces {
            if let Piece::Variable(name) = piece
                && !variables.contains_key(name)
            {
                known.parameter(name, place)?;
            }
        }
        Ok(Self::Sub(pieces, variables))
    }
}

/// Takes the text of `Fn::Sub` apart: `${name}` is replaced, `${!name}` is the text `${name}`.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or_else(|| "a `${` has no `}`".to_owned())?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        match name.strip_prefix('!') {
            Some(literal) => pieces.push(Piece::Text(format!("${{{literal}}}"))),
            None => pieces.push(Piece::Variable(name.trim().to_owned())),
        }
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// A template with the parameters of one device.
pub(super) struct Scope<'a> {
    pub(super) template: &'a Template,
    pub(super) given: &'a BTreeMap<String, String>,
}

impl Scope<'_> {
    fn parameter(&self, name: &str) -> Result<&str, Failure> {
        let default = || self.template.parameters.get(name).and_then(Option::as_ref);
        let value = self.given.get(name).or_else(default);
        value.map(String::as_str).ok_or_else(|| Failure::new(format!("the parameter `{name}` has no value")))
    }

    pub(super) fn value(&self, expression: &Expression) -> Result<Value, Failure> {
        Ok(match expression {
            Expression::Literal(value) => value.clone(),
            Expression::List(items) => Value::Array(self.values(items)?),
            Expression::Object(fields) => {
                let mut object = Map::new();
                for (key, value) in fields {
                    object.insert(key.clone(), self.value(value)?);
                }
                Value::Object(object)
            }
            Expression::Ref(name) => Value::String(self.parameter(name)?.to_owned()),
            Expression::Join(arguments) => {
                let [delimiter, list] = arguments.as_ref();
                let delimiter = self.text(delimiter)?;
                let texts = self.list(list, "Fn::Join")?;
                let texts: Vec<String> = texts.iter().map(text_of).collect::<Result<_, _>>()?;
                Value::String(texts.join(&delimiter))
            }
            Expression::Select(arguments) => {
                let [index, list] = arguments.as_ref();
                let at = self.text(index)?;
                let at: usize =
                    at.parse().map_err(|_| Failure::new(format!("`Fn::Select` takes an index, not `{at:.80}`")))?;
                let items = self.list(list, "Fn::Select")?;
                let count = items.len();
                match items.into_iter().nth(at) {
                    None => {
                        return Err(Failure::new(format!("`Fn::Select` has no element {at} in a list of {count}")));
                    }
                    Some(Value::Null) => return Err(Failure::new(format!("`Fn::Select`: element {at} is null"))),
                    Some(value) => value,
                }
            }
            Expression::FindInMap(arguments) => {
                let [map, first, second] = arguments.as_ref();
                let (map, first, second) = (self.text(map)?, self.text(first)?, self.text(second)?);
                let found = self.template.mappings.get(&map).and_then(|map| map.get(&first)?.get(&second));
                let missing = || Failure::new(format!("`Fn::FindInMap`: there is no `{map}.{first}.{second}`"));
                found.cloned().ok_or_else(missing)?
            }
            Expression::Split(arguments) => {
                let [delimiter, text] = arguments.as_ref();
                let (delimiter, text) = (self.text(delimiter)?, self.text(text)?);
                if delimiter.is_empty() {
                    return Err(Failure::new("`Fn::Split` needs a delimiter"));
                }
                Value::Array(text.split(&delimiter).map(|part| Value::String(part.to_owned())).collect())
            }
            Expression::Sub(pieces, variables) => {
                let mut out = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => out.push_str(text),
                        Piece::Variable(name) => match variables.get(name) {
                            Some(value) => out.push_str(&self.text(value)?),
                            None => out.push_str(self.parameter(name)?),
                        },
                    }
                }
                Value::String(out)
            }
        })
    }

    fn values(&self, items: &[Expression]) -> Result<Vec<Value>, Failure> {
        items.iter().map(|item| self.value(item)).collect()
    }

    fn list(&self, expression: &Expression, of: &str) -> Result<Vec<Value>, Failure> {
        match self.value(expression)? {
            Value::Array(items) => Ok(items),
            _ => Err(Failure::new(format!("`{of}` takes a list"))),
        }
    }

    pub(super) fn text(&self, expression: &Expression) -> Result<String, Failure> {
        text_of(&self.value(expression)?)
    }

    pub(super) fn texts(&self, expression: &Expression) -> Result<Vec<String>, Failure> {
        match self.value(expression)? {
            Value::Array(items) => items.iter().map(text_of).collect(),
            other => Ok(vec![text_of(&other)?]),
        }
    }
}

/// A value as text; numbers and truth values count as the text that JSON writes them as.
fn text_of(value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null => Err(Failure::new("it is null, and has to be a text")),
        Value::Array(_) => Err(Failure::new("it is a list, and has to be a text")),
        Value::Object(_) => Err(Failure::new("it is an object, and has to be a text")),
    }
}
