//! Runs files of cases: each JSON file of a folder names its source, and holds cases that become a test each. Crates with such
//! files take this module in by its path.

use libtest_mimic::{Arguments, Trial};
use serde_json::Value;

/// Runs the cases of a crate's folder `cases`, of which there are at least so many. `trials_of` makes the tests of one file out
/// of its name and what it holds.
pub(crate) fn run(crate_folder: &str, least: usize, trials_of: impl Fn(&str, &Value) -> Vec<Trial>) -> ! {
    let arguments = Arguments::from_args();
    let folder = std::path::Path::new(crate_folder).join("cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut trials = Vec::new();
    for file in &files {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let content: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(content["source"].as_str().is_some_and(|s| !s.is_empty()), "{stem} names no source");
        trials.extend(trials_of(&stem, &content));
    }
    assert!(trials.len() >= least, "only {} cases were found", trials.len());
    libtest_mimic::run(&arguments, trials).exit()
}
