//! The real `drydock` binary: built once, started on free ports, asked over its API.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use crate::http::{self, Answer};
use crate::mqtt::{Mqtt, Raw};
use crate::tls::{self, Identity};
use crate::{DEADLINE, workspace};
use rustls::{ClientConnection, StreamOwned};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A template with next to nothing in it.
pub const SMALL: &str =
    "Resources:\n  Pump:\n    Type: AWS::IoT::ThingType\n    Properties:\n      ThingTypeName: pump\n";

/// How often something is asked for that nobody tells of.
const POLL: Duration = Duration::from_millis(10);

/// The `drydock` binary, built in the profile and into the folder that the tests themselves were built in.
///
/// # Panics
/// Where it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("drydock"))
}

/// The binary of a function of the backend, built in the same way.
///
/// # Panics
/// Where it does not build.
#[must_use]
pub fn function(name: &str) -> PathBuf {
    built(name)
}

fn built(name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // The whole workspace is selected, so that features resolve as they do for `cargo test --workspace`.
    command.args(["build", "--workspace", "--bin", name, "--message-format=json"]);
    if !cfg!(debug_assertions) {
        command.args(["--profile", "bench"]);
    }
    let output = command.current_dir(workspace::root()).stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|e| panic!("cargo does not start: {e}"));
    let found = String::from_utf8_lossy(&output.stdout).lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message.pointer("/target/name")? == name;
        message.get("executable")?.as_str().filter(|_| is_it).map(PathBuf::from)
    });
    found.unwrap_or_else(|| panic!("`{name}` does not build"))
}

/// Asks until there is an answer.
///
/// # Panics
/// Where there is none within the deadline.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(POLL);
    }
}

/// Asks until it is so; whether it came to that within the deadline.
pub fn comes(mut ask: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if ask() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// A folder for a gateway: its template, its state, its files.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A folder with a template.
    ///
    /// # Panics
    /// Where the disk does not take it.
    #[must_use]
    pub fn new(template: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("no folder for the test: {e}"));
        fs::write(folder.path().join("template.yaml"), template).unwrap_or_else(|e| panic!("no template: {e}"));
        Self { folder }
    }

    /// A folder without a template.
    ///
    /// # Panics
    /// Where the disk does not take it.
    #[must_use]
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap_or_else(|e| panic!("no folder for the test: {e}")) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `wrapper` are the words before the command, of a program that becomes the command.
    fn spawn(&self, wrapper: &[&str], options: &[&str]) -> Child {
        let file = |name| File::create(self.path().join(name)).unwrap_or_else(|e| panic!("no {name}: {e}"));
        let mut command = match wrapper {
            [] => Command::new(binary()),
            [program, rest @ ..] => {
                let mut command = Command::new(program);
                command.args(rest).arg(binary());
                command
            }
        };
        command.args(["up", "--ready-file", "ready.json"]);
        if !options.contains(&"--template") && self.path().join("template.yaml").exists() {
            command.args(["--template", "template.yaml"]);
        }
        alone(&mut command);
        for port in ["--api-port", "--mqtt-port", "--tls-port"] {
            if !options.contains(&port) {
                command.args([port, "0"]);
            }
        }
        // What it keeps in a folder for temporary files goes with the place, also when it is killed.
        command.args(options).current_dir(self.path()).env("NO_COLOR", "1").env("TMPDIR", self.path());
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        command.spawn().unwrap_or_else(|e| panic!("drydock does not start: {e}"))
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.path().join(name)).unwrap_or_default();
        format!("{}\n{}", read("stdout"), read("stderr"))
    }

    /// Waits until it has written a text, which it does beside its answers, not before them: all that it has written.
    ///
    /// # Panics
    /// Where it does not within the deadline.
    pub fn told(&self, text: &str) -> String {
        wait_for(text, || Some(self.log()).filter(|log| log.contains(text)))
    }

    /// `drydock up`, which must fail: what it says on standard error.
    ///
    /// # Panics
    /// Where it does not fail.
    #[must_use]
    pub fn up_fails(&self, options: &[&str]) -> String {
        let mut child = self.spawn(&[], options);
        let status = exit(&mut child);
        assert!(!status.success(), "`drydock up {options:?}` ended well:\n{}", self.log());
        assert!(status.code().is_some(), "`drydock up {options:?}` was killed: {status}");
        fs::read_to_string(self.path().join("stderr")).unwrap_or_default()
    }

    /// Another command of `drydock`, run here, which must succeed: what it prints.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        alone(&mut command);
        let output = command.output().unwrap_or_else(|e| panic!("drydock does not start: {e}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "`drydock {arguments:?}`: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// `drydock up`, ready.
    ///
    /// # Panics
    /// Where it does not get there.
    #[must_use]
    pub fn up(&self, options: &[&str]) -> Gateway<'_> {
        self.up_by(&[], options)
    }

    /// The same, started by a program that becomes `drydock`, such as `sh -c 'exec "$@"' sh`.
    ///
    /// # Panics
    /// Where it does not get there.
    #[must_use]
    pub fn up_by(&self, wrapper: &[&str], options: &[&str]) -> Gateway<'_> {
        let ready = self.path().join("ready.json");
        let _ = fs::remove_file(&ready);
        let mut child = self.spawn(wrapper, options);
        let ready = wait_for("drydock is ready", || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("drydock ended ({status}):\n{}", self.log());
            }
            serde_json::from_slice(&fs::read(&ready).ok()?).ok()
        });
        Gateway { child, ready, place: self }
    }
}

