//! An explanation for people.

use super::{Explanation, Outcome, ResourceReport, StatementReport};
use crate::document::Effect;
use crate::session::Decision;
use std::fmt::{self, Display, Formatter};

impl StatementReport {
    /// Which statement it is, for example: Statement\[1\] (Telemetry) of policy Device version 2.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{} of {}", self.number(), self.policy_and_version())
    }

    fn number(&self) -> String {
        let sid = self.sid.as_ref().map(|sid| format!(" (`{sid}`)")).unwrap_or_default();
        format!("`Statement[{}]`{sid}", self.statement)
    }

    fn policy_and_version(&self) -> String {
        let version = self.version.as_ref().map(|v| format!(" version {v}")).unwrap_or_default();
        format!("policy `{}`{version}", self.policy)
    }
}

impl Explanation {
    /// The decision and the likeliest reason in one line, for a log.
    #[must_use]
    pub fn summary(&self) -> String {
        let telling = |s: &&StatementReport| match self.decision {
            Decision::Allowed => false,
            Decision::ExplicitDeny => s.effect == Effect::Deny && matches!(s.outcome, Outcome::Applies { .. }),
            Decision::ImplicitDeny => !matches!(s.outcome, Outcome::ActionDiffers { .. }),
        };
        let reason = self.help.first().cloned().or_else(|| {
            let statement = self.statements.iter().find(telling)?;
            Some(format!("{}: {} {}", statement.place(), statement.effect, statement.outcome))
        });
        reason.map_or_else(|| self.verdict(), |reason| format!("{}: {reason}", self.verdict()))
    }

    fn verdict(&self) -> String {
        let verdict = match self.decision {
            Decision::Allowed => "is allowed",
            Decision::ExplicitDeny => "is denied by a statement",
            Decision::ImplicitDeny => "is denied, as no statement allows it",
        };
        format!("`{}` on `{}` {verdict}", self.action, self.resource)
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.refused {
            Some(why) => {
                writeln!(
                    f,
                    "`{}` on `{}` is refused by the broker whatever policies say: {why}",
                    self.action, self.resource
                )?;
                writeln!(f, "policies: {}", self.verdict())?;
            }
            None => writeln!(f, "{}", self.verdict())?,
        }
        for statements in self.statements.chunk_by(|a, b| (&a.policy, &a.attached_to) == (&b.policy, &b.attached_to)) {
            let Some(first) = statements.first() else { continue };
            write!(f, "{}", first.policy_and_version())?;
            if !first.attached_to.is_empty() {
                write!(f, ", attached to {}", list(&first.attached_to))?;
            }
            f.write_str("\n")?;
            for statement in statements {
                writeln!(f, "  {}: {} {}", statement.number(), statement.effect, statement.outcome)?;
            }
        }
        if !self.variables.is_empty() {
            f.write_str("variables\n")?;
        }
        for variable in &self.variables {
            match (&variable.values, variable.why) {
                (Some(values), None) => writeln!(f, "  `{}` is {}", variable.name, list(values))?,
                (Some(values), Some(why)) => writeln!(f, "  `{}` is {}: {why}", variable.name, list(values))?,
                (None, why) => writeln!(f, "  `{}` is absent: {}", variable.name, why.unwrap_or("unknown"))?,
            }
        }
        self.help.iter().try_for_each(|help| writeln!(f, "help: {help}"))
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applies { resource: None } => f.write_str("applies"),
            Self::Applies { resource: Some(resource) } => write!(f, "applies through {resource}"),
            Self::ActionDiffers { except: false, actions } => write!(f, "is about other actions: {}", list(actions)),
            Self::ActionDiffers { except: true, actions } => write!(f, "is not about {}", list(actions)),
            Self::ResourceDiffers { except, resources } => {
                f.write_str(if *except { "is not about " } else { "is about other resources: " })?;
                for (i, resource) in resources.iter().enumerate() {
                    write!(f, "{}{resource}", if i == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::ConditionFails { conditions } => {
                f.write_str("fits, but a condition fails: ")?;
                for (i, c) in conditions.iter().enumerate() {
                    let actual =
                        c.actual.as_ref().map_or_else(|| "is absent".to_owned(), |v| format!("is {}", list(v)));
                    let separator = if i == 0 { "" } else { "; " };
                    write!(f, "{separator}`{}` {actual}, and `{}` asks for {}", c.key, c.operator, list(&c.expected))?;
                }
                Ok(())
            }
        }
    }
}

impl Display for ResourceReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.resolved {
            Some(resolved) if *resolved == self.written => write!(f, "`{resolved}`"),
            Some(resolved) => write!(f, "`{resolved}` (written `{}`)", self.written),
            None => write!(f, "`{}` (a variable in it has no value)", self.written),
        }
    }
}

fn list(values: &[String]) -> String {
    match values {
        [] => "nothing".to_owned(),
        values => values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", "),
    }
}
