//! The process in an execution environment: its variables, its process group, and its end.

use super::output::Output;
use crate::lambda::clock;
use crate::lambda::runtime_api::{self, Call};
use crate::lambda::setup::Setup;
use rustix::process::{Pid, Signal, kill_process_group};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// A running process. It leads a process group of its own, so that Ctrl-C in a terminal reaches the gateway alone, and what
/// it started ends with it.
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    calls: mpsc::Receiver<Call>,
    /// What it writes.
    pub(super) output: Output,
    /// The Runtime API's listener and connections, which go with it: a process that outlives a gateway that was killed
    /// finds no Runtime API any more, and ends.
    _server: JoinSet<()>,
}

/// What comes of a process.
pub(super) enum Heard {
    /// It asks something over the Runtime API.
    Call(Call),
    /// It has ended, with the words of Lambda for how.
    Exited(String),
}

impl Process {
    /// Starts the process of a function.
    pub(super) async fn spawn(setup: &Setup) -> Result<Self, String> {
        let definition = &setup.definition;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|e| format!("no Runtime API: {e}"))?;
        let address = listener.local_addr().map_err(|e| format!("no Runtime API: {e}"))?;
        let (sender, calls) = mpsc::channel(4);
        let mut server = JoinSet::new();
        let owner = watch::Sender::new(None);
        let asked = owner.subscribe();
        server.spawn(runtime_api::serve(listener, sender, move |stream| is_own(asked.clone(), stream)));
        let stream = stream_name(setup);
        let mut child = Command::new(&definition.binary)
            .args(&definition.launch.arguments)
            .env_clear()
            .envs(variables(setup, &address.to_string(), &stream))
            .current_dir(definition.task_root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("fork/exec {}: {e}", definition.binary.display()))?;
        owner.send_replace(child.id());
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let output = Output::start(setup, stream, child.stdout.take(), child.stderr.take())
            .map_err(|e| format!("no output of the process: {e}"))?;
        Ok(Self { child, group, calls, output, _server: server })
    }

    /// What comes next of the process: what it asks, before what became of it.
    pub(super) async fn heard(&mut self) -> Heard {
        tokio::select! {
            biased;
            Some(call) = self.calls.recv() => Heard::Call(call),
            status = self.child.wait() => Heard::Exited(match status {
                Ok(status) => words(status),
                Err(error) => format!("the process cannot be waited for: {error}"),
            }),
        }
    }

    /// Ends the process and all that it started, and waits until it has ended.
    pub(super) async fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // The group is gone where all in it have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Err(error) = self.child.kill().await {
            tracing::debug!(%error, "a function's process had ended before it was killed");
        }
    }

    /// Megabytes that the process has used at most, where the system has `/proc`.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes.div_ceil(1024))
    }
}

/// The variables of a process: those of "Defined runtime environment variables", the keys of its role, the
/// gateway's API, and the function's own.
fn variables(setup: &Setup, runtime_api: &str, stream: &str) -> Vec<(String, String)> {
    let (config, definition) = (&setup.context.config, &setup.definition);
    let root = definition.task_root().to_string_lossy().into_owned();
    let scope = &config.scope;
    let keys = config.function_keys.give(&definition.name);
    let defaults = [
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_ENDPOINT_URL", config.endpoint.clone()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ];
    let reserved = [
        ("AWS_ACCESS_KEY_ID", keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key),
        ("AWS_SESSION_TOKEN", keys.session_token),
        ("AWS_DEFAULT_REGION", scope.region.to_string()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", definition.memory.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", definition.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", definition.log_group()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream.to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_REGION", scope.region.to_string()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("LAMBDA_TASK_ROOT", root),
        ("_HANDLER", definition.handler.clone()),
    ];
    let own = |(name, value): (&str, String)| (name.to_owned(), value);
    let mut variables: Vec<_> = config.function_env.clone().into_iter().collect();
    variables.extend(defaults.map(own));
    variables.extend(definition.environment.clone());
    variables.extend(reserved.map(own));
    if let Some(clock) = &setup.clock {
        variables.push((clock::VARIABLE.to_owned(), clock.path().to_string_lossy().into_owned()));
    }
    variables.extend(definition.launch.variables.clone());
    variables
}

/// Whether a connection comes from the process, which may have connected before its id is known here.
async fn is_own(mut owner: watch::Receiver<Option<u32>>, (local, remote): (SocketAddr, SocketAddr)) -> bool {
    let Some(process) = owner.wait_for(Option::is_some).await.ok().and_then(|known| *known) else { return false };
    let looked = tokio::task::spawn_blocking(move || super::peer::belongs(process, local, remote));
    looked.await.unwrap_or(false)
}

/// A log stream's name: `2026/11/01/[$LATEST]` and 32 hexadecimal digits.
fn stream_name(setup: &Setup) -> String {
    let today = setup.context.now().utc();
    let id = setup.context.config.ids.uuid();
    format!("{:04}/{:02}/{:02}/[$LATEST]{}", today.year(), u8::from(today.month()), today.day(), id.simple())
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".into(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => {
            let name = match signal {
                4 => "illegal instruction",
                6 => "aborted",
                8 => "floating point exception",
                9 => "killed",
                11 => "segmentation fault",
                15 => "terminated",
                _ => return format!("Runtime exited with error: signal {signal}"),
            };
            format!("Runtime exited with error: signal: {name}")
        }
        (None, None) => "Runtime exited".into(),
    }
}
