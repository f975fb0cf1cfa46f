//! Why a thing is one that a query asks for, or is not: which term held or failed, on which values.

use crate::document::Document;
use crate::query::Query;
use crate::query::plan::{Leaf, Plan};

/// How many values of a term are shown, and how many names of fields.
const SHOWN: usize = 5;

/// What a query makes of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Whether it is asked for.
    pub fits: bool,
    /// Each term, in order.
    pub terms: Vec<ExplainedTerm>,
}

/// What a term makes of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedTerm {
    /// The term.
    pub text: String,
    /// Whether some value is as it has to be.
    pub fits: bool,
    /// Whether the query wants it not to be.
    pub negated: bool,
    /// The values it looked at, with their fields: at most five, and for a term that holds the ones that did.
    pub values: Vec<(String, String)>,
    /// How many more values it looked at.
    pub more: usize,
    /// Where it has no value to look at: fields of the document that may be meant.
    pub similar: Vec<String>,
}

/// Explains what a query makes of a document.
#[must_use]
pub fn explain(query: &Query, document: &Document) -> Explained {
    let plan = Plan::new(query);
    let mut terms = Vec::new();
    walk(query, &plan, false, document, &mut terms);
    Explained { fits: plan.fits(document), terms }
}

fn walk(query: &Query, plan: &Plan, negated: bool, document: &Document, terms: &mut Vec<ExplainedTerm>) {
    match (query, plan) {
        (Query::Term(term), Plan::Leaf(leaf)) => terms.push(of_term(term.to_string(), leaf, negated, document)),
        (Query::And(parts), Plan::And(plans)) | (Query::Or(parts), Plan::Or(plans)) => {
            for (part, plan) in parts.iter().zip(plans) {
                walk(part, plan, negated, document, terms);
            }
        }
        (Query::Not(part), Plan::Not(plan)) => walk(part, plan, !negated, document, terms),
        // A plan has its query's form.
        _ => (),
    }
}

fn of_term(text: String, leaf: &Leaf, negated: bool, document: &Document) -> ExplainedTerm {
    let fits = leaf.fits(document);
    let all: Vec<_> = leaf.looked_at(document).filter(|(_, value)| !fits || leaf.test.is(value)).collect();
    let values = all.iter().take(SHOWN).map(|(field, value)| ((*field).to_owned(), value.shown())).collect();
    let similar = if all.is_empty() && !fits { similar(&text, document) } else { Vec::new() };
    ExplainedTerm { fits, negated, values, more: all.len().saturating_sub(SHOWN), similar, text }
}

/// Fields that differ in case alone, or have the same last name.
fn similar(term: &str, document: &Document) -> Vec<String> {
    let wanted = term.split([':', '<', '>']).next().unwrap_or_default();
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let mut names: Vec<&str> = document.fields().map(|(name, _)| name).collect();
    names.dedup();
    let alike = names.into_iter().filter(|name| name.eq_ignore_ascii_case(wanted) || last(name) == last(wanted));
    alike.filter(|name| !crate::fields::is_version(name)).take(SHOWN).map(str::to_owned).collect()
}
