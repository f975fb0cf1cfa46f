//! The invariants that the architecture rests on, read from `cargo metadata` and from the sources.
//!
//! Every member of the workspace stands in [`MEMBERS`] with the layer it belongs to; a member that is missing there, or that
//! is there and not in the workspace, fails. Each rule then says whom it holds for and what it forbids, and each exception
//! says why; one that is no longer needed fails too.

use drydock_tests::modules;
use drydock_tests::sources::{self, Source, lines_with};
use drydock_tests::workspace::{Kind, Workspace};

/// What a package may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// Names, shapes, event types, and the languages of behaviors and schedules: what every other layer is written in.
    Vocabulary,
    /// Plain Rust that decides: no socket, no clock, no task.
    Rulebook,
    /// Input and output, on tokio.
    Machinery,
    /// What the gateway is put together from: its own floors, in [`FLOORS`].
    Composition,
    /// The one package of the backend that names the AWS SDK.
    Adapter,
    /// What is deployed to AWS Lambda.
    Function,
    /// What only developers run.
    Chore,
}
use Layer::{Adapter, Chore, Composition, Function, Machinery, Rulebook, Vocabulary};

const MEMBERS: &[(&str, Layer)] = &[
    ("behaviors", Vocabulary),
    ("connectivity", Function),
    ("defender-audit", Function),
    ("defender-detect", Function),
    ("defender-response", Function),
    ("device-authorizer", Function),
    ("drydock-audit", Rulebook),
    ("drydock-broker", Machinery),
    ("drydock-cloud", Machinery),
    ("drydock-commands", Rulebook),
    ("drydock-core", Vocabulary),
    ("drydock-detect", Rulebook),
    ("drydock-gate", Composition),
    ("drydock-gateway", Composition),
    ("drydock-host", Composition),
    ("drydock-identity", Rulebook),
    ("drydock-indexing", Rulebook),
    ("drydock-iot", Composition),
    ("drydock-jobs", Rulebook),
    ("drydock-log-search", Rulebook),
    ("drydock-logging", Rulebook),
    ("drydock-model", Vocabulary),
    ("drydock-ota", Rulebook),
    ("drydock-packages", Rulebook),
    ("drydock-policy", Rulebook),
    ("drydock-provisioning", Rulebook),
    ("drydock-registry", Rulebook),
    ("drydock-rules", Rulebook),
    ("drydock-schedule", Vocabulary),
    ("drydock-services", Composition),
    ("drydock-shadow", Rulebook),
    ("drydock-store", Machinery),
    ("drydock-tasks", Machinery),
    ("drydock-template", Rulebook),
    ("drydock-tests", Chore),
    ("drydock-timers", Machinery),
    ("fleet", Rulebook),
    ("fleet-api", Function),
    ("fleet-aws", Adapter),
    ("iot-events", Vocabulary),
    ("jit-registration", Function),
    ("job-orchestration", Function),
    ("provisioning-hook", Function),
    ("telemetry", Function),
    ("xtask", Chore),
];

/// The floors of the gateway, from the ground up: a package knows floors below its own, and no other package of its floor.
const FLOORS: &[&[&str]] = &[
    &["drydock-core"],
    &["drydock-schedule", "drydock-tasks", "drydock-timers"],
    &["drydock-broker", "drydock-model", "drydock-shadow", "drydock-store", "drydock-template"],
    &[
        "drydock-audit",
        "drydock-commands",
        "drydock-detect",
        "drydock-identity",
        "drydock-indexing",
        "drydock-jobs",
        "drydock-log-search",
        "drydock-logging",
        "drydock-ota",
        "drydock-packages",
        "drydock-policy",
        "drydock-provisioning",
        "drydock-registry",
        "drydock-rules",
    ],
    &["drydock-cloud"],
    &["drydock-host"],
    &["drydock-gate"],
    &["drydock-services"],
    &["drydock-gateway"],
    &["drydock-iot"],
];

