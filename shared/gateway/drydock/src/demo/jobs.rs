//! A fleet gets firmware in waves, continuous jobs as they are meant: a bad one fails its criteria and is stopped, a corrected one rolls
//! out, a device that was away catches up, and one that joins late gets it by the job that stays.
//!
//! - `waves`: the progress bars, and what each wave did.

mod waves;

use super::error::DemoError;
use super::stage::{STACK, Seen, api, text};
use super::timeline::Timeline;
use crate::cli::print;
use crate::client::Api;
use crate::mqtt::PATIENCE;
use crate::simulated::Devices;
use crate::simulated::behavior::{Behavior, Does};
use crate::simulated::device::Told;
use crate::simulated::fleet::{Address, Fleet};
use drydock_gateway::Gateway;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, interval};
use waves::Waves;

/// The devices of the fleet at first, and how many of them are in the group `canary`.
const FLEET: (u32, u32) = (60, 6);
/// The device that is away while the fleet is updated, and the one that is made later.
const AWAY: u64 = 60;
const LATE: u64 = 61;
/// How many devices the last wave tells a minute: the clock is moved by so many minutes.
const A_MINUTE: u32 = 10;
/// How often a release is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How many looks in which no device has done anything say that all wait for the clock.
const STILL: u32 = 3;

/// Every fourth device has a board of revision B, which firmware 2.0.0 does not start on.
fn is_revision_b(device: u64) -> bool {
    device.is_multiple_of(4)
}

fn behavior() -> Behavior {
    Behavior {
        does: Does::Succeed,
        fail_every: None,
        cannot: |document, device| {
            document.get("install").and_then(Value::as_str) == Some("2.0.0") && is_revision_b(device)
        },
        takes: Duration::from_millis(150),
    }
}

/// Shows it. Where state is kept, a release is called after the time, as there may be one of an earlier demo.
pub(super) async fn perform(gateway: &Gateway, timeline: &mut Timeline, kept: bool) -> Result<Seen, DemoError> {
    let api = api(gateway);
    let mqtt = gateway.addresses().mqtt;
    let root = std::fs::read_to_string(gateway.root_ca()).map_err(DemoError::Root)?;
    let at = Address { host: mqtt.ip().to_string(), port: mqtt.port(), root };
    let fleet = Fleet::of_things(&api, "meter", FLEET.0 + 1, None, at).await.map_err(DemoError::Fleet)?;
    let devices = Devices::of(fleet);
    let suffix = if kept { format!("-{}", gateway.host.books.now().seconds()) } else { String::new() };
    let bars = Waves::new(timeline);
    let mut play = Play { api, devices, bars, timeline, suffix, connected: 0, done: 0 };
    let result = play.perform().await;
    play.bars.clear();
    play.devices.end().await;
    let seen = result?;
    Ok(Seen {
        table: waves::table(&seen),
        json: waves::json(&seen),
        last:
            "every step was observed; `drydock device run` and `drydock release` do the same with a gateway that is up"
                .to_owned(),
    })
}

/// What goes on.
struct Play<'t> {
    api: Api,
    devices: Devices,
    bars: Waves,
    timeline: &'t mut Timeline,
    suffix: String,
    /// How many connects there were, and how many executions have ended.
    connected: u64,
    done: u64,
}

