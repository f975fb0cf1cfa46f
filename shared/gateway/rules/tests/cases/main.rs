//! Runs the files of cases: what statements come to (`cases`), what actions send (`action-cases`). Each case is a test that
//! can be chosen by its name, for which this binary brings its own `main`.

mod actions;
mod sql;

use libtest_mimic::Arguments;

fn main() {
    let trials = sql::trials().into_iter().chain(actions::trials()).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
