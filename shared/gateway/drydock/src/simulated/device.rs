//! One device: it connects, asks for its jobs and does them one after the other, carries out commands, reports what its shadow
//! desires, and comes back when its connection ends.
//!
//! Follows "Jobs device MQTT API operations", "Commands topics" and "Device Shadow MQTT topics" of the AWS IoT Core developer guide.

use super::behavior::{self, Behavior, Outcome};
use super::download::{Download, Step};
use super::fleet::Fleet;
use crate::mqtt::{Arrived, ClientError, Connection, KEEP_ALIVE};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// How long a device waits before it tries to connect again: at first, and at most.
const AWAY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How long a device waits after a refusal.
const REFUSED: Duration = Duration::from_secs(1);
/// How long a device waits for the blocks of a stream before it asks for them again.
const BLOCKS: Duration = Duration::from_secs(5);
/// How often it shows that it is alive: twice in a keep-alive.
const PING: Duration = Duration::from_secs(KEEP_ALIVE as u64 / 2);

/// What a device tells of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Connected { resumed: bool },
    Lost { why: String },
    DroppedOff,
    Job { job: String, status: String },
    Command { execution: String, status: &'static str },
    Refused { asked: String, why: String },
    Shadow { topic: String, reported: Value },
    Fetched { stream: String },
}

impl Told {
    /// The status that an execution of a job or a command has ended with, where this tells so.
    pub(crate) fn end(&self) -> Option<&str> {
        let status = match self {
            Self::Job { status, .. } => status.as_str(),
            Self::Command { status, .. } => status,
            _ => return None,
        };
        behavior::is_end(status).then_some(status)
    }
}

/// Who is told, with the device's name.
pub(crate) type Telling = mpsc::Sender<(String, Told)>;

/// A device.
pub(crate) struct Simulated {
    name: String,
    number: u64,
    behavior: Behavior,
    telling: Telling,
    /// How many executions it has begun.
    begun: u64,
    /// The execution that it began last: the job and the number.
    last: (String, i64),
    /// Whether its connection has broken off in that one.
    dropped_off: bool,
    work: Option<Work>,
    /// Command executions that it has begun: when each is to end, the next one first, and how.
    commands: VecDeque<(Instant, String, &'static str)>,
}

/// A job execution that the device has begun.
struct Work {
    job: String,
    outcome: Outcome,
    /// What it fetches before it goes on.
    download: Option<Download>,
    /// When something is to be done about it.
    due: Option<Instant>,
}

/// Why a connection is over.
enum Over {
    Stopped,
    DroppedOff,
    Ended(ClientError),
}

impl From<ClientError> for Over {
    fn from(error: ClientError) -> Self {
        Self::Ended(error)
    }
}

impl Simulated {
    pub(crate) fn new(name: String, number: u64, behavior: Behavior, telling: Telling) -> Self {
        Self {
            name,
            number,
            behavior,
            telling,
            begun: 0,
            last: Default::default(),
            dropped_off: false,
            work: None,
            commands: VecDeque::new(),
        }
    }

    /// Is the device until it is to stop.
    pub(crate) async fn run(mut self, fleet: Arc<Fleet>, stopped: watch::Receiver<bool>) {
        let (mut away, mut resumed) = (AWAY.0, false);
        loop {
            let met = tokio::select! {
                met = self.meet(&fleet, resumed) => met,
                () = told(&stopped) => return,
            };
            let over = match met {
                Ok(mut connection) => {
                    (away, resumed) = (AWAY.0, true);
                    let over = self.follow(&mut connection, &stopped).await;
                    if matches!(over, Over::Stopped) {
                        // Whoever does not hear it sees the connection end.
                        let _ = connection.disconnect().await;
                        return;
                    }
                    over
                }
                Err(error) => Over::Ended(error),
            };
            let pause = match over {
                Over::DroppedOff => {
                    self.tell(Told::DroppedOff).await;
                    self.behavior.takes
                }
                Over::Ended(error) => {
                    self.tell(Told::Lost { why: error.to_string() }).await;
                    let longer = (away * 2).min(AWAY.1);
                    std::mem::replace(&mut away, longer)
                }
                Over::Stopped => return,
            };
            tokio::select! {
                () = sleep_until(Instant::now() + pause) => {}
                () = told(&stopped) => return,
            }
        }
    }

