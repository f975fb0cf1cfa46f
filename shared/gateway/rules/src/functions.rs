//! The functions of the rules SQL ("Functions" in the guide), a file each: description, signature, examples, evaluation.
//!
//! The examples are run as tests, and with the rest of a [`Function`] make its page of the reference. [`ALL`] is the one
//! registration, in alphabetical order.

mod pattern;
pub mod reference;
mod time_pattern;

use crate::eval::{Context, Interrupt};
use crate::externals::{Answer, External, ExternalCall};
use crate::sql::SqlVersion;
use crate::sql::ast::Expr;
use crate::value::number::Round;
use crate::value::{Number, Value};
use fancy_regex::Regex;
use smol_str::SmolStr;

pub(crate) use pattern::compile as compile_pattern;
use pattern::for_text;
pub(crate) use time_pattern::unsupported as unsupported_letter;

/// The longest text that a replacement may make, in bytes; what is longer is `Undefined`. AWS documents no limit: this one
/// keeps a payload whose parts multiply from taking the memory of every other rule.
const MAX_REPLACED: usize = 1 << 20;

macro_rules! functions {
    ($($name:ident,)*) => {
        $(pub(crate) mod $name;)*

        /// Every function, in alphabetical order.
        pub static ALL: &[&Function] = &[$(&$name::FUNCTION,)*];
    };
}

functions! {
    abs,
    accountid,
    acos,
    asin,
    atan,
    atan2,
    aws_lambda,
    bitand,
    bitnot,
    bitor,
    bitxor,
    cast,
    ceil,
    chr,
    clientid,
    concat,
    cos,
    cosh,
    decode,
    encode,
    endswith,
    exp,
    floor,
    get,
    get_dynamodb,
    get_mqtt_property,
    get_or_default,
    get_registry_data,
    get_secret,
    get_thing_shadow,
    get_user_properties,
    indexof,
    isnull,
    isundefined,
    length,
    ln,
    log,
    lower,
    lpad,
    ltrim,
    machinelearning_predict,
    md2,
    md5,
    mod_,
    nanvl,
    newuuid,
    numbytes,
    parse_time,
    power,
    principal,
    rand,
    regexp_matches,
    regexp_replace,
    regexp_substr,
    remainder,
    replace,
    round,
    rpad,
    rtrim,
    sha1,
    sha224,
    sha256,
    sha384,
    sha512,
    sign,
    sin,
    sinh,
    sourceip,
    sql_version,
    sqrt,
    startswith,
    substring,
    tan,
    tanh,
    time_to_epoch,
    timestamp,
    topic,
    traceid,
    transform,
    trim,
    trunc,
    upper,
}

/// A function of the rules SQL.
#[derive(Debug)]
pub struct Function {
    /// Its name; any case is accepted.
    pub name: &'static str,
    /// The first version of the SQL that has it.
    pub since: SqlVersion,
    /// What it does, in a sentence or two.
    pub summary: &'static str,
    /// Its parameters. With fewer or more arguments than these the result is `Undefined`.
    pub parameters: &'static [Parameter],
    /// What it returns.
    pub returns: &'static str,
    /// Calls and their results.
    pub examples: &'static [Example],
    pub(crate) body: Body,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The type that an argument is converted to.
    pub kind: &'static str,
    /// Whether it may be left out, or be given any number of times.
    pub count: Count,
}

/// How often a parameter is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Once.
    One,
    /// Once or not at all.
    Optional,
    /// Any number of times; the last parameter only.
    Any,
}

const fn required(name: &'static str, kind: &'static str) -> Parameter {
    Parameter { name, kind, count: Count::One }
}

const fn optional(name: &'static str, kind: &'static str) -> Parameter {
    Parameter { name, kind, count: Count::Optional }
}

const fn any_number(name: &'static str, kind: &'static str) -> Parameter {
    Parameter { name, kind, count: Count::Any }
}

/// A call and its result.
#[derive(Debug)]
pub struct Example {
    /// The call, in version 2016-03-23 unless said otherwise.
    pub sql: &'static str,
    /// The payload it is evaluated on.
    pub payload: &'static str,
    /// The result as compact JSON; empty where it is `Undefined`.
    pub result: &'static str,
    /// The version of the SQL.
    pub version: SqlVersion,
}

const fn example(sql: &'static str, result: &'static str) -> Example {
    Example { sql, payload: "{}", result, version: SqlVersion::V2016 }
}

const fn example_on(payload: &'static str, sql: &'static str, result: &'static str) -> Example {
    Example { sql, payload, result, version: SqlVersion::V2016 }
}

