//! What stands for the variables of the process. The library reads none itself: whoever embeds it hands over those that it is to
//! know, and the command line hands over its own.

use std::collections::BTreeMap;
use std::fmt;

/// What a function's process gets besides Lambda's own variables.
const OF_FUNCTIONS: [&str; 4] = ["PATH", "HOME", "RUST_LOG", "RUST_BACKTRACE"];

/// Variables by their names. What is read of them: `PATH`, `HOME`, `RUST_LOG` and `RUST_BACKTRACE` for the processes of functions,
/// and `AWS_…` for what rules send to services elsewhere.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// The names alone: keys may be among the values.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl Environment {
    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// Those that the processes of functions get.
    #[must_use]
    pub fn of_functions(&self) -> BTreeMap<String, String> {
        OF_FUNCTIONS.into_iter().filter_map(|name| Some((name.to_owned(), self.get(name)?))).collect()
    }
}
