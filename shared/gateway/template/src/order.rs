//! The order in which to create resources: what is needed comes first, else as the template has it.

use crate::error::{Fallible, Fault, Problem};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

/// A resource and what it needs.
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) span: Span,
    pub(crate) needs: BTreeSet<String>,
}

/// The items' positions, in order. Needs that name no item are left out of account.
pub(crate) fn order(items: &[Item]) -> Fallible<Vec<usize>> {
    let index: BTreeMap<&str, usize> = items.iter().enumerate().map(|(at, item)| (item.id.as_str(), at)).collect();
    let mut waiting: Vec<usize> = Vec::with_capacity(items.len());
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (at, item) in items.iter().enumerate() {
        let needs = item.needs.iter().filter_map(|need| index.get(need.as_str()));
        let mut count = 0;
        for need in needs {
            count += 1;
            if let Some(needed_by) = needed_by.get_mut(*need) {
                needed_by.push(at);
            }
        }
        waiting.push(count);
    }
    let mut ready: BTreeSet<usize> =
        waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
    let mut ordered = Vec::with_capacity(items.len());
    while let Some(at) = ready.pop_first() {
        ordered.push(at);
        for later in needed_by.get(at).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*later) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(*later);
                }
            }
        }
    }
    if ordered.len() == items.len() {
        return Ok(ordered);
    }
    let done: BTreeSet<usize> = ordered.into_iter().collect();
    Err(cycle(items, &index, &done))
}

/// Follows unmet needs until an item comes up twice.
fn cycle(items: &[Item], index: &BTreeMap<&str, usize>, done: &BTreeSet<usize>) -> Box<Fault> {
    let mut path: Vec<&Item> = Vec::new();
    let mut next = items.iter().enumerate().find(|(at, _)| !done.contains(at)).map(|(_, item)| item);
    while let Some(item) = next {
        if let Some(start) = path.iter().position(|seen| seen.id == item.id) {
            let names: Vec<&str> = path.iter().skip(start).chain([&item]).map(|item| item.id.as_str()).collect();
            let problem = Problem::Circular(names.join(" → "));
            let help = "each arrow is a `Ref`, `Fn::GetAtt`, `Fn::Sub` or `DependsOn`: take one away";
            return Fault::with_help(item.span, problem, help);
        }
        path.push(item);
        let unmet = item.needs.iter().filter_map(|need| index.get(need.as_str())).find(|at| !done.contains(at));
        next = unmet.and_then(|at| items.get(*at));
    }
    Fault::new(Span::default(), Problem::Circular("resources need each other".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(needs: &[(&str, &[&str])]) -> Vec<Item> {
        let item = |(id, needs): &(&str, &[&str])| Item {
            id: (*id).to_owned(),
            span: Span::default(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        };
        needs.iter().map(item).collect()
    }

    #[test]
    fn needs_come_first_and_the_rest_keeps_its_order() {
        let items = items(&[("a", &["c"]), ("b", &[]), ("c", &["d", "elsewhere"]), ("d", &[]), ("e", &["a"])]);
        assert_eq!(order(&items).unwrap(), [1, 3, 2, 0, 4]);
    }

    #[test]
    fn a_cycle_is_named_without_what_only_leads_to_it() {
        let fault = order(&items(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).unwrap_err();
        assert_eq!(fault.problem.to_string(), "circular dependency: b → c → b");
    }
}
