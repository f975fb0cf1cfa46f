//! Conversations as data: each file of `cases/` is a test, raw bytes in and out over a real socket. `cases/v3` and
//! `cases/v5` are named after the statements of the MQTT 3.1.1 and MQTT 5.0 texts, which `cases/statements.txt` lists;
//! `cases/aws` holds what AWS IoT Core adds or does otherwise.
//!
//! A file starts with `#` lines: the statement of the MQTT texts, or the AWS fact, that it shows. Then one step a line:
//!
//! - `limit NAME VALUE`: a limit, before anything else.
//! - `a > PACKET`, `a5 > PACKET`: client `a` sends; a name with a 5 speaks MQTT 5. `a < PACKET`: it gets exactly that;
//!   `a < connack …`, see `check_connack`; `a < closed`; `a < quiet`: nothing more (a PINGRESP is what comes next).
//! - `a drop`: its socket is closed.
//! - `deny ACTION WHAT`, `allow ACTION WHAT`: policy. `consume TOPIC`: a service takes the messages of a topic.
//! - `event LINE`: the broker tells of it, in this order among the `event` lines; a word `*` is any word.
//!   `never LINE`: it has not told of that until now.
//! - `advance SECONDS`: the clock moves. `restart`: kill and start again. `full`, `space`: the journal's disk is full, and is
//!   not any more.
//! - `thing NAME`: connections are attributed to a thing from now on. `lifetime SECONDS websocket|authorizer`: they are
//!   bounded.
//! - `end CLIENT auth|forbidden|error`: the gateway ends a connection. `shutdown`: it stops.
//! - `publish PACKET-WORDS`, `direct CLIENT PACKET-WORDS`, `cut CLIENT [clean] [nowill]`: what the API does.
//! - `repeat N STEP`: a step some times; `{}` in it counts from 1.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod packets;
mod statements;
mod world;

use drydock_broker::{DisconnectOptions, Lifetime, Limits, Message, Origin, Qos};
use drydock_core::ThingName;
use drydock_core::event::DisconnectReason;
use libtest_mimic::{Arguments, Failed, Trial};
use packets::{Words, bytes, encode, number};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use world::World;

