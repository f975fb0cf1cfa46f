//! The syntax tree to a plan. What the engine cannot do is refused here, with the place.

use super::{Column, NestedPlan, Node, NodeKind, Piece, Program, Selection};
use crate::externals::{Capabilities, External};
use crate::functions::cast::Target;
use crate::functions::{self, Body, Function};
use crate::sql::ast::{Expr, Kind, Nested, Select, Unary};
use crate::sql::template::{self, Part};
use crate::sql::{self, Span, SqlError, SqlVersion, nearest};
use crate::value::Value;
use drydock_core::TopicFilter;
use smol_str::{SmolStr, format_smolstr};

/// The most calls of `decode(…, 'proto', …)` in a statement ("Decoding protobuf message payloads", limitations).
const MAX_PROTO_CALLS: usize = 2;

/// Compiles a statement.
///
/// # Errors
/// [`SqlError`] where it cannot be parsed, or names what does not exist, not in this version, or not on this host.
pub(crate) fn compile(text: &str, version: SqlVersion, capabilities: Capabilities) -> Result<Program, SqlError> {
    let (statement, warnings) = sql::parse_leniently(text)?;
    let warnings: Vec<String> = warnings.iter().map(SqlError::report).collect();
    let mut compiler = Compiler::new(version, capabilities);
    let mut program = || -> Result<Program, SqlError> {
        let mut set = Vec::with_capacity(statement.set.len());
        for assignment in &statement.set {
            let node = compiler.expr(&assignment.value)?;
            set.push((assignment.name.clone(), node));
            compiler.variables.push(assignment.name.clone());
        }
        let select = compiler.selection(&statement.select)?;
        let filter = statement.filter.as_ref().map(|filter| compiler.expr(filter)).transpose()?;
        let from = match &statement.from {
            Some(from) => Some(TopicFilter::new(&from.text).map_err(|e| SqlError::new(from.span, e.to_string()))?),
            None => None,
        };
        let too_often = [External::GetDynamodb, External::GetRegistryData]
            .into_iter()
            .find(|once| compiler.reached.iter().filter(|external| *external == once).count() > 1);
        Ok(Program {
            sql: text.to_owned(),
            version,
            from,
            warnings: warnings.clone(),
            set,
            select,
            filter,
            reaches: !compiler.reached.is_empty(),
            too_often,
        })
    };
    program().map_err(|error| error.located(text))
}

/// Compiles a substitution template that may use the variables of a statement.
///
/// # Errors
/// [`SqlError`] with the place in the template.
pub(crate) fn compile_template(
    text: &str,
    program: &Program,
    capabilities: Capabilities,
) -> Result<Vec<Piece>, SqlError> {
    let mut compiler = Compiler::new(program.version, capabilities);
    compiler.variables = program.set.iter().map(|(name, _)| name.clone()).collect();
    compiler.template = true;
    let parts = template::parse(text)?;
    parts
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => Ok(Piece::Text(text)),
            Part::Expr(expr) => compiler.expr(&expr).map(Piece::Node).map_err(|error| error.located(text)),
        })
        .collect()
}

struct Compiler {
    version: SqlVersion,
    capabilities: Capabilities,
    variables: Vec<SmolStr>,
    /// The functions that reach out, one for each call.
    reached: Vec<External>,
    /// Inside the default of `get_or_default`, from which nothing may be asked outside.
    in_default: bool,
    template: bool,
}

impl Compiler {
    fn new(version: SqlVersion, capabilities: Capabilities) -> Self {
        let variables = Vec::new();
        Self { version, capabilities, variables, reached: Vec::new(), in_default: false, template: false }
    }

    fn needs_2016(&self, what: &str, span: Span) -> Result<(), SqlError> {
        if self.version.is_2016() {
            return Ok(());
        }
        let message = format!("{what} needs the SQL version 2016-03-23, this rule has {}", self.version);
        Err(SqlError::new(span, message).help("set `awsIotSqlVersion` to `2016-03-23`"))
    }