fn layer(name: &str) -> Option<Layer> {
    MEMBERS.iter().find(|(member, _)| *member == name).map(|(_, layer)| *layer)
}

/// The AWS SDK: the clients and what they are made of.
const SDK: &[&str] =
    &["aws-sdk-*", "aws-config", "aws-types", "aws-runtime", "aws-sigv4", "aws-credential-types", "aws-smithy-*"];
const TOKIO: &[&str] = &["tokio", "tokio-*", "async-std", "smol"];
const HTTP: &[&str] =
    &["http", "http-body", "http-body-util", "hyper", "hyper-*", "h2", "axum", "axum-*", "reqwest", "tower", "tower-*"];
const MQTT: &[&str] = &["mqtt-protocol-core", "rumqttc"];

/// A rule on what may be linked, however deep, into what ships; tests and build scripts are free.
struct Link {
    rule: &'static str,
    layers: &'static [Layer],
    forbidden: &'static [&'static str],
}

const LINKS: &[Link] = &[
    Link { rule: "what decides knows no SDK", layers: &[Vocabulary, Rulebook], forbidden: SDK },
    Link { rule: "what decides knows no tokio", layers: &[Vocabulary, Rulebook], forbidden: TOKIO },
    Link { rule: "what decides knows no HTTP", layers: &[Vocabulary, Rulebook], forbidden: HTTP },
    Link { rule: "what decides knows no MQTT packet", layers: &[Vocabulary, Rulebook], forbidden: MQTT },
    Link { rule: "the gateway stands in for AWS, it calls none", layers: &[Machinery, Composition], forbidden: SDK },
    Link {
        rule: "the client that tests connect with does not ship",
        layers: &[Vocabulary, Rulebook, Machinery, Composition],
        forbidden: &["rumqttc"],
    },
    Link { rule: "the backend gets events, it speaks no MQTT", layers: &[Adapter, Function], forbidden: MQTT },
];

/// A reason why something forbidden stands somewhere: what, where (a file, or a folder with `/` at its end), why.
struct Exception {
    what: &'static str,
    place: &'static str,
    why: &'static str,
}

const CLOCK: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "OffsetDateTime::now_utc",
    "OffsetDateTime::now_local",
    "Utc::now",
    "Local::now",
    "Timestamp::now",
    "Zoned::now",
];
const ENVIRONMENT: &[&str] = &["env::var", "env::var_os", "env::vars", "env::vars_os"];
const RANDOMNESS: &[&str] = &["rand::", "getrandom", "thread_rng", "Uuid::new_v4", "Uuid::now_v7", "fastrand"];

/// Where the world may be asked for the time, for its variables and for chance. Tests, benches and fuzz targets are free.
const WORLD: &[Exception] = &[
    Exception { what: "*", place: "shared/gateway/drydock/", why: "the command line is its user's program" },
    Exception {
        what: "SystemTime::now",
        place: "shared/gateway/host/src/system.rs",
        why: "the one place that has the machine's clock for all others",
    },
    Exception {
        what: "Instant::now",
        place: "shared/gateway/gateway/src/deploy/functions.rs",
        why: "how long a build took; no decision rests on it",
    },
    Exception {
        what: "Instant::now",
        place: "shared/gateway/gateway/src/deploy/runtimes/install.rs",
        why: "how long an installation took; no decision rests on it",
    },
    Exception {
        what: "Instant::now",
        place: "shared/gateway/gateway/src/http/faults.rs",
        why: "how many requests a second callers send, who live in the machine's time",
    },
    Exception {
        what: "Instant::now",
        place: "shared/gateway/services/src/rules/",
        why: "how long an action took; no decision rests on it",
    },
    Exception {
        what: "rand::",
        place: "shared/gateway/host/src/system.rs",
        why: "the one place of the gateway that reads chance, for all who are handed `Ids`",
    },
    Exception { what: "*", place: "shared/fleet-aws/", why: "the adapter hands the backend what AWS Lambda gives it" },
    Exception {
        what: "Instant::now",
        place: "shared/gateway/cloud/",
        why: "how long a real process took to start and to answer; no decision rests on it",
    },
];

