//! A web server that writes down what it is asked, and answers as it is told: what rules send is seen where it arrives.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use crate::DEADLINE;
use crate::tls::Identity;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Recorded {
    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: `{}`", self.target, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// How to answer a request.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    body: String,
    delay: Duration,
    close: bool,
}

impl Reply {
    /// A status and a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), delay: Duration::ZERO, close: false }
    }

    /// The same after a while.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, and the connection is closed.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

type Answer = dyn Fn(&Recorded) -> Reply + Send + Sync;

/// The server. It goes with the process.
pub struct Recorder {
    port: u16,
    scheme: &'static str,
    arrived: Mutex<Receiver<Recorded>>,
}

impl Recorder {
    /// A server on a free port of the loopback address.
    ///
    /// # Panics
    /// Where there is none.
    pub fn start(answer: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(None, Arc::new(answer))
    }

    /// The same over TLS, with a server's certificate.
    ///
    /// # Panics
    /// Where there is no free port; where TLS does not take the certificate.
    pub fn secure(server: &Identity, answer: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(Some(server.server()), Arc::new(answer))
    }

    fn of(tls: Option<Arc<ServerConfig>>, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("no port: {e}"));
        let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (tell, arrived) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tell, answer, tls) = (tell.clone(), Arc::clone(&answer), tls.clone());
                std::thread::spawn(move || match tls.map(ServerConnection::new) {
                    None => serve(stream, &tell, answer.as_ref()),
                    Some(Ok(session)) => serve(StreamOwned::new(session, stream), &tell, answer.as_ref()),
                    Some(Err(error)) => panic!("no TLS: {error}"),
                });
            }
        });
        Self { port, scheme, arrived: Mutex::new(arrived) }
    }

    /// A server that answers 200 with an empty object.
    #[must_use]
    pub fn agreeing() -> Self {
        Self::start(|_| Reply::new(200, "{}"))
    }

    /// Its URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// The next request.
    ///
    /// # Panics
    /// Where there is none in time.
    #[must_use]
    pub fn next(&self) -> Recorded {
        self.receive(DEADLINE).unwrap_or_else(|| panic!("no request within {DEADLINE:?}"))
    }

    /// The next request that is like this; those before are dropped.
    ///
    /// # Panics
    /// Where there is none in time.
    pub fn find(&self, what: &str, like: impl Fn(&Recorded) -> bool) -> Recorded {
        let deadline = Instant::now() + DEADLINE;
        while let Some(request) = self.receive(deadline.saturating_duration_since(Instant::now())) {
            if like(&request) {
                return request;
            }
        }
        panic!("{what}: no such request within {DEADLINE:?}")
    }

    /// What has arrived and was not taken.
    #[must_use]
    pub fn rest(&self) -> Vec<Recorded> {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.try_iter().collect()
    }

    fn receive(&self, within: Duration) -> Option<Recorded> {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.recv_timeout(within).ok()
    }
}

fn serve(stream: impl Read + Write, tell: &Sender<Recorded>, answer: &Answer) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let reply = answer(&request);
        if tell.send(request).is_err() {
            return;
        }
        // What a slow server does; nobody waits for this thread.
        std::thread::sleep(reply.delay);
        let close = if reply.close { "connection: close\r\n" } else { "" };
        let (status, length) = (reply.status, reply.body.len());
        let head = format!("HTTP/1.1 {status} as told\r\ncontent-length: {length}\r\n{close}\r\n");
        let written = reader.get_mut().write_all(&[head.as_bytes(), reply.body.as_bytes()].concat());
        if written.is_err() || reply.close {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Recorded> {
    fn line(reader: &mut impl BufRead) -> Option<String> {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let header = line(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Recorded { method, target, headers, body })
}
