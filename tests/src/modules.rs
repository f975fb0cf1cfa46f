//! Which module of a crate imports which other, read from its sources, and whether that goes in a circle.
//!
//! An import is a path in the code, in a `use` or elsewhere, that begins with `crate`, `self`, `super` or a module that the file
//! declares. That a file declares a module (`mod name;`) is not an import of it: only a use of what is in there is.

use std::collections::{BTreeMap, BTreeSet};

/// The modules of a crate and what each imports, by their paths in the crate: `rules::kafka`, and the root as `crate`.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// Reads the imports from the files of a crate: of each its path below `src`, and its code without comments, literals and tests.
#[must_use]
pub fn imports(files: &[(String, String)]) -> Imports {
    let names: BTreeSet<String> = files.iter().filter_map(|(path, _)| name(path)).collect();
    let mut found = Imports::new();
    for (path, code) in files {
        let Some(own) = name(path) else { continue };
        let words = words(code);
        let declared = declared(&words);
        let imported = found.entry(own.clone()).or_default();
        for path in paths(&words) {
            let Some(module) = resolve(&names, &own, &declared, &path) else { continue };
            if module != own {
                imported.insert(module);
            }
        }
    }
    found
}

/// The circles: groups of modules of which each reaches every other. None is what is wanted.
#[must_use]
pub fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|module| (module.as_str(), reach(imports, module))).collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (module, others) in &reached {
        if !others.contains(module) || found.iter().flatten().any(|known| known == module) {
            continue;
        }
        let back = |other: &&&str| reached.get(**other).is_some_and(|others| others.contains(module));
        found.push(others.iter().filter(back).map(ToString::to_string).collect());
    }
    found
}

/// All that a module reaches by its imports and theirs.
fn reach<'i>(imports: &'i Imports, from: &str) -> BTreeSet<&'i str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(imports.get(module).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}

/// The module that a file below `src` holds; none for the file of a binary.
fn name(path: &str) -> Option<String> {
    match path.strip_suffix(".rs")? {
        "main" => None,
        "lib" => Some("crate".to_owned()),
        path => Some(path.replace('/', "::")),
    }
}

/// The names and signs of a text, in their order; `::` is one sign.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            _ if part_of_name(first) => rest.find(|c| !part_of_name(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let (word, tail) = rest.split_at(length);
        if !word.trim().is_empty() {
            words.push(word);
        }
        rest = tail;
    }
    words
}

/// The modules that a file declares with a file of their own.
fn declared(words: &[&str]) -> BTreeSet<String> {
    let mods = words.windows(3).filter(|of| matches!(of, ["mod", _, ";"]));
    mods.filter_map(|of| of.get(1)).map(ToString::to_string).collect()
}

/// Every path of the code; the branches of a `use` one by one.
fn paths(words: &[&str]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        // A path goes on from the name before: that one was read with it.
        let goes_on = at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|before| *before == "::");
        let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !is_name || goes_on || words.get(at + 1).is_none_or(|next| *next != "::") {
            // `use send;` and the like name a module as a whole.
            if *word == "use" && words.get(at + 2).is_some_and(|next| *next == ";") {
                found.extend(words.get(at + 1).map(|name| vec![(*name).to_owned()]));
            }
            at += 1;
            continue;
        }
        at = branch(words, at, &[], &mut found);
    }
    found
}

/// Reads the path that begins at a place, with what it goes on in where it is a group; gives where it ends.
fn branch(words: &[&str], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    loop {
        match words.get(at) {
            Some(&"{") => {
                at += 1;
                while let Some(word) = words.get(at) {
                    match *word {
                        "}" => return at + 1,
                        "," => at += 1,
                        _ => {
                            let end = branch(words, at, &path, found);
                            at = end.max(at + 1);
                        }
                    }
                }
                return at;
            }
            Some(word) if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                path.push((*word).to_owned());
                at += 1;
            }
            _ => break,
        }
        match words.get(at) {
            Some(&"::") => at += 1,
            _ => break,
        }
    }
    // A name that something is imported under is of no interest.
    if words.get(at).is_some_and(|word| *word == "as") {
        at += 2;
    }
    found.push(path);
    at
}

/// The module of the crate that a path leads into.
fn resolve(names: &BTreeSet<String>, own: &str, declared: &BTreeSet<String>, path: &[String]) -> Option<String> {
    let mut at: Vec<String> = if own == "crate" { Vec::new() } else { own.split("::").map(str::to_owned).collect() };
    let mut rest = path.iter().map(String::as_str).peekable();
    match *rest.peek()? {
        "crate" => {
            at.clear();
            rest.next();
        }
        "self" => {
            rest.next();
        }
        "super" => {}
        first if declared.contains(first) => {}
        _ => return None,
    }
    while rest.next_if_eq(&"super").is_some() {
        at.pop();
    }
    for part in rest {
        at.push(part.to_owned());
        if !names.contains(&at.join("::")) {
            at.pop();
            break;
        }
    }
    Some(if at.is_empty() { "crate".to_owned() } else { at.join("::") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Imports {
        let files: Vec<(String, String)> = files.iter().map(|(p, c)| ((*p).to_owned(), (*c).to_owned())).collect();
        imports(&files)
    }

    fn of(imports: &Imports, module: &str) -> Vec<String> {
        imports[module].iter().cloned().collect()
    }

    #[test]
    fn imports_are_read_as_rust_reads_them() {
        let found = read(&[
            ("lib.rs", "pub mod a;\npub mod b;\nmod c;\npub use b::inner::Thing;"),
            ("a.rs", "use crate::b::{self, inner::{Thing as Other, More}};\nuse std::io;\nfn f() { crate::c::g(); }"),
            ("b.rs", "pub mod inner;\nfn f() { inner::g(); self::inner::h() }"),
            ("b/inner.rs", "use super::Top;\nuse super::super::c::C;\nuse tokio::task;"),
            ("c.rs", "struct C; impl C { fn a::<T>() { b::inner() } }"),
        ]);
        assert_eq!(of(&found, "crate"), ["b::inner"]);
        assert_eq!(of(&found, "a"), ["b", "b::inner", "c"]);
        assert_eq!(of(&found, "b"), ["b::inner"]);
        assert_eq!(of(&found, "b::inner"), ["b", "c"]);
        assert!(of(&found, "c").is_empty(), "`b` is not a module that `c` declares");
    }

    #[test]
    fn a_planted_circle_is_found_and_a_ladder_is_not() {
        let ladder = [
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "pub struct C;"),
        ];
        assert!(circles(&read(&ladder)).is_empty());
        let mut planted = ladder;
        planted[3] = ("c.rs", "pub struct C(Box<crate::a::A>);");
        assert_eq!(circles(&read(&planted)), [["a", "b", "c"]]);
        // A file and its folder: declaring a module is not an import of it, using what is in there is one.
        let parent = [("a.rs", "mod b;\npub struct A;"), ("a/b.rs", "use super::A;")];
        assert!(circles(&read(&parent)).is_empty());
        let both = [("a.rs", "mod b;\npub struct A(b::B);"), ("a/b.rs", "use super::A;")];
        assert_eq!(circles(&read(&both)), [["a", "a::b"]]);
        // An item at the root, from below.
        let root = [("lib.rs", "mod a;\npub use a::A;\npub struct Root;"), ("a.rs", "use crate::Root;")];
        assert_eq!(circles(&read(&root)), [["a", "crate"]]);
    }
}