const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut trials = Vec::new();
    let mut files = BTreeMap::new();
    for part in ["v3", "v5", "aws"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{part}/{}", path.file_stem().unwrap().to_string_lossy());
            let text = std::fs::read_to_string(&path).unwrap();
            files.insert(name.clone(), text.clone());
            trials.push(Trial::test(name, move || run(&text)));
        }
    }
    let table = std::fs::read_to_string(folder.join("statements.txt")).unwrap();
    trials.push(Trial::test("statements", move || statements::check(&table, &files).map_err(Failed::from)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn run(text: &str) -> Result<(), Failed> {
    let source = text.lines().take_while(|l| l.starts_with('#')).collect::<Vec<_>>().join("\n");
    if !["MQTT-", "AWS:", "Sheet", "Quota"].iter().any(|mark| source.contains(mark)) {
        return Err("the case does not name its source in its first lines".into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let mut limits = serde_json::Map::new();
        let lines = || text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'));
        for (_, line) in lines().filter(|(_, l)| l.starts_with("limit ")) {
            let words: Vec<_> = line.split_whitespace().collect();
            limits.insert(words[1].into(), number(words[2]).into());
        }
        let limits: Limits = serde_json::from_value(limits.into()).map_err(|e| e.to_string())?;
        let mut stage = Stage { world: World::new(limits).await, sockets: HashMap::new(), told: 0 };
        for (number, line) in lines().filter(|(_, l)| !l.starts_with("limit ")) {
            stage = stage.step(line.trim()).await.map_err(|e| format!("line {}: `{line}`: {e}", number + 1))?;
        }
        Ok(())
    });
    runtime.shutdown_background();
    result.map_err(|error: String| format!("{error}\n{source}").into())
}

struct Stage {
    world: World,
    sockets: HashMap<String, TcpStream>,
    told: usize,
}

impl Stage {
    async fn step(mut self, line: &str) -> Result<Self, String> {
        if let Some(rest) = line.strip_prefix("repeat ") {
            let (count, step) = rest.split_once(' ').unwrap();
            for i in 1..=number(count) {
                self = Box::pin(self.step(&step.replace("{}", &i.to_string()))).await?;
            }
            return Ok(self);
        }
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (second, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        match (first, second) {
            ("deny", what) => self.world.gate.deny(what, tail),
            ("allow", what) => self.world.gate.allow(what, tail),
            ("consume", topic) => self.world.tap.consume(topic),
            ("event", _) => self.event(rest).await?,
            ("never", _) => self.never(rest)?,
            ("advance", _) => {
                self.world.clock.0.fetch_add((rest.parse::<f64>().unwrap() * 1000.0) as i64, Ordering::SeqCst);
                self.world.broker.clock_moved();
            }
            ("restart", _) => {
                self.sockets.clear();
                self.world = self.world.restart().await;
            }
            ("full", _) => self.world.journal.full.store(true, Ordering::SeqCst),
            ("space", _) => self.world.journal.full.store(false, Ordering::SeqCst),
            ("thing", _) => *self.world.gate.thing.lock().unwrap() = Some(ThingName::new(rest).unwrap()),
            ("lifetime", seconds) => {
                let reason = match tail {
                    "websocket" => DisconnectReason::WebsocketTtlExpiration,
                    _ => DisconnectReason::CustomauthTtlExpiration,
                };
                let lifetime = Lifetime { after: Duration::from_secs(number(seconds)), reason };
                *self.world.gate.lifetime.lock().unwrap() = Some(lifetime);
            }
            ("end", client) => {
                let reason = match tail {
                    "auth" => DisconnectReason::AuthError,
                    "forbidden" => DisconnectReason::ForbiddenAccess,
                    _ => DisconnectReason::ServerError,
                };
                let ended = self.world.broker.disconnect_where(|c| c.client_id == client, reason);
                if ended != 1 {
                    return Err(format!("{ended} connections ended"));
                }
            }
            ("shutdown", _) => self.world.broker.shutdown(Duration::ZERO).await,
            ("publish", _) => {
                let sent = self.world.broker.publish(message(line), Origin::Service).map_err(|e| e.to_string())?;
                sent.durable().await.map_err(|e| e.to_string())?;
            }
            ("direct", client) => {
                let sent = self.world.broker.send_direct(client, message(&format!("publish {tail}")), true);
                sent.map_err(|e| e.to_string())?;
            }
            ("cut", client) => {
                let words = Words::new(tail);
                let has = |flag| words.kind == flag || words.has(flag);
                let options = DisconnectOptions { clean_session: has("clean"), prevent_will: has("nowill") };
                self.world.broker.disconnect(client, options).map_err(|e| e.to_string())?;
            }
            (name, "drop") => drop(self.sockets.remove(name)),
            (name, ">") => self.send(name, tail).await?,
            (name, "<") => self.expect(name, tail).await?,
            _ => return Err("no such step".into()),
        }
        Ok(self)
    }

    async fn send(&mut self, name: &str, packet: &str) -> Result<(), String> {
        let data = encode(packet, name.ends_with('5'));
        let socket = match self.sockets.get_mut(name) {
            Some(socket) if !packet.starts_with("connect ") || packet.ends_with(" again") => socket,
            _ => {
                let stream = TcpStream::connect(self.world.address).await.map_err(|e| e.to_string())?;
                stream.set_nodelay(true).unwrap();
                self.sockets.insert(name.into(), stream);
                self.sockets.get_mut(name).unwrap()
            }
        };
        // A broker that refuses a packet by its length closes the socket while the client still writes.
        let _ = tokio::time::timeout(PATIENCE, socket.write_all(&data)).await;
        Ok(())
    }

    async fn expect(&mut self, name: &str, packet: &str) -> Result<(), String> {
        let five = name.ends_with('5');
        if packet == "quiet" {
            self.send(name, "pingreq").await?;
            return Box::pin(self.expect(name, "pingresp")).await;
        }
        let socket = self.sockets.get_mut(name).ok_or("that client has no socket")?;
        let got = tokio::time::timeout(PATIENCE, receive(socket)).await.map_err(|_| "nothing came in time")?;
        let words = Words::new(packet);
        match (&got, words.kind) {
            (None, "closed") => Ok(()),
            (Some(got), "connack") => check_connack(got, &words, five),
            (Some(got), _) if packet != "closed" && *got == encode(packet, five) => Ok(()),
            (got, _) => {
                let got = got.as_ref().map_or("the end of the stream".into(), hex::encode);
                let wanted = if packet == "closed" { String::new() } else { hex::encode(encode(packet, five)) };
                Err(format!("got {got}, wanted {wanted}"))
            }
        }
    }

    async fn event(&mut self, wanted: &str) -> Result<(), String> {
        let wait = async {
            loop {
                let told = self.world.tap.told.notified();
                let found = {
                    let lines = self.world.tap.lines.lock().unwrap();
                    lines.iter().skip(self.told).position(|l| fits(l, wanted))
                };
                if let Some(at) = found {
                    self.told += at + 1;
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(50), told).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, wait).await;
        found.map_err(|_| format!("told of {:#?}", self.world.tap.lines.lock().unwrap()))
    }

    fn never(&self, unwanted: &str) -> Result<(), String> {
        match self.world.tap.lines.lock().unwrap().iter().find(|l| fits(l, unwanted)) {
            Some(line) => Err(format!("told of `{line}`")),
            None => Ok(()),
        }
    }
}

/// Word by word; `*` is any word, and words at the end may be left out.
fn fits(line: &str, pattern: &str) -> bool {
    let mut words = line.split(' ');
    pattern.split_whitespace().all(|p| words.next().is_some_and(|w| p == "*" || p == w))
}

fn message(line: &str) -> Message {
    let words = Words::new(line);
    let qos = Qos::from_number(words.number("qos", 0) as u8).unwrap();
    Message::new(words.get("topic").unwrap(), bytes(words.get("payload").unwrap_or("-")))
        .with_qos(qos)
        .with_retain(words.has("retain"))
}

/// One packet, or `None` at the end of the stream.
async fn receive(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut packet = vec![socket.read_u8().await.ok()?];
    let mut length = 0_usize;
    for shift in [0, 7, 14, 21] {
        let byte = socket.read_u8().await.ok()?;
        packet.push(byte);
        length |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let start = packet.len();
    packet.resize(start + length, 0);
    socket.read_exact(&mut packet[start..]).await.ok()?;
    Some(packet)
}

/// `connack [present] [code=N] [has=HEX]… [lacks=HEX]`: the properties of MQTT 5 hold the bytes, or do not.
fn check_connack(got: &[u8], words: &Words<'_>, five: bool) -> Result<(), String> {
    let wanted = [u8::from(words.has("present")), words.number("code", 0) as u8];
    let properties = hex::encode(got.get(4..).unwrap_or_default());
    let holds = words.get("has").is_none_or(|list| list.split(',').all(|part| properties.contains(part)));
    let lacks = words.get("lacks").is_none_or(|list| list.split(',').all(|part| !properties.contains(part)));
    let fine = got[0] == 0x20 && got.get(2..4) == Some(&wanted) && (five || got.len() == 4) && holds && lacks;
    if fine { Ok(()) } else { Err(format!("got {}", hex::encode(got))) }
}
