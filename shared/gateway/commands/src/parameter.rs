//! The parameters of commands: values, their types, and the conditions that a value has to meet.
//!
//! Source: API reference of "CommandParameter", "CommandParameterValue" and "CommandParameterValueCondition", and "Parameter
//! value conditions" of the developer guide.

use crate::book::invalid;
use crate::command::CommandRow;
use ciborium::Value as Cbor;
use drydock_core::ApiError;
use drydock_model::iot::{
    CommandParameter, CommandParameterType as Type, CommandParameterValue,
    CommandParameterValueComparisonOperator as Operator, CommandParameterValueCondition as Condition,
};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'v> {
    String(&'v str),
    Boolean(bool),
    Integer(i32),
    Long(i64),
    Double(f64),
    Unsigned(u64),
    Binary(&'v [u8]),
}

/// A number, exact where it is a whole one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Float(f64),
}

impl Number {
    fn read(text: &str) -> Option<Self> {
        let whole = text.parse().ok().map(Self::Whole);
        whole.or_else(|| text.parse().ok().filter(|float: &f64| float.is_finite()).map(Self::Float))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a whole number is compared with one that has a fraction as that one is"
    )]
    fn compare(self, other: Self) -> Option<Ordering> {
        let float = |number| match number {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        };
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            _ => float(self).partial_cmp(&float(other)),
        }
    }
}

impl<'v> Value<'v> {
    /// The one value of AWS's shape.
    fn read(shape: &'v CommandParameterValue) -> Result<Self, String> {
        let CommandParameterValue { b, bin, d, i, l, s, ul } = shape;
        let unsigned = match ul.as_deref().map(str::parse) {
            Some(Err(_)) => return Err("UL is not a whole number below 2^64".to_owned()),
            Some(Ok(number)) => Some(Self::Unsigned(number)),
            None => None,
        };
        let given = [
            b.map(Self::Boolean),
            bin.as_ref().map(|bytes| Self::Binary(bytes)),
            d.map(Self::Double),
            i.map(Self::Integer),
            l.map(Self::Long),
            s.as_deref().map(Self::String),
            unsigned,
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(value), None) => Ok(value),
            _ => Err("one of S, B, I, L, D, BIN and UL is needed, and only one".to_owned()),
        }
    }

    fn type_(&self) -> Type {
        match self {
            Self::String(_) => Type::String,
            Self::Boolean(_) => Type::Boolean,
            Self::Integer(_) => Type::Integer,
            Self::Long(_) => Type::Long,
            Self::Double(_) => Type::Double,
            Self::Unsigned(_) => Type::Unsignedlong,
            Self::Binary(_) => Type::Binary,
        }
    }

    fn number(&self) -> Option<Number> {
        match self {
            Self::Integer(number) => Some(Number::Whole((*number).into())),
            Self::Long(number) => Some(Number::Whole((*number).into())),
            Self::Unsigned(number) => Some(Number::Whole((*number).into())),
            Self::Double(number) => Some(Number::Float(*number)),
            Self::String(_) | Self::Boolean(_) | Self::Binary(_) => None,
        }
    }

    /// The value as a member of a payload.
    pub(crate) fn to_cbor(&self) -> Cbor {
        match self {
            Self::String(text) => Cbor::Text((*text).to_owned()),
            Self::Boolean(flag) => Cbor::Bool(*flag),
            Self::Integer(number) => Cbor::Integer((*number).into()),
            Self::Long(number) => Cbor::Integer((*number).into()),
            Self::Unsigned(number) => Cbor::Integer((*number).into()),
            Self::Double(number) => Cbor::Float(*number),
            Self::Binary(bytes) => Cbor::Bytes(bytes.to_vec()),
        }
    }
}

/// The type of a parameter: as it is stated, or that of its values.
fn type_of(parameter: &CommandParameter) -> Option<Type> {
    let of_value = |shape: &CommandParameterValue| Value::read(shape).ok().map(|value| value.type_());
    parameter.type_.or_else(|| [&parameter.value, &parameter.default_value].into_iter().flatten().find_map(of_value))
}

/// Whether parameters of a command can be: names that differ, values of their type, and conditions that fit it.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn check_all(parameters: &[CommandParameter]) -> Result<(), ApiError> {
    let mut names = BTreeSet::new();
    for parameter in parameters {
        let CommandParameter { name, value, default_value, value_conditions, .. } = parameter;
        if !names.insert(name) {
            return Err(invalid(format!("mandatoryParameters has `{name}` twice")));
        }
        let type_ = type_of(parameter);
        for (what, shape) in [("value", value), ("defaultValue", default_value)] {
            let Some(shape) = shape else { continue };
            let is = read(name, shape).map_err(|why| invalid(format!("{what} of {why}")))?.type_();
            if type_ != Some(is) {
                let expected = type_.map(Type::as_str).unwrap_or_default();
                return Err(invalid(format!("{what} of the parameter `{name}` is {is}, not {expected}")));
            }
        }
        for condition in value_conditions.iter().flatten() {
            check_condition(type_, condition)
                .map_err(|why| invalid(format!("a condition of the parameter `{name}`: {why}")))?;
        }
    }
    Ok(())
}

fn read<'v>(name: &str, shape: &'v CommandParameterValue) -> Result<Value<'v>, String> {
    Value::read(shape).map_err(|why| format!("the parameter `{name}`: {why}"))
}

