//! What a function is.

use drydock_core::{Arn, Scope};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Variables that Lambda keeps for itself ("Defined runtime environment variables").
const RESERVED: [&str; 17] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
];

/// How a function's process is started, beside its executable: what an interpreter needs for somebody's script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// What the executable is called with.
    pub arguments: Vec<String>,
    /// The folder of the code, which `LAMBDA_TASK_ROOT` names and the process starts in; the executable's where there is none.
    pub task_root: Option<PathBuf>,
    /// Variables that the runtime sets. They stand in the place of the function's own of the same names.
    pub variables: BTreeMap<String, String>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name: 1–64 of letters, digits, `-` and `_`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The executable: a package's `bootstrap`, or a binary of any name.
    pub binary: PathBuf,
    /// How the executable is started.
    pub launch: Launch,
    /// The names that a Lambda endpoint may know it by, the likeliest first: its binary, its logical id.
    pub known_as: Vec<String>,
    /// The handler's name, for what reads `_HANDLER`.
    pub handler: String,
    /// For example `provided.al2023`.
    pub runtime: String,
    /// `x86_64` or `arm64`: shown, not enforced.
    pub architecture: String,
    /// The ARN of its role: shown, not enforced.
    pub role: String,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// Seconds that an invocation may take: 1–900.
    pub timeout: u32,
    /// Megabytes: 128–10,240. Told to the function, not enforced.
    pub memory: u32,
    /// The most processes at a time: its reserved concurrency. `None` leaves the host's limit.
    pub max_concurrency: Option<usize>,
    /// How asynchronous events are treated.
    pub events: EventInvokeConfig,
    /// The log group of its output, where that is another than `/aws/lambda/` and its name.
    pub log_group: Option<String>,
}

/// How asynchronous events of a function are treated ("PutFunctionEventInvokeConfig").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventInvokeConfig {
    /// Retries after a function error: 0–2.
    pub max_retries: u8,
    /// Seconds an event is kept: 60–21,600.
    pub max_age: u32,
    /// Who gets a record of each success: the ARN of a queue, topic or function.
    pub on_success: Option<Arn>,
    /// Who gets a record of each event that was given up.
    pub on_failure: Option<Arn>,
    /// Who gets each event that was given up as it came: the ARN of a queue or topic (`DeadLetterConfig`).
    pub dead_letter: Option<Arn>,
}

impl Default for EventInvokeConfig {
    fn default() -> Self {
        Self { max_retries: 2, max_age: 21_600, on_success: None, on_failure: None, dead_letter: None }
    }
}