    /// Connects, listens, and asks for what there is to do.
    async fn meet(&mut self, fleet: &Fleet, resumed: bool) -> Result<Connection, ClientError> {
        let mut connection = fleet.connect(&self.name).await?;
        let own = format!("$aws/things/{}", self.name);
        let filters = [
            "jobs/notify-next",
            "jobs/start-next/+",
            "jobs/+/update/+",
            "shadow/update/delta",
            "shadow/get/accepted",
            "shadow/name/+/update/delta",
            "streams/+/data/json",
            "streams/+/rejected/json",
        ];
        let filters = filters.map(|filter| format!("{own}/{filter}"));
        connection.subscribe(&filters.each_ref().map(String::as_str)).await?;
        let commands = format!("{}/+/request/#", self.commands_topic());
        connection.subscribe(&[&commands]).await?;
        self.tell(Told::Connected { resumed }).await;
        connection.publish(&format!("{own}/shadow/get"), String::new()).await?;
        self.ask(&mut connection).await?;
        Ok(connection)
    }

    /// Follows what comes until the connection is over.
    async fn follow(&mut self, connection: &mut Connection, stopped: &watch::Receiver<bool>) -> Over {
        let mut alive = Instant::now() + PING;
        loop {
            let command = self.commands.front().map(|(due, ..)| *due);
            let due = self.work.as_ref().and_then(|work| work.due).into_iter().chain(command).min();
            let step = tokio::select! {
                arrived = connection.next() => match arrived {
                    Ok(arrived) => self.take(connection, &arrived).await,
                    Err(error) => Err(error.into()),
                },
                () = sleep_until(due.unwrap_or(alive)), if due.is_some() => self.act(connection).await,
                () = sleep_until(alive) => {
                    alive = Instant::now() + PING;
                    connection.ping().await.map_err(Over::from)
                }
                () = told(stopped) => Err(Over::Stopped),
            };
            if let Err(over) = step {
                return over;
            }
        }
    }

    /// Asks for the next job.
    async fn ask(&mut self, connection: &mut Connection) -> Result<(), ClientError> {
        self.work = None;
        connection.publish(&format!("$aws/things/{}/jobs/start-next", self.name), "{}".to_owned()).await
    }

    /// Does what is due: ends an execution, or breaks off.
    async fn act(&mut self, connection: &mut Connection) -> Result<(), Over> {
        let now = Instant::now();
        if let Some((_, execution, status)) = self.commands.pop_front_if(|(due, ..)| *due <= now) {
            self.answer(connection, &execution, status).await?;
            return Ok(());
        }
        let Some(work) = self.work.as_mut().filter(|work| work.due.is_some_and(|due| due <= now)) else {
            return Ok(());
        };
        if work.download.is_some() {
            return Ok(self.fetch(connection).await?);
        }
        let status = match work.outcome {
            Outcome::Ends(status) => status,
            Outcome::DropsOff => {
                self.dropped_off = true;
                return Err(Over::DroppedOff);
            }
            Outcome::Stalls => return Ok(()),
        };
        // The next time, where no answer comes: what there is to do is asked for again.
        work.due = None;
        let topic = format!("$aws/things/{}/jobs/{}/update", self.name, work.job);
        let body = json!({ "status": status, "statusDetails": { "by": "drydock device run" } });
        connection.publish(&topic, body.to_string()).await?;
        Ok(())
    }