impl Play<'_> {
    async fn perform(&mut self) -> Result<Vec<Value>, DemoError> {
        self.begin().await?;
        let bad = self.release("2.0.0").await?;
        self.timeline.step("operator", "began the release of firmware 2.0.0 in three waves", &bad);
        let stopped = self.until(&bad, "stopped").await?;
        let reason = text(&stopped, "the release", "reason")?;
        self.timeline.step("job-orchestration", format!("stopped it in wave {}", last_wave(&stopped)), reason);
        self.canceled(&stopped).await?;

        let good = self.release("2.0.1").await?;
        self.timeline.step("operator", "began the release of 2.0.1, which starts on all boards", &good);
        let succeeded = self.until(&good, "succeeded").await?;
        let unfinished = waves::pending(&succeeded);
        self.timeline.step(
            "job-orchestration",
            "all three waves have done well",
            format!("succeeded, {unfinished} unfinished"),
        );

        let job = last_job(&succeeded);
        let away = self.name(AWAY)?;
        self.devices.begin(AWAY, behavior());
        self.installs(&job, &away).await?;
        self.timeline.step("device", format!("{away} came back, and caught up"), format!("{job} SUCCEEDED"));

        let late = self.name(LATE)?;
        self.devices.begin(LATE, behavior());
        self.join("fleet", &late).await?;
        self.installs(&job, &late).await?;
        let how = "joined the group late, and got it by the job that stays";
        self.timeline.step("device", format!("{late} {how}"), format!("{job} SUCCEEDED"));
        Ok(vec![stopped, self.shown(&good).await?])
    }

    /// Groups, and devices that connect.
    async fn begin(&mut self) -> Result<(), DemoError> {
        for group in ["canary", "fleet"] {
            let path = format!("/thing-groups/{group}");
            self.api.iot("CreateThingGroup", Method::POST, &path, &[], &json!({})).await?;
        }
        let mut canaries = 0;
        for number in 1..=u64::from(FLEET.0) {
            let name = self.name(number)?;
            self.join("fleet", &name).await?;
            // Boards of revision A alone, as it happens: so a canary misses what half the fleet shows.
            if !is_revision_b(number) && canaries < FLEET.1 {
                canaries += 1;
                self.join("canary", &name).await?;
            }
            if number != AWAY {
                self.devices.begin(number, behavior());
            }
        }
        let deadline = Instant::now() + PATIENCE;
        let all = u64::from(FLEET.0) - 1;
        while self.connected < all {
            tokio::select! {
                Some((_, told)) = self.devices.next() => self.hear(&told),
                () = tokio::time::sleep_until(deadline) => {
                    return Err(DemoError::NotSeen(format!("the connect of {} of {all} devices", all - self.connected)));
                }
            }
        }
        self.timeline.step(
            "fleet",
            format!("{} meters, {} of them canaries; all but {} are connected", FLEET.0, FLEET.1, self.name(AWAY)?),
            format!("CONNACK × {}", self.connected),
        );
        Ok(())
    }

    fn name(&self, number: u64) -> Result<String, DemoError> {
        let at = usize::try_from(number).unwrap_or(0).saturating_sub(1);
        self.devices.names().get(at).cloned().ok_or_else(|| DemoError::NotSeen(format!("device {number}")))
    }

    async fn join(&self, group: &str, thing: &str) -> Result<(), DemoError> {
        let body = json!({ "thingGroupName": group, "thingName": thing });
        let path = "/thing-groups/addThingToThingGroup";
        self.api.iot("AddThingToThingGroup", Method::PUT, path, &[], &body).await?;
        Ok(())
    }

    fn hear(&mut self, told: &Told) {
        match told {
            Told::Connected { .. } => self.connected += 1,
            _ if told.end().is_some() => self.done += 1,
            _ => {}
        }
    }

    /// Asks the template's function for something.
    async fn ask(&self, command: &Value) -> Result<Value, DemoError> {
        let answer = self.api.invoke(&format!("{STACK}-job-orchestration"), command).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        match text("refused").or_else(|| text("errorMessage")) {
            Some(why) => Err(DemoError::Function("job-orchestration", why)),
            None => Ok(answer.get("release").cloned().unwrap_or_default()),
        }
    }

    /// Begins the release of a firmware; gives its id.
    async fn release(&self, version: &str) -> Result<String, DemoError> {
        let id = format!("{}{}", version.replace('.', "-"), self.suffix);
        // Who is away for long holds nothing up.
        let away = json!({ "unfinishedPercent": 5 });
        let release = json!({
            "releaseId": id,
            "environment": "demo",
            "what": { "version": version, "document": { "install": version } },
            "waves": [
                { "name": "canary", "group": "canary" },
                { "name": "half", "group": "fleet", "percent": 50, "success": away, "abort": { "percent": 10, "minimum": 10 } },
                { "name": "all", "group": "fleet", "continuous": true, "success": away, "maximumPerMinute": A_MINUTE },
            ],
        });
        self.ask(&json!({ "command": "create", "release": release, "by": "operator" })).await?;
        Ok(id)
    }

    async fn shown(&self, id: &str) -> Result<Value, DemoError> {
        self.ask(&json!({ "command": "show", "releaseId": id })).await
    }

    /// Follows a release until it is in a phase, and moves the clock where all that is left to do waits for it.
    async fn until(&mut self, id: &str, phase: &'static str) -> Result<Value, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut told_of, mut still, mut done, mut minutes) = (0, 0, self.done, 0_u32);
        loop {
            tokio::select! {
                Some((_, told)) = self.devices.next() => {
                    self.hear(&told);
                    continue;
                }
                () = tokio::time::sleep_until(deadline) => {
                    return Err(DemoError::NotSeen(format!("that release {id} is {phase}")));
                }
                _ = looks.tick() => {}
            }
            let release = self.shown(id).await?;
            self.bars.look(&release);
            let now = release.get("phase").and_then(Value::as_str).unwrap_or_default();
            // What follows from a phase is done a moment later: only then has another release the environment.
            let is_settled = release.get("todo").and_then(Value::as_array).is_none_or(Vec::is_empty);
            if is_settled && now == "stopped" && now != phase {
                let why = release.get("reason").and_then(Value::as_str).unwrap_or_default();
                return Err(DemoError::NotSeen(format!("that release {id} is {phase}, as it was stopped ({why}): it")));
            }
            let is_there = is_settled && now == phase;
            if is_there && minutes > 0 {
                let what = format!("moved the clock by {minutes} minutes, in which the last wave went on");
                self.timeline.step("operator", what, format!("{A_MINUTE} devices a minute"));
            }
            told_of = self.waves_that_did_well(&release, told_of);
            if is_there {
                return Ok(release);
            }
            (still, done) = if self.done == done { (still + 1, done) } else { (0, self.done) };
            if still >= STILL && waves::waits_for_its_rate(&release) {
                self.api.clock(Some(&json!({ "advance": "1m" }))).await?;
                (minutes, still) = (minutes + 1, 0);
            }
        }
    }

    /// Tells of the waves that have done well since the first so many were told.
    fn waves_that_did_well(&mut self, release: &Value, before: usize) -> usize {
        let well: Vec<_> = waves::runs(release).take_while(|run| waves::outcome(run) == "well").collect();
        for run in well.iter().skip(before) {
            let (name, succeeded) = (waves::name(run), waves::count(run, &["succeeded"]));
            self.timeline.step("fleet", format!("wave {name} has done well"), format!("{succeeded} SUCCEEDED"));
        }
        well.len().max(before)
    }

    /// Sees that the job of the wave that failed is canceled.
    async fn canceled(&mut self, release: &Value) -> Result<(), DemoError> {
        let job = last_job(release);
        let path = format!("/jobs/{job}");
        self.comes_to(&format!("job {job}"), "DescribeJob", &path, "/job/status", "CANCELED").await?;
        self.timeline.step("AWS IoT", "canceled its job: nobody else gets it", format!("{job} CANCELED"));
        Ok(())
    }

    /// Sees that a device's execution of a job succeeds.
    async fn installs(&mut self, job: &str, thing: &str) -> Result<(), DemoError> {
        let (what, path) = (format!("{thing}'s execution of {job}"), format!("/things/{thing}/jobs/{job}"));
        self.comes_to(&what, "DescribeJobExecution", &path, "/execution/status", "SUCCEEDED").await
    }

    /// Looks again, while devices go on, until something that may not be there yet has a status.
    async fn comes_to(
        &mut self,
        what: &str,
        operation: &str,
        path: &str,
        pointer: &str,
        wanted: &str,
    ) -> Result<(), DemoError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = match self.api.iot(operation, Method::GET, path, &[], &Value::Null).await {
                Ok(answer) => answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned),
                Err(error) if error.is("ResourceNotFoundException") => None,
                Err(error) => return Err(error.into()),
            };
            if status.as_deref() == Some(wanted) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(DemoError::NotSeen(format!("that {what} is {wanted} (it is {status:?}): it")));
            }
            self.wait().await;
        }
    }

    /// Lets devices go on for a look's time.
    async fn wait(&mut self) {
        let until = Instant::now() + LOOK;
        loop {
            tokio::select! {
                Some((_, told)) = self.devices.next() => self.hear(&told),
                () = tokio::time::sleep_until(until) => return,
            }
        }
    }
}

fn last_wave(release: &Value) -> String {
    waves::runs(release).next_back().map(|run| print::strong(waves::name(run))).unwrap_or_default()
}

fn last_job(release: &Value) -> String {
    let job = waves::runs(release).next_back().and_then(|run| run.get("jobId")).and_then(Value::as_str);
    job.unwrap_or_default().to_owned()
}