impl Definition {
    /// A function with Lambda's defaults: 3 seconds, 128 MB, two retries, six hours.
    pub fn new(name: impl Into<String>, binary: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            binary: binary.into(),
            launch: Launch::default(),
            known_as: Vec::new(),
            handler: "bootstrap".into(),
            runtime: "provided.al2023".into(),
            architecture: "x86_64".into(),
            role: String::new(),
            environment: BTreeMap::new(),
            timeout: 3,
            memory: 128,
            max_concurrency: None,
            events: EventInvokeConfig::default(),
            log_group: None,
        }
    }

    /// The log group of its output.
    #[must_use]
    pub fn log_group(&self) -> String {
        self.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", self.name))
    }

    /// Where the code lies, which `LAMBDA_TASK_ROOT` names and the process starts in.
    pub(super) fn task_root(&self) -> &Path {
        if let Some(root) = &self.launch.task_root {
            return root;
        }
        self.binary.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// What is shown as the code: a script's folder, else the executable.
    pub(super) fn code(&self) -> &Path {
        self.launch.task_root.as_deref().unwrap_or(&self.binary)
    }

    /// What `CreateFunction` and `PutFunctionEventInvokeConfig` would refuse.
    pub(super) fn check(&self) -> Result<(), String> {
        let limits = [
            ("the timeout", i64::from(self.timeout), 1, 900),
            ("the memory size", i64::from(self.memory), 128, 10_240),
            ("`MaximumRetryAttempts`", i64::from(self.events.max_retries), 0, 2),
            ("`MaximumEventAgeInSeconds`", i64::from(self.events.max_age), 60, 21_600),
        ];
        for (what, value, min, max) in limits {
            if !(min..=max).contains(&value) {
                return Err(format!("{what} is {value}: it must be {min} to {max}"));
            }
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=64).contains(&self.name.len()) || !self.name.chars().all(valid) {
            return Err("the name must be 1 to 64 of a-z, A-Z, 0-9, `-` and `_`".into());
        }
        if let Some(reserved) = self.environment.keys().find(|name| RESERVED.contains(&name.as_str())) {
            return Err(format!("the environment variable `{reserved}` is reserved by Lambda: remove it"));
        }
        let wrong = |name: &&String| {
            let mut chars = name.chars();
            !chars.next().is_some_and(|c| c.is_ascii_alphabetic())
                || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if let Some(name) = self.environment.keys().find(wrong) {
            return Err(format!(
                "the environment variable `{name}` is not valid: it must start with a letter and hold letters, digits and \
                 `_` only"
            ));
        }
        let events = &self.events;
        for (what, arn, services) in [
            ("the success destination", &events.on_success, &["sqs", "sns", "lambda"][..]),
            ("the failure destination", &events.on_failure, &["sqs", "sns", "lambda"]),
            ("the dead-letter target", &events.dead_letter, &["sqs", "sns"]),
        ] {
            if let Some(arn) = arn
                && !services.contains(&arn.service())
            {
                return Err(format!("{what} `{arn}` is not implemented: use one of {}", services.join(", ")));
            }
        }
        Ok(())
    }
}

/// The function's name in a name, a partial ARN (`account:function:name`) or an ARN, and its version or alias, `None` for `$LATEST`;
/// `None` where it means something else.
pub(super) fn name_in(reference: &str, scope: &Scope) -> Option<(String, Option<String>)> {
    let parts: Vec<&str> = reference.split(':').collect();
    let own = |region: &str, account: &str| region == scope.region && account == scope.account;
    let (name, qualifier) = match *parts.as_slice() {
        ["arn", _, "lambda", region, account, "function", name, ref rest @ ..] if own(region, account) => (name, rest),
        [account, "function", name, ref rest @ ..] if account == scope.account => (name, rest),
        ["function", name, ref rest @ ..] | [name, ref rest @ ..] => (name, rest),
        [] => return None,
    };
    match qualifier {
        [] | ["$LATEST"] => Some((name.to_owned(), None)),
        [one] => Some((name.to_owned(), Some((*one).to_owned()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_go_by_name_and_arn() {
        // The forms are those of the parameter FunctionName in the page "Invoke" of the Lambda API reference.
        let scope = Scope::new("123456789012", "us-east-1");
        for (reference, name) in [
            ("my-function", Some("my-function")),
            ("my-function:$LATEST", Some("my-function")),
            ("my-function:v1", Some("my-function:v1")),
            ("my-function:v1:v2", None),
            ("123456789012:function:my-function", Some("my-function")),
            ("arn:aws:lambda:us-east-1:123456789012:function:my-function", Some("my-function")),
            ("arn:aws:lambda:us-east-1:123456789012:function:my-function:$LATEST", Some("my-function")),
            ("arn:aws:lambda:us-east-1:123456789012:function:my-function:7", Some("my-function:7")),
            ("arn:aws:lambda:us-west-2:123456789012:function:my-function", None),
        ] {
            let found = name_in(reference, &scope);
            let found = found.map(|(name, qualifier)| qualifier.map_or(name.clone(), |one| format!("{name}:{one}")));
            assert_eq!(found.as_deref(), name, "{reference}");
        }
    }

    #[test]
    fn what_lambda_refuses_is_refused() {
        let good = Definition::new("f", "/bin/true");
        assert_eq!(good.check(), Ok(()));
        let reserved = BTreeMap::from([("AWS_REGION".to_owned(), "x".to_owned())]);
        let bus = Arn::parse("arn:aws:events:us-east-1:123456789012:event-bus/b");
        for (bad, word) in [
            (Definition { timeout: 901, ..good.clone() }, "timeout"),
            (Definition { memory: 64, ..good.clone() }, "memory"),
            (Definition { name: "a b".into(), ..good.clone() }, "name"),
            (Definition { environment: reserved, ..good.clone() }, "AWS_REGION"),
            (
                Definition { events: EventInvokeConfig { on_failure: bus, ..Default::default() }, ..good },
                "not implemented",
            ),
        ] {
            let why = bad.check().unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
