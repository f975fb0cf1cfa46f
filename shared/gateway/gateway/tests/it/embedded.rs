//! The gateway in somebody else's process: it begins to serve when all is there, and when it stops nothing of it is left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_gateway::Dock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
/// MQTT 3.1.1: CONNECT of the client `k`, clean session, keep-alive of 30 s.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01k";

/// One request on a connection that is kept open; gives status and body.
async fn ask(stream: &mut TcpStream, line: &str, headers: &str, body: &str) -> (u16, String) {
    let request =
        format!("{line} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    timeout(PATIENCE, stream.read_exact(&mut body)).await.unwrap().unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}

async fn keep_alive(api: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(api).await.unwrap();
    assert_eq!(ask(&mut stream, "GET /_drydock/health", "", "").await.0, 200);
    stream
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, packet: &[u8]) -> S {
    stream.write_all(packet).await.unwrap();
    let mut connack = [0; 4];
    timeout(PATIENCE, stream.read_exact(&mut connack)).await.unwrap().unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
    stream
}

async fn ended<S: AsyncRead + Unpin>(mut stream: S) {
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection is closed");
}

fn things(folder: &Path) -> drydock_gateway::dock::Builder {
    Dock::empty().data_dir(folder).plain_port(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_folder_opens_again_though_everybody_holds_on() {
    let folder = tempfile::tempdir().unwrap();
    let dock = things(folder.path()).start().await.unwrap();
    let (held, api) = (dock.gateway().clone(), dock.gateway().addresses().api);
    let mut http = keep_alive(api).await;
    assert_eq!(ask(&mut http, "POST /things/kept", "", "{}").await.0, 200);
    let mut follower = TcpStream::connect(api).await.unwrap();
    follower.write_all(b"GET /_drydock/refusals HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
    follower.read_u8().await.unwrap();
    let silent = TcpStream::connect(dock.tls_address()).await.unwrap();
    let unheard = TcpStream::connect(held.addresses().plain.unwrap()).await.unwrap();
    let mqtt = connect(TcpStream::connect(held.addresses().plain.unwrap()).await.unwrap(), CONNECT).await;

    let begin = std::time::Instant::now();
    timeout(PATIENCE, dock.stop()).await.expect("the stop comes to its end");
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "nobody is waited for who has nothing to say: {:?}",
        begin.elapsed()
    );
    for stream in [http, follower, silent, unheard, mqtt] {
        ended(stream).await;
    }
    assert!(TcpStream::connect(api).await.is_err(), "nobody listens any more");

    let dock =
        things(folder.path()).start().await.expect("the folder is free, though a clone of the old parts is held");
    let mut http = keep_alive(dock.gateway().addresses().api).await;
    let (status, thing) = ask(&mut http, "GET /things/kept", "", "").await;
    assert_eq!(status, 200, "{thing}");
    assert!(held.export().is_err(), "what was closed is not read any more");
    dock.stop().await;
}

/// What a process has.
#[derive(Debug, PartialEq, Eq)]
struct Had {
    files: usize,
    threads: BTreeSet<String>,
    /// Those of the runtime of the test, which is itself none.
    tasks: usize,
}

impl Had {
    fn now() -> Self {
        let names = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
            let name = std::fs::read_to_string(task.unwrap().path().join("comm")).ok()?;
            // Those of the runtime, for what blocks, come and go by themselves.
            (!name.starts_with("tokio-")).then(|| name.trim().to_owned())
        });
        Self {
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            threads: names.collect(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }

    /// What there is when all tasks have ended, which a stop waits for, but for the runtime's last look at them.
    async fn at_rest() -> Self {
        let at_rest = async {
            while Self::now().tasks > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, at_rest).await.expect("all tasks end");
        Self::now()
    }

    /// Waits until the process has no more than this: the runtime and the peers' sides of sockets take a moment.
    async fn again(&self, when: &str) {
        let fewer = async {
            while Self::now() != *self {
                tokio::task::yield_now().await;
            }
        };
        if timeout(PATIENCE, fewer).await.is_err() {
            let links = std::fs::read_dir("/proc/self/fd").unwrap();
            let links: Vec<_> = links.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok()).collect();
            panic!("{when}: {:?} now, {self:?} before; files: {links:?}", Self::now());
        }
    }
}

/// Runs a test of this file in a process of its own, where nobody else opens anything.
fn alone(test: &str) {
    let path = module_path!().split_once("::").map(|(_, path)| format!("{path}::")).unwrap_or_default();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let ran = command.args(["--exact", &format!("{path}{test}"), "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_hundred_times_leave_nothing() {
    alone("in_one_process_a_hundred_times");
}

#[test]
fn one_that_is_dropped_ends_too() {
    alone("in_one_process_dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "counts what the process has: run by `a_hundred_times_leave_nothing` in a process of its own"]
async fn in_one_process_a_hundred_times() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = None;
    for round in 0..101 {
        let dock = things(folder.path()).start().await.unwrap();
        let addresses = dock.gateway().addresses();
        let http = keep_alive(addresses.api).await;
        let mqtt = connect(TcpStream::connect(addresses.plain.unwrap()).await.unwrap(), CONNECT).await;
        let parts = dock.gateway();
        let (services, books) = (Arc::downgrade(&parts.services), Arc::downgrade(&parts.host.books));
        let (stopped, (), ()) = tokio::join!(timeout(PATIENCE, dock.stop()), ended(http), ended(mqtt));
        stopped.expect("the stop comes to its end");
        // What is made once in a process is there after the first time.
        if before.is_none() {
            before = Some(Had::at_rest().await);
        }
        before.as_ref().unwrap().again(&format!("after {round} times")).await;
        assert!(services.upgrade().is_none() && books.upgrade().is_none(), "somebody holds on to the state");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "counts what the process has: run by `one_that_is_dropped_ends_too` in a process of its own"]
async fn in_one_process_dropped() {
    let folder = tempfile::tempdir().unwrap();
    things(folder.path()).start().await.unwrap().stop().await;
    let before = Had::at_rest().await;
    let dock = things(folder.path()).start().await.unwrap();
    let http = keep_alive(dock.gateway().addresses().api).await;
    drop(dock);
    ended(http).await;
    before.again("after it was dropped").await;
    things(folder.path()).start().await.expect("the folder is free").stop().await;
}

/// A port that nobody listens at. It is none of those that the system gives to who asks for any: another test could get it before
/// it is bound, and whoever connects to it until then could meet itself there.
fn unused() -> SocketAddr {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let ports = (first..30_000).chain(20_000..first).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    ports.into_iter().find(|address| std::net::TcpListener::bind(address).is_ok()).expect("one of ten thousand is free")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_answered_before_the_template_is_deployed() {
    const TYPES: usize = 150;
    let folder = tempfile::tempdir().unwrap();
    let mut template = String::from("Resources:\n");
    for n in 0..TYPES {
        writeln!(template, "  T{n}:\n    Type: AWS::IoT::ThingType\n    Properties: {{ ThingTypeName: type-{n} }}")
            .unwrap();
    }
    std::fs::write(folder.path().join("template.yaml"), template).unwrap();
    let free = unused();
    let first = tokio::spawn(async move {
        let mut stream = loop {
            match TcpStream::connect(free).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        ask(&mut stream, "GET /thing-types?maxResults=250", "", "").await
    });
    let dock = Dock::template(folder.path().join("template.yaml"));
    let dock = dock.data_dir(folder.path().join("state")).api_port(free.port()).start().await.unwrap();
    let (status, body) = first.await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(body.matches("\"thingTypeName\"").count(), TYPES, "{body}");
    dock.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_made_connects() {
    let dock = Dock::empty().account("210987654321").region("eu-central-1").start().await.unwrap();
    let device = dock.device("charger-1").await.unwrap();
    assert!(device.certificate_arn.starts_with("arn:aws:iot:eu-central-1:210987654321:cert/"));
    let again = dock.device("charger-2").await.unwrap();
    assert_ne!(device.certificate_id, again.certificate_id);
    let refused = dock.device("no name").await.err().unwrap();
    assert_eq!((refused.operation, refused.status), ("DescribeThing", 400), "{refused}");

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dock.root_ca()).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(device.certificate_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(device.private_key_pem.as_bytes()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_client_auth_cert(chain, key);
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config.unwrap()));
    let stream = TcpStream::connect(dock.mqtt_address()).await.unwrap();
    let stream = connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await.unwrap();
    let packet = b"\x10\x15\x00\x04MQTT\x04\x02\x00\x1e\x00\x09charger-1";
    let stream = connect(stream, packet).await;
    timeout(PATIENCE, dock.stop()).await.unwrap();
    ended(stream).await;
}
