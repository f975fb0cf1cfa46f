//! The servers under load: processes of their own, on the first core.

pub(crate) mod acceptor;

use crate::Options;
use crate::devices::Devices;
use crate::link::Way;
use crate::meter::{Meter, Spent};
use drydock_tests::{gateway, http};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to come up, and a turn to be over. Under callgrind everything takes fifty times as long.
const DEADLINE: Duration = Duration::from_secs(300);

/// A policy for the devices, and one rule, which no message of the benchmark matches.
const TEMPLATE: &str = r#"
Resources:
  Policy:
    Type: AWS::IoT::Policy
    Properties:
      PolicyName: bench
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: iot:Connect
            Resource: arn:aws:iot:us-east-1:123456789012:client/${iot:ClientId}
          - Effect: Allow
            Action: [iot:Publish, iot:Receive]
            Resource: arn:aws:iot:us-east-1:123456789012:topic/bench/*
          - Effect: Allow
            Action: iot:Subscribe
            Resource: arn:aws:iot:us-east-1:123456789012:topicfilter/bench/*
  Elsewhere:
    Type: AWS::IoT::TopicRule
    Properties:
      RuleName: elsewhere
      TopicRulePayload:
        AwsIotSqlVersion: "2016-03-23"
        Sql: SELECT temperature FROM 'elsewhere/+/telemetry' WHERE temperature > 50
        Actions:
          - Republish:
              RoleArn: arn:aws:iam::123456789012:role/rules
              Topic: elsewhere/hot
"#;

/// What AWS bounds by the second is let go, and so are the numbers that a load has to pass.
const LIMITS: &str = "[limits]
publishes_per_second = 0
bytes_per_second = 0
outbound_in_flight = 60000
queue_messages = 1000000
queue_bytes = 1000000000
subscriptions_per_connection = 1000000
subscriptions = 10000000
";

/// As much of the same in mosquitto. It runs without an access list, where Drydock asks its policies.
const MOSQUITTO: &str = "allow_anonymous true
max_inflight_messages 0
max_queued_messages 0
max_connections -1
set_tcp_nodelay true
persistence false
sys_interval 0
log_type error
user root
";

static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));

/// How many cores there were when the benchmark began.
pub(crate) fn cores() -> usize {
    *CORES
}

/// A server that is up; killed when dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    child: Child,
    /// The address of Drydock's API.
    api: String,
    plain: Option<SocketAddr>,
    tls: SocketAddr,
    /// The certificate that its own is signed by.
    root: String,
    folder: PathBuf,
    callgrind: bool,
    _temporary: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// `drydock up` with every device registered, its state in memory or on disk.
    pub(crate) fn drydock(options: &Options, devices: &Devices, durable: bool) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        fs::write(folder.join("template.yaml"), TEMPLATE).unwrap();
        fs::write(folder.join("drydock.toml"), LIMITS).unwrap();
        let binary = options.drydock.clone().unwrap_or_else(|| gateway::binary().to_owned());
        let name = if durable { "drydock on disk" } else { "drydock" };
        let mut args = vec!["up", "--no-functions", "--template", "template.yaml"];
        args.extend(if durable { vec!["--data-dir", "state"] } else { vec!["--ephemeral"] });
        args.extend(["--ready-file", "ready.json", "--plain-port", "0"]);
        args.extend(["--api-port", "0", "--mqtt-port", "0", "--tls-port", "0"]);
        let mut child = start(options, name, &folder, &fs::canonicalize(binary).unwrap(), &args);
        let ready: Value =
            wait_for(&mut child, &folder, || serde_json::from_slice(&fs::read(folder.join("ready.json")).ok()?).ok());
        let port = |name: &str| u16::try_from(ready[name]["port"].as_u64().unwrap()).unwrap();
        let api = ready["apiUrl"].as_str().unwrap().trim_start_matches("http://").to_owned();
        let server = Self {
            name,
            child,
            api,
            plain: Some(local(port("plain"))),
            tls: local(port("mqtt")),
            root: fs::read_to_string(ready["rootCa"].as_str().unwrap()).unwrap(),
            folder: dumps(options, name, &folder),
            callgrind: options.callgrind,
            _temporary: temporary,
        };
        for device in &devices.all {
            let registration = json!({ "certificatePem": device.certificate, "status": "ACTIVE" });
            let known = server.iot("POST", "/certificate/register-no-ca", &registration);
            server.iot("PUT", "/target-policies/bench", &json!({ "target": known["certificateArn"] }));
        }
        server
    }

    /// An operation of Drydock's control plane that must succeed.
    pub(crate) fn iot(&self, method: &str, path: &str, body: &Value) -> Value {
        let authorization = gateway::authorization("us-east-1", "iot");
        let headers = [("authorization", authorization.as_str())];
        let stream = TcpStream::connect(&self.api).unwrap();
        http::send(stream, method, path, &headers, body.to_string().as_bytes()).ok()
    }

    /// Lets the devices use the reserved topics of things.
    pub(crate) fn manage(&self) {
        let of = |kind: &str| format!("arn:aws:iot:us-east-1:123456789012:{kind}/$aws/things/*");
        let statement = json!([
            { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": of("topic") },
            { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": of("topicfilter") },
        ]);
        let document = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
        self.iot("POST", "/policies/manage", &json!({ "policyDocument": document }));
        let listed = self.iot("GET", "/certificates?pageSize=250", &Value::Null);
        for certificate in listed["certificates"].as_array().unwrap() {
            self.iot("PUT", "/target-policies/manage", &json!({ "target": certificate["certificateArn"] }));
        }
    }

    /// Changes the clock.
    pub(crate) fn clock(&self, change: &Value) {
        let stream = TcpStream::connect(&self.api).unwrap();
        http::send(stream, "POST", "/_drydock/clock", &[], change.to_string().as_bytes()).ok();
    }

    /// Puts a bucket, or an object.
    pub(crate) fn s3(&self, path: &str, body: &[u8]) {
        let authorization = gateway::authorization("us-east-1", "s3");
        let headers = [("authorization", authorization.as_str())];
        let answer = http::send(TcpStream::connect(&self.api).unwrap(), "PUT", path, &headers, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Debian's mosquitto, with the devices' CA.
    pub(crate) fn mosquitto(options: &Options, devices: &Devices) -> Self {
        let binary = installed();
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let (certificate, key) = devices.server();
        for (name, text) in [("ca.pem", devices.ca.pem()), ("server.pem", certificate), ("server.key", key)] {
            fs::write(folder.join(name), text).unwrap();
        }
        let (plain, tls) = (free(), free());
        let config = format!(
            "{MOSQUITTO}listener {} 127.0.0.1\nlistener {} 127.0.0.1\ncafile {at}/ca.pem\ncertfile {at}/server.pem\n\
             keyfile {at}/server.key\nrequire_certificate true\n",
            plain.port(),
            tls.port(),
            at = folder.display()
        );
        fs::write(folder.join("mosquitto.conf"), config).unwrap();
        let mut child = start(options, "mosquitto", &folder, &binary, &["-c", "mosquitto.conf"]);
        wait_for(&mut child, &folder, || TcpStream::connect(tls).ok());
        Self {
            name: "mosquitto",
            child,
            api: String::new(),
            plain: Some(plain),
            tls,
            root: devices.ca.pem(),
            folder: dumps(options, "mosquitto", &folder),
            callgrind: options.callgrind,
            _temporary: temporary,
        }
    }

    /// The acceptor that does the handshake and nothing else.
    pub(crate) fn acceptor(options: &Options) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let binary = std::env::current_exe().unwrap();
        let mut child = start(options, "acceptor", &folder, &binary, &["--acceptor", "ready.json"]);
        let ready: Value =
            wait_for(&mut child, &folder, || serde_json::from_slice(&fs::read(folder.join("ready.json")).ok()?).ok());
        Self {
            name: "handshake alone",
            child,
            api: String::new(),
            plain: None,
            tls: local(u16::try_from(ready["port"].as_u64().unwrap()).unwrap()),
            root: ready["root"].as_str().unwrap().to_owned(),
            folder: dumps(options, "acceptor", &folder),
            callgrind: options.callgrind,
            _temporary: temporary,
        }
    }

    /// How to reach it.
    pub(crate) fn way(&self, devices: &Devices, tls: bool) -> Way {
        if tls {
            Way { address: self.tls, tls: Some(Arc::new(devices.tls(&self.root))) }
        } else {
            Way { address: self.plain.expect("it has a plain port"), tls: None }
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts to measure it.
    pub(crate) fn meter(&self) -> Meter<'_> {
        Meter::start(self.pid(), self.callgrind.then_some(self.folder.as_path()))
    }
}

/// Something that a server does again and again.
pub(crate) trait Load {
    /// Does it once.
    async fn turn(&mut self);
}

/// Lets servers take turns; what each has spent in all of its turns.
pub(crate) async fn take_turns<L: Load>(turns: usize, loads: &mut [(&Server, L)]) -> Vec<Spent> {
    let mut spent = vec![Spent::default(); loads.len()];
    for _ in 0..turns {
        for ((server, load), spent) in loads.iter_mut().zip(&mut spent) {
            let meter = server.meter();
            let done = tokio::time::timeout(DEADLINE, load.turn()).await;
            assert!(done.is_ok(), "{}: a turn was not over in {DEADLINE:?}", server.name);
            spent.add(meter.stop());
        }
    }
    spent
}

/// What stands beside Drydock's own number.
pub(crate) fn beside(loads: &[Spent], servers: &[Server]) -> Option<(&'static str, Spent)> {
    Some((servers.get(1)?.name, *loads.get(1)?))
}

/// The brokers that a scenario compares: Drydock, and mosquitto unless it is left out.
pub(crate) fn both(options: &Options, devices: &Devices) -> Vec<Server> {
    let mut servers = vec![Server::drydock(options, devices, false)];
    if !options.alone {
        servers.push(Server::mosquitto(options, devices));
    }
    servers
}

/// Debian's mosquitto, which is installed where it is not.
fn installed() -> PathBuf {
    let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
    let find = || places.iter().map(PathBuf::from).find(|path| path.exists());
    find().unwrap_or_else(|| {
        eprintln!("installing mosquitto with apt-get …");
        let apt = |args: &[&str]| {
            let mut command = Command::new("apt-get");
            command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        let install = ["install", "-y", "-qq", "--no-install-recommends", "mosquitto"];
        let done = apt(&install) || (apt(&["update", "-qq"]) && apt(&install));
        let found = find().filter(|_| done);
        found.expect("mosquitto cannot be installed: install the package yourself, or run with `--alone`")
    })
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A port that nobody listens on.
fn free() -> SocketAddr {
    TcpListener::bind(local(0)).and_then(|listener| listener.local_addr()).unwrap()
}

/// Where callgrind writes what a server executed.
fn dumps(options: &Options, name: &str, folder: &Path) -> PathBuf {
    let dumps = options.keep.as_ref().map_or_else(|| folder.to_owned(), |keep| keep.join(name));
    fs::create_dir_all(&dumps).unwrap();
    fs::canonicalize(dumps).unwrap()
}

fn start(options: &Options, name: &str, folder: &Path, binary: &Path, args: &[&str]) -> Child {
    let mut line: Vec<std::ffi::OsString> = Vec::new();
    if cores() > 1 {
        line.extend(["taskset", "-c", "0"].map(Into::into));
    }
    if options.callgrind {
        let file = dumps(options, name, folder).join("callgrind.out.%p");
        line.extend(["valgrind", "--tool=callgrind"].map(Into::into));
        line.push(format!("--callgrind-out-file={}", file.display()).into());
        // Where `callgrind_control` looks, whatever `TMPDIR` is to the server.
        line.push(format!("--vgdb-prefix={}", std::env::temp_dir().join("vgdb-pipe").display()).into());
    }
    line.push(binary.into());
    line.extend(args.iter().map(Into::into));
    let log = |name: &str| File::create(folder.join(name)).unwrap();
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).current_dir(folder).env("NO_COLOR", "1").env("TMPDIR", folder);
    command.stdin(Stdio::null()).stdout(log("stdout")).stderr(log("stderr"));
    command.spawn().unwrap_or_else(|e| panic!("`{}` does not start: {e}", line[0].display()))
}

fn wait_for<T>(child: &mut Child, folder: &Path, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        if child.try_wait().unwrap().is_some() || Instant::now() > deadline {
            panic!("a server did not come up:\n{}", fs::read_to_string(folder.join("stderr")).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