const fn example_2015(sql: &'static str, result: &'static str) -> Example {
    Example { sql, payload: "{}", result, version: SqlVersion::V2015 }
}

/// How a function is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    /// From its arguments and the message; nothing stands for `Undefined`.
    Value(fn(&Call<'_>) -> Option<Value>),
    /// As the former, with a regular expression as the second argument.
    Pattern(fn(&Call<'_>, &Regex) -> Option<Value>),
    /// By asking an outside service.
    External(External, fn(&Call<'_>) -> Option<Vec<Value>>),
    /// `decode`, which asks outside for one of its schemes.
    Decode,
    /// `get_or_default`, which evaluates its arguments itself.
    Default,
}

/// A call under evaluation.
pub(crate) struct Call<'a> {
    pub(crate) arguments: &'a [Value],
    pub(crate) context: &'a Context<'a>,
}

impl Call<'_> {
    /// An argument; `Undefined` where it is missing.
    pub(crate) fn value(&self, index: usize) -> Value {
        self.arguments.get(index).cloned().unwrap_or_default()
    }

    /// Whether an argument was given.
    pub(crate) fn has(&self, index: usize) -> bool {
        index < self.arguments.len()
    }

    /// An argument by the standard conversion to a number.
    pub(crate) fn number(&self, index: usize) -> Option<Number> {
        self.arguments.get(index)?.to_number()
    }

    /// An argument as a double.
    pub(crate) fn double(&self, index: usize) -> Option<f64> {
        self.number(index).map(Number::to_f64)
    }

    /// An argument as a number rounded down to a whole one.
    pub(crate) fn floor(&self, index: usize) -> Option<i64> {
        self.number(index).map(|number| number.index(Round::Floor))
    }

    /// An argument by the standard conversion to a text.
    pub(crate) fn text(&self, index: usize) -> Option<SmolStr> {
        self.arguments.get(index)?.to_text()
    }
}

impl Function {
    /// The function of a name, in any case.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|function| function.name.eq_ignore_ascii_case(name)).copied()
    }

    /// The name with its parameters, as it is called.
    #[must_use]
    pub fn signature(&self) -> String {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|parameter| match parameter.count {
                Count::One => format!("{}: {}", parameter.name, parameter.kind),
                Count::Optional => format!("[{}: {}]", parameter.name, parameter.kind),
                Count::Any => format!("{}: {}…", parameter.name, parameter.kind),
            })
            .collect();
        format!("{}({}) → {}", self.name, parameters.join(", "), self.returns)
    }

    /// Whether this many arguments fit.
    pub(crate) fn takes(&self, count: usize) -> bool {
        let least = self.parameters.iter().filter(|p| p.count == Count::One).count();
        let open = self.parameters.iter().any(|p| p.count == Count::Any);
        count >= least && (open || count <= self.parameters.len())
    }

    /// What a call with these arguments asks outside for.
    pub(crate) fn reaches(&self, arguments: &[Expr]) -> Option<External> {
        match self.body {
            Body::External(external, _) => Some(external),
            Body::Decode => decode::reaches(arguments),
            _ => None,
        }
    }

    /// Evaluates a call whose arguments are evaluated.
    pub(crate) fn call(&self, call: &Call<'_>, pattern: Option<&Regex>) -> Result<Value, Interrupt> {
        if !self.takes(call.arguments.len()) {
            return Ok(Value::Undefined);
        }
        match self.body {
            Body::Value(evaluate) => Ok(evaluate(call).unwrap_or_default()),
            Body::Pattern(evaluate) => {
                let length = call.text(0).map_or(0, |text| text.len());
                let search = |pattern: &Regex| evaluate(call, for_text(pattern, length)?.as_ref());
                let found = match pattern {
                    Some(pattern) => search(pattern),
                    None => call.text(1).and_then(|text| search(&compile_pattern(&text)?)),
                };
                Ok(found.unwrap_or_default())
            }
            Body::External(function, arguments) => match arguments(call) {
                Some(arguments) => call.context.ask(ExternalCall { function, arguments }),
                None => Ok(Value::Undefined),
            },
            Body::Decode => decode::evaluate(call),
            Body::Default => Ok(Value::Undefined),
        }
    }
}

impl Context<'_> {
    pub(crate) fn ask(&self, call: ExternalCall) -> Result<Value, Interrupt> {
        match self.env.externals.ask(&call) {
            Answer::Value(value) => Ok(value),
            Answer::Failed(why) => Err(Interrupt::Failed(format!("{} failed: {why}", call.function))),
            Answer::Later => Err(Interrupt::Waiting(Box::new(call))),
        }
    }
}