    /// The topic of its command executions.
    fn commands_topic(&self) -> String {
        format!("$aws/commands/things/{}/executions", self.name)
    }

    /// Begins the execution of a command.
    async fn carry_out(&mut self, connection: &mut Connection, execution: &str) -> Result<(), ClientError> {
        self.begun += 1;
        let ends = match self.behavior.outcome(self.number, self.begun, &Value::Null) {
            Outcome::Ends("REJECTED") => return self.answer(connection, execution, "REJECTED").await,
            Outcome::Ends(status) => Some(status),
            Outcome::DropsOff => Some("SUCCEEDED"),
            Outcome::Stalls => None,
        };
        self.answer(connection, execution, "IN_PROGRESS").await?;
        let due = Instant::now() + self.behavior.takes;
        self.commands.extend(ends.map(|status| (due, execution.to_owned(), status)));
        Ok(())
    }

    /// Says how far a command execution is.
    async fn answer(
        &self,
        connection: &mut Connection,
        execution: &str,
        status: &'static str,
    ) -> Result<(), ClientError> {
        let topic = format!("{}/{execution}/response/json", self.commands_topic());
        connection.publish(&topic, json!({ "status": status }).to_string()).await?;
        self.tell(Told::Command { execution: execution.to_owned(), status }).await;
        Ok(())
    }

