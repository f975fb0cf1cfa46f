//! The text of an expression. Operators bind as elsewhere: `^` over `*` and `/` over `+` and `-` over comparisons over `AND` over `OR`.

/// The longest expression, in characters ("PutMetricAlarm": 2048).
pub(crate) const LONGEST: usize = 2048;
/// How deep an expression may be nested, and how many operators it may have: a chain of them is nested, too.
const DEPTH: usize = 32;
const OPERATORS: usize = 256;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Text(String),
    /// Of a metric or another expression; and a keyword as an argument, such as `REPEAT`.
    Id(String),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
    List(Vec<Expression>),
}

/// An operator between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

impl Operator {
    /// `None` where there is no such value.
    pub(super) fn apply(self, left: f64, right: f64) -> Option<f64> {
        let truth = |truth: bool| Some(f64::from(u8::from(truth)));
        match self {
            Self::Add => Some(left + right),
            Self::Subtract => Some(left - right),
            Self::Multiply => Some(left * right),
            Self::Divide => (right != 0.0).then(|| left / right),
            Self::Power => Some(left.powf(right)),
            Self::Equal => truth(left == right),
            Self::NotEqual => truth(left != right),
            Self::Less => truth(left < right),
            Self::LessOrEqual => truth(left <= right),
            Self::Greater => truth(left > right),
            Self::GreaterOrEqual => truth(left >= right),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Or => truth(left != 0.0 || right != 0.0),
        }
    }
}

/// The levels of the operators, the loosest first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("OR", Operator::Or)],
    &[("&&", Operator::And), ("AND", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
    &[("^", Operator::Power)],
];

/// Reads an expression; the error says what is wrong and where.
pub(crate) fn parse(text: &str) -> Result<Expression, String> {
    if text.chars().count() > LONGEST {
        return Err(format!("the expression has more than {LONGEST} characters"));
    }
    let mut parser = Parser { text, at: 0, depth: 0, operators: 0 };
    let expression = parser.level(0)?;
    parser.blanks();
    if parser.rest().is_empty() { Ok(expression) } else { Err(parser.unexpected()) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    operators: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn unexpected(&self) -> String {
        let place = self.text.get(..self.at).map_or(0, |before| before.chars().count()) + 1;
        match self.rest().chars().next() {
            Some(c) => format!("`{}` at character {place} is not expected there", c.escape_debug()),
            None => "the expression ends too early".to_owned(),
        }
    }

    /// Takes a text that stands next; a word only where it is whole.
    fn take(&mut self, token: &str) -> bool {
        self.blanks();
        let Some(after) = self.rest().strip_prefix(token) else { return false };
        let is_word = token.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_word && after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return false;
        }
        self.at += token.len();
        true
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn level(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(token, _)| self.take(token)) {
            self.operators += 1;
            if self.operators > OPERATORS {
                return Err(format!("the expression has more than {OPERATORS} operators"));
            }
            let right = self.level(level + 1)?;
            left = Expression::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("the expression is nested deeper than {DEPTH} levels"));
        }
        let expression = if self.take("-") { Expression::Negative(Box::new(self.unary()?)) } else { self.primary()? };
        self.depth -= 1;
        Ok(expression)
    }

    fn primary(&mut self) -> Result<Expression, String> {
        if self.take("(") {
            let inner = self.level(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.take("[") {
            return Ok(Expression::List(self.arguments("]")?));
        }
        self.blanks();
        let rest = self.rest();
        match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find(quote).ok_or("a text has no end")?;
                self.at += end + 2;
                Ok(Expression::Text(inner.get(..end).unwrap_or_default().to_owned()))
            }
            Some(c) if c.is_ascii_digit() || c == '.' => {
                let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
                let digits = rest.get(..end).unwrap_or_default();
                let number = digits.parse().map_err(|_| format!("`{digits}` is not a number"))?;
                self.at += end;
                Ok(Expression::Number(number))
            }
            Some(c) if c.is_ascii_alphabetic() => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let name = rest.get(..end).unwrap_or_default().to_owned();
                self.at += end;
                if self.take("(") { Ok(Expression::Call(name, self.arguments(")")?)) } else { Ok(Expression::Id(name)) }
            }
            _ => Err(self.unexpected()),
        }
    }

    fn arguments(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut arguments = Vec::new();
        if self.take(end) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.level(0)?);
            if self.take(end) {
                return Ok(arguments);
            }
            self.expect(",")?;
        }
    }
}
