//! The reports of devices: `$aws/things/NAME/defender/metrics/FORMAT`, answered on `…/accepted` and `…/rejected`.
//!
//! Follows "Sending metrics from devices" of the AWS IoT Device Defender developer guide.

use super::runner::Runner;
use crate::in_flight::Unanswered;
use crate::request::TopicRequest;
use behaviors::report::Format as ReportFormat;
use bytes::Bytes;
use drydock_core::event::ClientIdentity;
use drydock_core::{ReservedTopic, Timestamp};
use drydock_detect::Refused;
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_model::payload::Format;
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// The most reports that a device may send in a period. AWS says that more than one in five minutes "may be throttled", and not when
/// they are; a device that is tried out reports more often.
const REPORTS: u32 = 60;
/// The most devices whose reports are counted; beyond, all are counted as one.
const DEVICES: usize = 100_000;

/// A report that came as a message.
#[derive(Debug)]
pub(super) struct MetricsReport {
    thing: SmolStr,
    format: Format,
    topic: SmolStr,
    payload: Bytes,
    client: Option<Arc<ClientIdentity>>,
}

impl MetricsReport {
    /// The report that a message is, if it is one.
    ///
    /// # Errors
    /// The request, where it is not: its topic names another format.
    pub(super) fn of(request: TopicRequest) -> Result<Self, TopicRequest> {
        let format = request.name(1).and_then(Format::of);
        let (ReservedTopic::DefenderMetrics, Some(format)) = (request.asks(), format) else { return Err(request) };
        let thing = request.name(0).map(SmolStr::new).unwrap_or_default();
        let TopicRequest { topic, payload, client, .. } = request;
        Ok(Self { thing, format, topic, payload, client })
    }
}

/// How many reports each device has sent in the present period.
#[derive(Debug, Default)]
struct Pace {
    period: i64,
    reports: HashMap<SmolStr, u32>,
}

impl Pace {
    /// One more; whether it may be.
    fn admits(&mut self, thing: &SmolStr, now: Timestamp) -> bool {
        let period = now.seconds().div_euclid(behaviors::PERIOD);
        if period != self.period {
            *self = Self { period, reports: HashMap::new() };
        }
        let full = self.reports.len() >= DEVICES && !self.reports.contains_key(thing);
        let count = self.reports.entry(if full { SmolStr::default() } else { thing.clone() }).or_default();
        *count = count.saturating_add(1);
        *count <= REPORTS
    }
}

/// Takes reports as long as the gateway runs, in the order that they came.
pub(super) async fn serve(runner: Arc<Runner>, mut reports: Receiver<(MetricsReport, Unanswered)>) {
    let mut pace = Pace::default();
    while let Some((report, unanswered)) = reports.recv().await {
        let result = take(&runner, &mut pace, &report).await;
        // Before: whoever has read the answer may report again at once.
        drop(unanswered);
        match result {
            Ok(answer) => reply(&runner, &report, "accepted", &answer),
            Err(refused) => refuse(&runner, &report, &refused),
        }
    }
}

/// Tells that a report which did not come over MQTT goes nowhere: AWS IoT takes none of those.
pub(super) fn not_over_mqtt(runner: &Runner, topic: &str) {
    runner.host.told.notices.tell(|| Notice {
        at: runner.host.books.now(),
        tone: Tone::Bad,
        topic: Topic::Defender,
        subject: topic.to_owned(),
        text: "a metrics report goes nowhere that is published over HTTP or by a rule".to_owned(),
        reasons: help("have the device publish it over MQTT"),
    });
}

/// Rejects a report, as of a connection that has too many unanswered ones.
pub(super) fn throttle(runner: &Runner, report: &MetricsReport) {
    refuse(runner, report, &Refused::throttled("too many reports of the connection are unanswered".to_owned()));
}

async fn take(runner: &Arc<Runner>, pace: &mut Pace, report: &MetricsReport) -> Result<Value, Refused> {
    if !pace.admits(&report.thing, runner.host.books.now()) {
        return Err(Refused::throttled(format!("a device reports at most {REPORTS} times in five minutes")));
    }
    let format = match report.format {
        Format::Json => ReportFormat::Json,
        Format::Cbor => ReportFormat::Cbor,
    };
    let (answer, exports) =
        runner.change(|book, context| book.report(&report.thing, format, &report.payload, context)).await?;
    runner.export(exports).await;
    Ok(answer)
}

fn refuse(runner: &Runner, report: &MetricsReport, refused: &Refused) {
    let now = runner.host.books.now();
    runner.host.told.notices.tell(|| Notice {
        at: now,
        tone: Tone::Bad,
        topic: Topic::Defender,
        subject: report.client.as_ref().map_or_else(|| "rule".to_owned(), |client| client.client_id.to_string()),
        text: format!("`{}` rejected: {} {}: {}", report.topic, refused.code, refused.message, refused.why),
        reasons: help(
            "a report is {\"header\": {\"report_id\": 1, \"version\": \"1.0\"}, \"metrics\": {\"network_stats\": {\"bytes_in\": 1}}}",
        ),
    });
    reply(runner, report, "rejected", &refused.answer(&report.thing, now));
}

fn reply(runner: &Runner, report: &MetricsReport, outcome: &str, answer: &Value) {
    let topic = format!("{}/{outcome}", report.topic);
    if let Err(error) = runner.host.broker.tell(&topic, || report.format.write(answer).into()) {
        tracing::warn!(%error, topic, "the answer to a report could not be told");
    }
}