/// What waits in the machine's time.
const WAITS: &[&str] = &["sleep", "sleep_until", "interval", "interval_at", "timeout", "timeout_at"];

/// Where somebody in the gateway waits in the machine's time, and not on the gateway's clock (`drydock-timers`), which can be
/// stopped and advanced. What AWS times waits on that; what is left are peers, processes and the command line.
const WAITING: &[Exception] = &[
    Exception { what: "*", place: "shared/gateway/timers/", why: "the clock itself, which follows the machine's" },
    Exception { what: "*", place: "shared/gateway/drydock/", why: "the command line waits as the people before it do" },
    Exception {
        what: "timeout",
        place: "shared/gateway/tasks/",
        why: "how long a stop waits for tasks to end, whatever time the gateway's clock shows",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/gateway/src/listen.rs",
        why: "a peer on the network that does not end its handshake",
    },
    Exception {
        what: "sleep",
        place: "shared/gateway/gateway/src/listen.rs",
        why: "a process that has no file descriptor left to accept with",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/gateway/src/deploy.rs",
        why: "a Lambda endpoint on the network that does not answer",
    },
    Exception {
        what: "sleep",
        place: "shared/gateway/gateway/src/http/faults.rs",
        why: "a service that is asked to be slow, whose callers live in the machine's time",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/gateway/src/http/bodies.rs",
        why: "a peer on the network that sends its body slowly or not at all",
    },
    Exception {
        what: "interval",
        place: "shared/gateway/cloud/src/logs/tail.rs",
        why: "a person who looks at a log as it grows",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/gate/src/authorizer.rs",
        why: "a function's process, which lives in the machine's time",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/services/src/provisioning/",
        why: "a function's process, which lives in the machine's time",
    },
    Exception {
        what: "sleep",
        place: "shared/gateway/host/src/deletions.rs",
        why: "rows that wait for the disk's next write",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/services/src/rules/backlog.rs",
        why: "how long a gateway that stops waits for its rules",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/services/src/rules/externals.rs",
        why: "a function's process, which lives in the machine's time",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/services/src/connections/direct.rs",
        why: "a device's answer on the network, for which a caller waits in its own time",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/services/src/rules/outbound/client.rs",
        why: "a service on the network that does not answer",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/services/src/rules/kafka.rs",
        why: "a cluster on the network that does not answer",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/broker/src/broker.rs",
        why: "how long a gateway that stops waits for its clients to hang up",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/broker/src/connection/",
        why: "a peer on the network that sends no CONNECT, or does not take its last packets",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/cloud/src/http_client.rs",
        why: "an endpoint on the network that does not answer",
    },
    Exception {
        what: "timeout",
        place: "shared/gateway/cloud/src/http_api/call.rs",
        why: "a function's process, which lives in the machine's time, and a caller on the network who waits for it",
    },
    Exception {
        what: "sleep",
        place: "shared/gateway/cloud/src/lambda/environment.rs",
        why: "how long a function's process may start, run and idle: it lives in the machine's time",
    },
];

/// Where somebody in the gateway begins a task or a thread that no holder of tasks (`drydock-tasks`) has, and what ends it when the
/// gateway stops.
const BEGUN: &[Exception] = &[
    Exception { what: "tokio::spawn", place: "shared/gateway/tasks/", why: "the holder of tasks itself" },
    Exception {
        what: "JoinSet::new",
        place: "shared/gateway/drydock/src/simulated.rs",
        why: "devices, which are no part of the gateway: the command waits for each before it ends",
    },
    Exception {
        what: "Handle::try_current",
        place: "shared/gateway/timers/src/driver.rs",
        why: "the clock's own task, ended by `Timers::end`",
    },
    Exception {
        what: "JoinSet::new",
        place: "shared/gateway/cloud/src/lambda/",
        why: "the connections of one function's process, which end with the task that has the process",
    },
    Exception {
        what: "thread::Builder",
        place: "shared/gateway/store/src/store.rs",
        why: "the one writer, waited for by `Store::close`",
    },
    Exception {
        what: "thread::Builder",
        place: "shared/gateway/cloud/src/journal.rs",
        why: "the stand-ins' one writer, waited for by `Journal::close`",
    },
    Exception {
        what: "thread::Builder",
        place: "shared/gateway/host/src/logs/file.rs",
        why: "the writer of the log files, waited for by `Files::close`",
    },
];