    fn selection(&mut self, select: &Select) -> Result<Selection, SqlError> {
        match select {
            Select::Value(value) => Ok(Selection::Value(self.expr(value)?)),
            Select::Items(items) => {
                let mut columns = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let path = match (&item.alias, &item.expr.kind) {
                        (Some(alias), _) => alias.clone(),
                        (None, Kind::Star) => Vec::new(),
                        (None, _) => vec![unaliased(&item.expr, index)],
                    };
                    columns.push(Column { node: self.expr(&item.expr)?, path });
                }
                Ok(Selection::Columns(columns))
            }
        }
    }

    fn nested(&mut self, nested: &Nested, span: Span) -> Result<Box<NestedPlan>, SqlError> {
        self.needs_2016("a nested query", span)?;
        Ok(Box::new(NestedPlan {
            selection: self.selection(&nested.select)?,
            source: self.expr(&nested.source)?,
            alias: nested.alias.clone(),
            filter: nested.filter.as_ref().map(|filter| self.expr(filter)).transpose()?,
        }))
    }

    fn boxed(&mut self, expr: &Expr) -> Result<Box<Node>, SqlError> {
        self.expr(expr).map(Box::new)
    }

    fn expr(&mut self, expr: &Expr) -> Result<Node, SqlError> {
        let span = expr.span;
        let kind = match &expr.kind {
            Kind::Null => NodeKind::Constant(Value::Null),
            Kind::Bool(value) => NodeKind::Constant(Value::Bool(*value)),
            Kind::Number(number) => {
                let number = if self.version.is_2016() { number.0.normalised() } else { number.0 };
                NodeKind::Constant(Value::Number(number))
            }
            Kind::String(text) => NodeKind::Constant(Value::String(text.clone())),
            Kind::Star => NodeKind::Star,
            Kind::Field(name) => NodeKind::Field(name.clone()),
            Kind::Variable(name) => NodeKind::Variable(self.variable(name, span)?),
            Kind::Member(base, name) => match self.expr(base)?.kind {
                NodeKind::Field(first) => NodeKind::Path(first, vec![name.clone()]),
                NodeKind::Path(first, mut rest) => {
                    rest.push(name.clone());
                    NodeKind::Path(first, rest)
                }
                kind => NodeKind::Member(Box::new(Node { kind, span: base.span }), name.clone()),
            },
            Kind::Call(name, arguments) => self.call(name, arguments, span)?,
            Kind::Cast(value, target) => {
                let target = Target::find(target, self.version).map_err(|message| SqlError::new(span, message))?;
                NodeKind::Cast(self.boxed(value)?, target)
            }
            Kind::Case(subject, arms, otherwise) => NodeKind::Case {
                subject: self.boxed(subject)?,
                arms: arms
                    .iter()
                    .map(|(when, then)| Ok((self.expr(when)?, self.expr(then)?)))
                    .collect::<Result<_, SqlError>>()?,
                otherwise: otherwise.as_ref().map(|otherwise| self.boxed(otherwise)).transpose()?,
            },
            Kind::Unary(Unary::Not, operand) => NodeKind::Not(self.boxed(operand)?),
            Kind::Unary(Unary::Negate, operand) => match self.expr(operand)? {
                Node { kind: NodeKind::Constant(Value::Number(number)), .. } => {
                    NodeKind::Constant(Value::Number(number.negated()))
                }
                operand => NodeKind::Negate(Box::new(operand)),
            },
            Kind::Binary(operator, left, right) => NodeKind::Binary(*operator, self.boxed(left)?, self.boxed(right)?),
            Kind::Object(members) => {
                self.needs_2016("an object literal", span)?;
                let members: Result<_, SqlError> =
                    members.iter().map(|(key, value)| Ok((key.clone(), self.expr(value)?))).collect();
                NodeKind::Object(members?)
            }
            Kind::Array(items) => {
                self.needs_2016("an array literal", span)?;
                let items: Result<_, SqlError> = items.iter().map(|item| self.expr(item)).collect();
                NodeKind::Array(items?)
            }
            Kind::Nested(nested) => NodeKind::Nested(self.nested(nested, span)?),
            Kind::Exists(nested) => NodeKind::Exists(self.nested(nested, span)?),
        };
        Ok(Node { kind, span })
    }

    fn variable(&self, name: &SmolStr, span: Span) -> Result<usize, SqlError> {
        if let Some(index) = self.variables.iter().position(|known| known == name) {
            return Ok(index);
        }
        let error = SqlError::new(span, format!("`@{name}` is not set"));
        Err(match nearest(name, self.variables.iter().map(SmolStr::as_str)) {
            Some(known) => error.help(format!("did you mean `@{known}`?")),
            None => error.help("a variable is set before it is used: `SET @name = …`"),
        })
    }

    fn call(&mut self, name: &SmolStr, arguments: &[Expr], span: Span) -> Result<NodeKind, SqlError> {
        let name_span = Span::new(span.start, span.start + name.len());
        let Some(function) = Function::find(name) else {
            let error = SqlError::new(name_span, format!("unknown function `{name}`"));
            return Err(match nearest(name, functions::ALL.iter().map(|function| function.name)) {
                Some(known) => error.help(format!("did you mean `{known}`?")),
                None => error,
            });
        };
        if function.since.is_2016() {
            self.needs_2016(&format!("function `{}`", function.name), name_span)?;
        }
        if let Some(external) = function.reaches(arguments) {
            self.reach(external, name_span)?;
        }
        let is_default = matches!(function.body, Body::Default);
        let mut nodes = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let outer = self.in_default;
            self.in_default |= is_default && index == 1;
            let node = self.expr(argument);
            self.in_default = outer;
            nodes.push(node?);
        }
        constant_arguments(function.name, &nodes)?;
        let time_pattern = match function.name {
            "parse_time" => nodes.first(),
            "time_to_epoch" => nodes.get(1),
            _ => None,
        };
        if let Some(Node { kind: NodeKind::Constant(Value::String(text)), span }) = time_pattern
            && let Some(letter) = functions::unsupported_letter(text, function.name == "time_to_epoch")
        {
            let message = format!("`{letter}` in a pattern of {} is not implemented by this gateway", function.name);
            return Err(SqlError::new(*span, message));
        }
        let pattern = match (function.body, nodes.get(1).map(|node| &node.kind)) {
            (Body::Pattern(_), Some(NodeKind::Constant(Value::String(text)))) => functions::compile_pattern(text),
            _ => None,
        };
        Ok(NodeKind::Call { function, arguments: nodes, pattern })
    }

    fn reach(&mut self, external: External, span: Span) -> Result<(), SqlError> {
        if self.in_default && external != External::GetRegistryData {
            return Err(SqlError::new(span, format!("{external} may not stand in the default of get_or_default")));
        }
        if !self.capabilities.has(external) {
            let error = SqlError::new(span, format!("{external} is not implemented by this gateway"));
            let is_closed = external == External::MachinelearningPredict;
            let why = "its models have to be on Amazon Machine Learning, which AWS has closed";
            return Err(if is_closed { error.help(why) } else { error });
        }
        if external == External::DecodeProto {
            if self.template {
                return Err(SqlError::new(span, "protobuf cannot be decoded in a substitution template"));
            }
            if self.reached.iter().filter(|reached| **reached == external).count() == MAX_PROTO_CALLS {
                let message = format!("a statement decodes protobuf at most {MAX_PROTO_CALLS} times");
                return Err(SqlError::new(span, message).help("keep the result: `SET @decoded = decode(…)`"));
            }
        }
        self.reached.push(external);
        Ok(())
    }
}