/// `drydock`, without colours.
#[must_use]
pub fn command() -> Command {
    let mut command = Command::new(binary());
    alone(&mut command);
    command.env("NO_COLOR", "1");
    command
}

/// Takes away what would tell a command of the person whose machine this is.
fn alone(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if ["AWS_", "DRYDOCK_", "SAM_"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
            command.env_remove(name);
        }
    }
    command.env("AWS_CONFIG_FILE", "/nonexistent");
}

fn exit(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(POLL),
            other => {
                let _ = child.kill();
                panic!("drydock did not end: {other:?}");
            }
        }
    }
}

/// A `drydock up` that is ready; killed when dropped.
pub struct Gateway<'p> {
    child: Child,
    place: &'p Place,
    /// What the ready file holds.
    pub ready: Value,
}

impl Drop for Gateway<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- drydock said:\n{}", self.place.log());
        }
    }
}

impl Gateway<'_> {
    /// The port of one of its sockets: `mqtt`, `tls` or `plain`.
    ///
    /// # Panics
    /// Where the ready file has none.
    #[must_use]
    pub fn port(&self, name: &str) -> u16 {
        let port = self.ready.pointer(&format!("/{name}/port")).and_then(Value::as_u64);
        port.and_then(|p| p.try_into().ok()).unwrap_or_else(|| panic!("no `{name}` in {}", self.ready))
    }

    /// The port of the API.
    ///
    /// # Panics
    /// Where the ready file has none.
    #[must_use]
    pub fn api_port(&self) -> u16 {
        let url = self.ready.get("apiUrl").and_then(Value::as_str).unwrap_or_default();
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("no port in `{url}`"))
    }

    /// The root certificate that devices trust, as PEM.
    ///
    /// # Panics
    /// Where it cannot be read.
    #[must_use]
    pub fn root(&self) -> String {
        let path = self.ready.get("rootCa").and_then(Value::as_str).unwrap_or_default();
        fs::read_to_string(path).unwrap_or_else(|e| panic!("no root at `{path}`: {e}"))
    }

    /// A TLS connection to the shared port, without a client certificate.
    ///
    /// # Panics
    /// Where TLS cannot begin.
    #[must_use]
    pub fn anonymous(&self) -> StreamOwned<ClientConnection, TcpStream> {
        tls::stream(tls::anonymous(&self.root(), &[]), "127.0.0.1", self.tcp(self.port("tls")))
    }

    /// One request of AWS IoT's control plane, signed in name, and its answer whatever it is.
    #[must_use]
    pub fn iot_answer(&self, method: &str, path: &str) -> Answer {
        self.call("iot", method, path, &[], &Value::Null)
    }

    /// One request to the API, with these headers.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        http::send(self.tcp(self.api_port()), method, path, headers, body)
    }

    /// A connection to one of its ports, which sends at once: else what follows the end of a handshake waits 40 ms for that end to be
    /// acknowledged.
    ///
    /// # Panics
    /// Where nothing listens.
    #[must_use]
    pub fn tcp(&self, port: u16) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|e| panic!("port {port}: {e}"));
        let set = stream
            .set_read_timeout(Some(DEADLINE))
            .and_then(|()| stream.set_write_timeout(Some(DEADLINE)))
            .and_then(|()| stream.set_nodelay(true));
        set.unwrap_or_else(|e| panic!("a socket cannot be set up: {e}"));
        stream
    }

    /// One request, signed in name for a service.
    #[must_use]
    pub fn call(&self, service: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let authorization = authorization("us-east-1", service);
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend(headers);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(method, path, &all, &body)
    }

    /// An operation of AWS IoT's control plane that must succeed.
    pub fn iot(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call("iot", method, path, &[], body).ok()
    }

    /// An operation of DynamoDB that must succeed.
    pub fn dynamodb(&self, operation: &str, body: &Value) -> Value {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        self.call("dynamodb", "POST", "/", &headers, body).ok()
    }

    /// The sum of a metric of AWS IoT over the last forty days, by the gateway's clock; nothing where it has no values.
    ///
    /// # Panics
    /// Where the gateway says what is not a time or a sum.
    pub fn metric(&self, name: &str, dimensions: &[(&str, &str)]) -> Option<f64> {
        const DAY: i64 = 86_400;
        let clock = self.send("GET", "/_drydock/clock", &[], b"").ok();
        let now = clock.get("now").and_then(Value::as_str).and_then(|now| now.parse::<jiff::Timestamp>().ok());
        let now = now.unwrap_or_else(|| panic!("`{clock}` has no time")).as_second();
        let dimensions: Vec<Value> =
            dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        let asked = json!({
            "Namespace": "AWS/IoT", "MetricName": name, "Dimensions": dimensions, "Statistics": ["Sum"], "Period": DAY,
            "StartTime": now - 40 * DAY, "EndTime": now + DAY,
        });
        let target = ("x-amz-target", "GraniteServiceVersion20100801.GetMetricStatistics");
        let headers = [target, ("content-type", "application/x-amz-json-1.0")];
        let answer = self.call("monitoring", "POST", "/", &headers, &asked).ok();
        let points = answer.get("Datapoints").and_then(Value::as_array).filter(|points| !points.is_empty())?;
        Some(
            points
                .iter()
                .map(|point| point.get("Sum").and_then(Value::as_f64).unwrap_or_else(|| panic!("{point}")))
                .sum(),
        )
    }

    /// One request to S3, signed in name.
    #[must_use]
    pub fn s3(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let authorization = authorization("us-east-1", "s3");
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend(headers);
        self.send(method, path, &all, body)
    }

    /// What is behind a link of this gateway.
    ///
    /// # Panics
    /// Where the link leads elsewhere.
    #[must_use]
    pub fn follow(&self, link: &str) -> Answer {
        let rest = link.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
        let (host, path) = rest.unwrap_or_else(|| panic!("`{link}` is not a link"));
        assert_eq!(host, format!("127.0.0.1:{}", self.api_port()), "{link}");
        self.send("GET", &format!("/{path}"), &[("host", host)], b"")
    }

    /// Publishes through the data plane's API.
    pub fn publish(&self, topic: &str, payload: &str, retain: bool) {
        let path = format!("/topics/{topic}?qos=1&retain={retain}");
        self.send("POST", &path, &[("authorization", &authorization("us-east-1", "iotdata"))], payload.as_bytes()).ok();
    }

    /// Makes a certificate that may do what a policy of these statements allows; the policy is called as the device.
    ///
    /// # Panics
    /// Where the gateway refuses.
    #[must_use]
    pub fn device(&self, name: &str, statements: &Value) -> Identity {
        let made = self.iot("POST", "/keys-and-certificate?setAsActive=true", &Value::Null);
        let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        self.iot("POST", &format!("/policies/{name}"), &json!({ "policyDocument": document }));
        let target = json!({ "target": text("/certificateArn") });
        self.iot("PUT", &format!("/target-policies/{name}"), &target);
        Identity {
            name: name.to_owned(),
            id: text("/certificateId"),
            arn: text("/certificateArn"),
            certificate: text("/certificatePem"),
            key: text("/keyPair/PrivateKey"),
        }
    }

    /// A device that may do everything.
    #[must_use]
    pub fn free_device(&self, name: &str) -> Identity {
        self.device(name, &json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }]))
    }

    /// Connects a device over mutual TLS to the MQTT port.
    ///
    /// # Errors
    /// How it was refused.
    pub fn try_connect(&self, device: &Identity) -> Result<Mqtt, String> {
        Mqtt::connect(&device.name, self.port("mqtt"), device.config(&self.root(), &[]))
    }

    /// Connects a device that must be let in.
    ///
    /// # Panics
    /// Where it is refused.
    #[must_use]
    pub fn connect(&self, device: &Identity) -> Mqtt {
        self.try_connect(device).unwrap_or_else(|e| panic!("{} was refused: {e}", device.name))
    }

    /// A device that sees what these filters match.
    #[must_use]
    pub fn observer(&self, filters: &[&str]) -> Mqtt {
        let mut observer = self.connect(&self.free_device("observer"));
        filters.iter().for_each(|filter| observer.subscribe(filter));
        observer
    }

    /// A connection to the plain port, byte by byte.
    #[must_use]
    pub fn raw(&self) -> Raw {
        Raw(self.tcp(self.port("plain")))
    }

    /// Waits for a log entry of a kind that is like this.
    #[must_use]
    pub fn logged(&self, event: &str, like: impl Fn(&Value) -> bool) -> Value {
        self.logged_by(event, |path| self.send("GET", path, &[], b""), like)
    }

    /// The same, asked for by somebody: where the API wants signatures.
    #[must_use]
    pub fn logged_by(&self, event: &str, ask: impl Fn(&str) -> Answer, like: impl Fn(&Value) -> bool) -> Value {
        wait_for(event, || {
            let kept = ask(&format!("/_drydock/logs?eventType={event}")).body;
            kept.lines().filter_map(|line| serde_json::from_str(line).ok()).find(&like)
        })
    }

    /// Asks for its health.
    #[must_use]
    pub fn health(&self) -> Value {
        self.send("GET", "/_drydock/health", &[], b"").ok()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as a terminal does, and waits for its end.
    ///
    /// # Panics
    /// Where it does not end well.
    pub fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        told.unwrap_or_else(|e| panic!("no signal: {e}"));
        let status = exit(&mut self.child);
        assert!(status.success(), "drydock ended badly ({status}):\n{}", self.place.log());
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// Where it had ended already.
    pub fn kill(mut self) {
        assert!(matches!(self.child.try_wait(), Ok(None)), "drydock had ended before it was killed");
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.unwrap_or_else(|e| panic!("drydock cannot be killed: {e}"));
    }
}

/// A signature in name, as loopback takes it.
#[must_use]
pub fn authorization(region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}