#[test]
fn what_goes_on_in_the_gateway_is_held_by_somebody() -> Result<(), String> {
    excepted(BEGUN, begun, "is begun, and no `Tasks` holds it")
}

#[test]
fn a_planted_task_is_seen() {
    let found = |code: &str| begun(code).into_iter().map(|(line, what)| format!("{line} {what}")).collect::<Vec<_>>();
    assert_eq!(found("\ntokio::spawn(async {});"), ["2 tokio::spawn"]);
    assert_eq!(found("use tokio::task;\ntask::spawn(work)"), ["2 task::spawn"]);
    assert_eq!(found("use tokio::{select, spawn};"), ["1 spawn"]);
    assert_eq!(found("use tokio::task::{JoinHandle, spawn_local};"), ["1 spawn_local"]);
    assert_eq!(found("let mut set = JoinSet::new();"), ["1 JoinSet::new"]);
    assert_eq!(found("Handle::current().spawn(work)"), ["1 Handle::current"]);
    assert_eq!(found("std::thread::spawn(f); thread::scope(g)"), ["1 thread::spawn"]);
    assert_eq!(found("self.tasks.spawn(x); command.spawn(); task::spawn_blocking(y)"), Vec::<String>::new());
}

/// The lines, numbered from one, on which a task or a thread is begun, and by what.
fn begun(code: &str) -> Vec<(usize, String)> {
    const WAYS: [&str; 8] = [
        "tokio::spawn",
        "task::spawn",
        "spawn_local",
        "JoinSet::new",
        "JoinSet::default",
        "Handle::current",
        "Handle::try_current",
        "thread::spawn",
    ];
    let ways = WAYS.into_iter().chain(["thread::Builder"]);
    let mut found: Vec<_> =
        ways.flat_map(|way| lines_with(code, way).map(move |line| (line, way.to_owned()))).collect();
    // By a list of what is imported.
    for (index, line) in code.lines().enumerate() {
        let lists = ["tokio::{", "task::{", "thread::{"].into_iter().filter_map(|list| line.split_once(list));
        for (_, names) in lists {
            let names = names.split(['}', ',']).map(str::trim);
            found.extend(names.filter(|name| *name == "spawn").map(|name| (index + 1, name.to_owned())));
        }
    }
    found.sort();
    found
}

#[test]
fn what_waits_in_a_channel_is_bounded() -> Result<(), String> {
    excepted(&[], unbounded, "is a channel without a bound")
}

#[test]
fn a_planted_channel_is_seen() {
    let found =
        |code: &str| unbounded(code).into_iter().map(|(line, what)| format!("{line} {what}")).collect::<Vec<_>>();
    assert_eq!(found("let (a, b) = mpsc::unbounded_channel();"), ["1 unbounded_channel"]);
    assert_eq!(found("\nlet (a, b) = mpsc::channel();"), ["2 channel"]);
    assert_eq!(found("use std::sync::mpsc::channel;\nlet (a, b) = channel::<u8>();"), ["2 channel"]);
    assert_eq!(found("futures::channel::mpsc::unbounded()"), ["1 unbounded"]);
    assert_eq!(
        found("oneshot::channel(); oneshot::channel::<()>(); mpsc::channel(4); watch::channel(1)"),
        Vec::<String>::new()
    );
}