/// Refuses a variable where the guide takes none: for roles, and for arguments that switch what a function does ("Using
/// variables" under "SET clause"). The operation of the registry has to stand there as a text.
fn constant_arguments(function: &str, arguments: &[Node]) -> Result<(), SqlError> {
    let (first, last) = (arguments.first(), arguments.last());
    if let ("get_registry_data", Some(Node { kind, span })) = (function, first)
        && !matches!(kind, NodeKind::Constant(Value::String(_)))
    {
        let help = "write `'DescribeThing'` or `'ListThingGroupsForThing'`";
        return Err(SqlError::new(*span, "api has to be a text in quotes").help(help));
    }
    let (name, argument) = match function {
        "transform" => ("mode", first),
        "encode" | "decode" => ("scheme", arguments.get(1)),
        "get_dynamodb" | "get_registry_data" | "get_secret" | "get_thing_shadow" => ("roleArn", last),
        "machinelearning_predict" => ("roleArn", arguments.get(1)),
        _ => return Ok(()),
    };
    match argument {
        Some(Node { kind: NodeKind::Variable(_), span }) => {
            Err(SqlError::new(*span, format!("{name} takes no variable")).help("write the text itself"))
        }
        _ => Ok(()),
    }
}

/// The key of a column without an alias: the last key of a path, a variable's or function's name, else its number. The
/// guide says nothing of any but plain keys.
fn unaliased(expr: &Expr, index: usize) -> SmolStr {
    match &expr.kind {
        Kind::Field(name) | Kind::Member(_, name) | Kind::Variable(name) => name.clone(),
        Kind::Call(name, _) => name.to_ascii_lowercase().into(),
        Kind::Cast(value, _) => unaliased(value, index),
        _ => format_smolstr!("_{}", index + 1),
    }
}