    /// Takes a message in.
    async fn take(&mut self, connection: &mut Connection, arrived: &Arrived) -> Result<(), Over> {
        let command = arrived.topic.strip_prefix(&self.commands_topic()).and_then(|rest| rest.strip_prefix('/'));
        if let Some((execution, _)) = command.and_then(|rest| rest.split_once("/request")) {
            self.carry_out(connection, execution).await?;
            return Ok(());
        }
        let own = format!("$aws/things/{}/", self.name);
        let Some(topic) = arrived.topic.strip_prefix(&own) else { return Ok(()) };
        let body: Value = serde_json::from_slice(&arrived.payload).unwrap_or_default();
        let levels: Vec<&str> = topic.split('/').collect();
        match levels.as_slice() {
            ["jobs", "notify-next"] => {
                let next = body.pointer("/execution/jobId").and_then(Value::as_str);
                if self.work.as_ref().is_none_or(|work| next != Some(work.job.as_str())) && next.is_some() {
                    self.ask(connection).await?;
                }
            }
            ["jobs", "start-next", "accepted"] => {
                self.begin(body.get("execution")).await;
                self.fetch(connection).await?;
            }
            ["streams", stream, of, "json"] => self.fetched(connection, stream, of, &body).await?,
            ["jobs", job, "update", "accepted"] => self.ended(job).await,
            ["jobs", "start-next", "rejected"] | ["jobs", _, "update", "rejected"] => {
                let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
                let why = format!("{} {}", text("code"), text("message"));
                self.tell(Told::Refused { asked: topic.to_owned(), why }).await;
                // It has ended without the device (it was canceled, or timed out): there may be another.
                if levels.get(2) == Some(&"update") {
                    sleep_until(Instant::now() + REFUSED).await;
                    self.ask(connection).await?;
                }
            }
            ["shadow", "get", "accepted"] => {
                self.report(connection, "shadow/update", body.pointer("/state/delta")).await?;
            }
            ["shadow", .., "delta"] => {
                let update = topic.strip_suffix("/delta").unwrap_or(topic);
                self.report(connection, update, body.get("state")).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Begins the execution that was started, where there is one. One that was in progress already is gone on with.
    async fn begin(&mut self, execution: Option<&Value>) {
        let Some(execution) = execution.filter(|execution| execution.get("jobId").is_some()) else { return };
        let text = |name: &str| execution.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let job = text("jobId");
        if self.work.as_ref().is_some_and(|work| work.job == job) {
            return;
        }
        let number = execution.get("executionNumber").and_then(Value::as_i64).unwrap_or_default();
        let this = (job.clone(), number);
        if self.last != this {
            (self.last, self.dropped_off) = (this, false);
            self.begun += 1;
        }
        let document = execution.get("jobDocument").unwrap_or(&Value::Null);
        let outcome = match self.behavior.outcome(self.number, self.begun, document) {
            Outcome::DropsOff if self.dropped_off => Outcome::Ends("SUCCEEDED"),
            outcome => outcome,
        };
        let download =
            Download::of(document).filter(|_| matches!(outcome, Outcome::Ends("SUCCEEDED") | Outcome::DropsOff));
        let takes = if outcome == Outcome::Ends("REJECTED") { Duration::ZERO } else { self.behavior.takes };
        let due = (outcome != Outcome::Stalls).then(|| Instant::now() + takes);
        self.tell(Told::Job { job: job.clone(), status: text("status") }).await;
        self.work = Some(Work { job, outcome, download, due });
    }

    /// Asks for the blocks of a stream that its job brings, where there are any, and again where they do not come.
    async fn fetch(&mut self, connection: &mut Connection) -> Result<(), ClientError> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let Some(download) = &work.download else { return Ok(()) };
        work.due = Some(Instant::now() + BLOCKS);
        let topic = format!("$aws/things/{}/streams/{}/get/json", self.name, download.stream());
        connection.publish(&topic, download.ask().to_string()).await
    }

    /// Something came of a stream: a block (`data`), or a refusal (`rejected`). Its job goes on once all blocks are there, and fails
    /// where they are not to be had.
    async fn fetched(
        &mut self,
        connection: &mut Connection,
        stream: &str,
        of: &str,
        body: &Value,
    ) -> Result<(), ClientError> {
        let (takes, asked) = (self.behavior.takes, format!("streams/{stream}"));
        let Some(work) = &mut self.work else { return Ok(()) };
        let Some(download) = work.download.as_mut().filter(|download| download.stream() == stream) else {
            return Ok(());
        };
        let step = match of {
            "data" => download.take(body),
            _ => {
                let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
                Err(format!("{} {}", text("o"), text("m")))
            }
        };
        match step {
            Ok(Step::Waits) => Ok(()),
            Ok(Step::Asks) => self.fetch(connection).await,
            Ok(Step::Done) => {
                (work.download, work.due) = (None, Some(Instant::now() + takes));
                self.tell(Told::Fetched { stream: stream.to_owned() }).await;
                Ok(())
            }
            Err(why) => {
                (work.download, work.outcome, work.due) = (None, Outcome::Ends("FAILED"), Some(Instant::now()));
                self.tell(Told::Refused { asked, why }).await;
                Ok(())
            }
        }
    }

    /// An update of the execution was taken.
    async fn ended(&mut self, job: &str) {
        if let Some(Work { outcome: Outcome::Ends(status), .. }) = self.work.take_if(|work| work.job == job) {
            self.tell(Told::Job { job: job.to_owned(), status: status.to_owned() }).await;
        }
    }

    /// Reports what a shadow desires and the device does not have.
    async fn report(&self, connection: &mut Connection, topic: &str, delta: Option<&Value>) -> Result<(), ClientError> {
        let Some(reported) = delta.filter(|delta| delta.is_object()) else { return Ok(()) };
        let body = json!({ "state": { "reported": reported } });
        connection.publish(&format!("$aws/things/{}/{topic}", self.name), body.to_string()).await?;
        self.tell(Told::Shadow { topic: topic.to_owned(), reported: reported.clone() }).await;
        Ok(())
    }

    async fn tell(&self, told: Told) {
        // Nobody listens any more where the command is about to end.
        let _ = self.telling.send((self.name.clone(), told)).await;
    }
}

/// Resolves when the devices are told to stop.
async fn told(stopped: &watch::Receiver<bool>) {
    // Nobody is left who could tell: that is an end, too.
    let _ = stopped.clone().wait_for(|stopped| *stopped).await;
}