/// The lines, numbered from one, on which a channel is made that takes any number, and by what.
fn unbounded(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for way in ["unbounded_channel", "unbounded"] {
        found.extend(lines_with(code, way).map(|line| (line, way.to_owned())));
    }
    // The standard library's channel takes no bound; others of its name take one, or hold one value.
    for (index, line) in code.lines().enumerate() {
        for (at, way) in line.match_indices("channel") {
            let (before, behind) = (line.get(..at).unwrap_or_default(), line.get(at + way.len()..).unwrap_or_default());
            let made = behind.starts_with("()") || behind.strip_prefix("::<").is_some_and(|of| of.contains(">()"));
            let named = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if made && !named && !before.ends_with("oneshot::") {
                found.push((index + 1, way.to_owned()));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Fails for what is found in the gateway and not excepted, and for exceptions that nothing needs any more.
fn excepted(exceptions: &[Exception], find: fn(&str) -> Vec<(usize, String)>, is: &str) -> Result<(), String> {
    let mut used = vec![false; exceptions.len()];
    let mut broken = Vec::new();
    for source in sources()?.iter().filter(|source| source.path.starts_with("shared/gateway/") && !source.is_test()) {
        let path = &source.path;
        for (line, what) in find(&source.shipped()) {
            let exception =
                exceptions.iter().position(|e| ["*", what.as_str()].contains(&e.what) && is_at(path, e.place));
            match exception.and_then(|index| used.get_mut(index)) {
                Some(used) => *used = true,
                None => broken.push(format!("{path}:{line}: `{what}` {is}: change it, or say here why not")),
            }
        }
    }
    for (exception, _) in exceptions.iter().zip(used).filter(|(_, used)| !used) {
        let Exception { what, place, why } = exception;
        broken.push(format!("{place}: the exception for `{what}` ({why}) is needed no longer: remove it"));
    }
    none(&broken)
}

#[test]
fn what_waits_in_the_gateway_waits_on_its_clock() -> Result<(), String> {
    excepted(WAITING, waits, "waits in the machine's time, not on `Timers`")
}

#[test]
fn waits_are_found_however_they_are_named() {
    let found = |code: &str| waits(code).into_iter().map(|(line, what)| format!("{line} {what}")).collect::<Vec<_>>();
    assert_eq!(found("\ntokio::time::sleep(X).await;"), ["2 sleep"]);
    assert_eq!(found("use tokio::time::{Instant, interval, timeout};"), ["1 interval", "1 timeout"]);
    assert_eq!(found("use tokio::time;\nuse tokio::time::*;\nuse tokio::time as t;"), ["1 *", "2 *", "3 *"]);
    assert_eq!(found("std::thread::sleep(X)"), ["1 sleep"]);
    assert_eq!(found("use tokio::time::Instant; let timeout = sleep;"), Vec::<String>::new());
}

/// The lines, numbered from one, on which something waits in the machine's time, and what; `*` where it is all of the module.
fn waits(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for (at, way) in line.match_indices("tokio::time").chain(line.match_indices("thread::sleep")) {
            let behind = line.get(at + way.len()..).unwrap_or_default();
            if way == "thread::sleep" {
                found.push((index + 1, "sleep".to_owned()));
                continue;
            }
            let Some(names) = behind.strip_prefix("::").filter(|names| !names.starts_with('*')) else {
                found.push((index + 1, "*".to_owned()));
                continue;
            };
            let names = match names.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or_default(),
                None => names.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
            };
            let names = names.split(',').map(|name| name.split_whitespace().next().unwrap_or_default());
            found.extend(names.filter(|name| WAITS.contains(name)).map(|name| (index + 1, name.to_owned())));
        }
    }
    found
}

#[test]
fn the_members_are_those_of_the_table() -> Result<(), String> {
    let expected: Vec<&str> = MEMBERS.iter().map(|(name, _)| *name).collect();
    let found: Vec<&str> = Workspace::get()?.members().collect();
    assert_eq!(found, expected, "the members of the workspace (left) and `MEMBERS` in this file (right) differ");
    Ok(())
}

#[test]
fn layers_link_what_they_may_know() -> Result<(), String> {
    let workspace = Workspace::get()?;
    let mut broken = Vec::new();
    for Link { rule, layers, forbidden } in LINKS {
        for (member, _) in MEMBERS.iter().filter(|(_, layer)| layers.contains(layer)) {
            for (package, way) in workspace.linked(member) {
                if matches(package, forbidden) {
                    broken.push(format!("{rule}: {way}"));
                }
            }
        }
    }
    none(&broken)
}

#[test]
fn rulebooks_know_the_vocabulary_and_not_each_other() -> Result<(), String> {
    let workspace = Workspace::get()?;
    let mut broken = Vec::new();
    for (member, _) in MEMBERS.iter().filter(|(_, layer)| [Vocabulary, Rulebook].contains(layer)) {
        for (package, way) in workspace.linked(member) {
            if workspace.is_member(package) && layer(package) != Some(Vocabulary) {
                broken.push(format!("events go from one rulebook to another through the composition alone: {way}"));
            }
        }
    }
    none(&broken)
}

/// The floor of a package of the gateway.
fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

/// What is wrong with the packages that each package names: one that is not below its own floor.
fn upward<'a>(named: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let named = named.into_iter().filter_map(|(of, package)| Some((of, package, floor(of)?, floor(package)?)));
    let broken = named.filter(|(_, _, own, other)| other >= own);
    broken.map(|(of, package, ..)| format!("{of} names `{package}`, which is not on a floor below it")).collect()
}

#[test]
fn the_gateway_knows_only_floors_below() -> Result<(), String> {
    let workspace = Workspace::get()?;
    let gateway = workspace.root.join("shared/gateway");
    let mut broken = Vec::new();
    for name in workspace.members() {
        let package = workspace.member(name).ok_or("a member without a package")?;
        if package.folder.starts_with(&gateway) && floor(name).is_none() {
            broken.push(format!("{name} is on no floor of `FLOORS`"));
        }
        let shipped = package.named.iter().filter(|(_, kind)| *kind != Kind::Dev);
        broken.extend(upward(shipped.map(|(package, _)| (name, package.as_str()))));
    }
    none(&broken)
}

#[test]
fn an_import_upward_is_seen() {
    assert!(upward([("drydock-services", "drydock-host"), ("drydock-host", "tokio")]).is_empty());
    assert_eq!(upward([("drydock-host", "drydock-gate"), ("drydock-policy", "drydock-rules")]).len(), 2);
}

/// The crates of the composition and the large ones of the machinery, by their folders: in each, modules import each other in one
/// direction only.
const NO_CIRCLES: [&str; 7] = ["broker", "cloud", "host", "gate", "services", "gateway", "drydock"];

#[test]
fn modules_import_in_one_direction() -> Result<(), String> {
    let sources = sources()?;
    let mut broken = Vec::new();
    for folder in NO_CIRCLES {
        let src = format!("shared/gateway/{folder}/src/");
        let shipped = sources.iter().filter(|source| !source.is_test());
        let files: Vec<(String, String)> =
            shipped.filter_map(|source| Some((source.path.strip_prefix(&src)?.to_owned(), source.shipped()))).collect();
        assert!(files.len() > 3, "only {} files were found below {src}", files.len());
        let imports = modules::imports(&files);
        for circle in modules::circles(&imports) {
            broken.push(format!("{src}: a circle of {}", circle.join(", ")));
        }
    }
    none(&broken)
}

#[test]
fn only_the_adapter_names_the_sdk() -> Result<(), String> {
    let workspace = Workspace::get()?;
    let mut broken = Vec::new();
    for name in workspace.members().filter(|name| layer(name) != Some(Adapter)) {
        for (package, kind) in &workspace.member(name).ok_or("a member without a package")?.named {
            // Tests may, and what tests are made of: the SDK is what proves a stand-in.
            if matches(package, SDK) && *kind != Kind::Dev && layer(name) != Some(Chore) {
                broken.push(format!("{name} names `{package}` ({kind:?}): AWS is reached through `fleet-aws`"));
            }
        }
    }
    none(&broken)
}

#[test]
fn nothing_deployed_knows_the_gateway() -> Result<(), String> {
    let workspace = Workspace::get()?;
    let gateway = workspace.root.join("shared/gateway");
    let below = |package: &str| workspace.member(package).is_some_and(|p| p.folder.starts_with(&gateway));
    let mut broken = Vec::new();
    for (member, _) in MEMBERS.iter().filter(|(_, layer)| [Function, Adapter].contains(layer)) {
        // Not even in tests: what a function is tested with must not be what stands in for AWS.
        let named = workspace.member(member).into_iter().flat_map(|p| &p.named).map(|(package, _)| package.as_str());
        broken.extend(named.filter(|p| below(p)).map(|p| format!("{member} names `{p}` of the gateway")));
        let linked = workspace.linked(member);
        broken.extend(linked.iter().filter(|(p, _)| below(p)).map(|(_, way)| format!("linked to the gateway: {way}")));
    }
    none(&broken)
}

#[test]
fn the_graph_is_read_as_it_is() -> Result<(), String> {
    let workspace = Workspace::get()?;
    let reaches = |member: &str, group: &[&str]| workspace.linked(member).keys().any(|package| matches(package, group));
    assert!(reaches("fleet-aws", &["aws-config"]), "`fleet-aws` is made of the SDK");
    assert!(reaches("drydock-store", TOKIO) && reaches("drydock-cloud", HTTP), "machinery runs on tokio");
    assert!(
        reaches("telemetry", &["fleet"]) && reaches("telemetry", SDK),
        "a function reaches AWS through `fleet-aws`"
    );
    assert!(!reaches("fleet", &["proptest"]), "what only tests need is not linked");
    Ok(())
}

#[test]
fn clock_environment_and_chance_are_handed_in() -> Result<(), String> {
    let shipped: Vec<(String, String)> = sources()?
        .iter()
        .filter(|source| !source.is_test() && !source.path.starts_with("xtask/") && !source.path.ends_with("/build.rs"))
        .map(|source| (source.path.clone(), source.shipped()))
        .collect();
    let mut used = vec![false; WORLD.len()];
    let mut broken = Vec::new();
    for (path, code) in &shipped {
        for word in [CLOCK, ENVIRONMENT, RANDOMNESS].into_iter().flatten() {
            for line in lines_with(code, word) {
                let exception = WORLD.iter().position(|e| ["*", word].contains(&e.what) && is_at(path, e.place));
                match exception.and_then(|index| used.get_mut(index)) {
                    Some(used) => *used = true,
                    None => broken.push(format!("{path}:{line}: `{word}` is asked for, not handed in")),
                }
            }
        }
    }
    for (exception, _) in WORLD.iter().zip(used).filter(|(_, used)| !used) {
        let Exception { what, place, why } = exception;
        broken.push(format!("{place}: the exception for `{what}` ({why}) is needed no longer: remove it"));
    }
    none(&broken)
}

fn sources() -> Result<Vec<Source>, String> {
    let found = sources::all(&Workspace::get()?.root).map_err(|e| format!("the sources cannot be read: {e}"))?;
    assert!(found.len() > 100, "only {} Rust files were found", found.len());
    Ok(found)
}

fn is_at(path: &str, place: &str) -> bool {
    path == place || (place.ends_with('/') && path.starts_with(place))
}

/// Whether a package's name is one of `names`, of which `*` at the end stands for any text.
fn matches(package: &str, names: &[&str]) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(start) => package.starts_with(start),
        None => package == *name,
    })
}

fn none(broken: &[String]) -> Result<(), String> {
    if broken.is_empty() { Ok(()) } else { Err(format!("\n  {}", broken.join("\n  "))) }
}
