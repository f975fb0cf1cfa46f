//! The fuzz target's checks on inputs that are the same in every run: some drawn by a fixed seed, and those of `fuzz/seeds`.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "what must hold and does not has to stop the run")]

#[path = "../fuzz/src/query.rs"]
mod query;

/// What queries are made of.
const PARTS: [&str; 30] = [
    "a",
    "b c",
    "1",
    "-",
    "NOT ",
    "AND",
    " OR ",
    "(",
    ")",
    ":",
    "\"",
    "\\",
    "*",
    "?",
    "[",
    "]",
    "{",
    "}",
    " TO ",
    "<",
    ">=",
    " ",
    "geo_distance,1,2,3km",
    ",",
    "a:",
    "é",
    "\u{a0}",
    "~",
    "\0",
    "!",
];

#[test]
fn any_text_is_a_query_or_an_error_with_its_place() {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for _ in 0..20_000 {
        let text: String = (0..draw(14)).map(|_| PARTS[draw(PARTS.len())]).collect();
        query::check(text.as_bytes());
    }
}

#[test]
fn seeds_hold() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/query");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        query::check(&std::fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 3);
}