/// Whether a condition can be put to a value of a type.
fn check_condition(type_: Option<Type>, condition: &Condition) -> Result<(), String> {
    let Condition { comparison_operator: operator, operand } = condition;
    let given = [
        ("number", operand.number.is_some()),
        ("numbers", operand.numbers.is_some()),
        ("string", operand.string.is_some()),
        ("strings", operand.strings.is_some()),
        ("numberRange", operand.number_range.is_some()),
    ];
    let given: Vec<&str> = given.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect();
    let is_text = match type_ {
        Some(Type::Boolean | Type::Binary) => return Err("values of BOOLEAN and BINARY have no conditions".to_owned()),
        Some(type_) => type_ == Type::String,
        None => given.iter().any(|name| name.starts_with("string")),
    };
    let wanted = match (operator, is_text) {
        (Operator::Equals | Operator::NotEquals, true) => "string",
        (Operator::InSet | Operator::NotInSet, true) => "strings",
        (operator, true) => return Err(format!("{operator} is not for values of STRING")),
        (Operator::InSet | Operator::NotInSet, false) => "numbers",
        (Operator::InRange | Operator::NotInRange, false) => "numberRange",
        (_, false) => "number",
    };
    if given != [wanted] {
        return Err(format!("the operand of {operator} has to be `{wanted}` alone"));
    }
    let range = operand.number_range.iter().flat_map(|range| [&range.min, &range.max]);
    let numbers = operand.number.iter().chain(operand.numbers.iter().flatten()).chain(range);
    match numbers.into_iter().find(|text| Number::read(text).is_none()) {
        Some(text) => Err(format!("`{text:.40}` is not a number")),
        None => Ok(()),
    }
}

/// Whether a value meets a condition; one that it cannot be compared by it does not meet.
fn meets(value: &Value<'_>, condition: &Condition) -> bool {
    let operand = &condition.operand;
    let number = value.number();
    let compared = |text: &String| number.and_then(|number| number.compare(Number::read(text)?));
    let against = |fits: fn(Ordering) -> bool| operand.number.as_ref().and_then(compared).is_some_and(fits);
    let equals = match value {
        Value::String(text) => operand.string.as_deref().map(|of| of == *text),
        _ => operand.number.as_ref().and_then(compared).map(Ordering::is_eq),
    };
    let in_set = match value {
        Value::String(text) => operand.strings.as_ref().map(|of| of.iter().any(|one| one == text)),
        _ => number.and(operand.numbers.as_ref()).map(|of| of.iter().any(|one| compared(one) == Some(Ordering::Equal))),
    };
    let in_range = operand
        .number_range
        .as_ref()
        .and_then(|range| Some(compared(&range.min)?.is_ge() && compared(&range.max)?.is_le()));
    match condition.comparison_operator {
        Operator::Equals => equals == Some(true),
        Operator::NotEquals => equals == Some(false),
        Operator::LessThan => against(Ordering::is_lt),
        Operator::LessThanEquals => against(Ordering::is_le),
        Operator::GreaterThan => against(Ordering::is_gt),
        Operator::GreaterThanEquals => against(Ordering::is_ge),
        Operator::InSet => in_set == Some(true),
        Operator::NotInSet => in_set == Some(false),
        Operator::InRange => in_range == Some(true),
        Operator::NotInRange => in_range == Some(false),
    }
}

/// The values of a command's parameters: those that are given, else the command's own, else its defaults.
///
/// # Errors
/// `ValidationException` for a parameter that the command does not have, one that has no value, and a value that is not of its
/// type or does not meet its conditions.
pub(crate) fn resolve(
    command: &CommandRow,
    mut given: BTreeMap<String, CommandParameterValue>,
) -> Result<BTreeMap<String, CommandParameterValue>, ApiError> {
    if let Some(unknown) = given.keys().find(|name| command.parameter(name).is_none()) {
        return Err(invalid(format!("the command has no parameter `{unknown:.200}`")));
    }
    let mut resolved = BTreeMap::new();
    for parameter in command.parameters.iter().flatten() {
        let name = &parameter.name;
        let own = || parameter.value.clone().or_else(|| parameter.default_value.clone());
        let shape = given.remove(name).or_else(own);
        let shape = shape.ok_or_else(|| invalid(format!("the parameter `{name}` has no value")))?;
        let value = read(name, &shape).map_err(invalid)?;
        if let Some(type_) = type_of(parameter).filter(|type_| *type_ != value.type_()) {
            return Err(invalid(format!("the parameter `{name}` has to be {type_}, not {}", value.type_())));
        }
        let is_finite = !matches!(value, Value::Double(number) if !number.is_finite());
        let fails = parameter.value_conditions.iter().flatten().find(|condition| !meets(&value, condition));
        if let Some(condition) = fails.filter(|_| is_finite) {
            let why = condition.comparison_operator;
            return Err(invalid(format!("the value of the parameter `{name}` does not meet its condition {why}")));
        }
        if !is_finite {
            return Err(invalid(format!("the value of the parameter `{name}` is not a number that JSON can have")));
        }
        resolved.insert(name.clone(), shape);
    }
    Ok(resolved)
}

/// The value of a parameter as a member of a payload.
pub(crate) fn to_cbor(shape: &CommandParameterValue) -> Option<Cbor> {
    Value::read(shape).ok().map(|value| value.to_cbor())
}
