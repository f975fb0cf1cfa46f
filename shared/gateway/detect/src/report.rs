//! A device's report: what it says becomes datapoints, and those that need no more time are judged.
//!
//! Source: "Device-side metrics" and "Sending metrics from devices" of the guide.

use crate::book::Detect;
use crate::context::Context;
use crate::evaluate::{Cadence, cadence};
use crate::export::{Export, Exports};
use crate::series::Reading;
use behaviors::report::{Format, Malformed, Report};
use behaviors::validate::Known;
use behaviors::{Kind, MetricValue};
use drydock_core::{ApiError, Done, Timestamp};
use serde_json::{Value, json};
use smol_str::SmolStr;

/// Why a report was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The report's id, where that could be read.
    pub id: Option<i64>,
    /// AWS's word for it.
    pub code: &'static str,
    /// What devices are told.
    pub message: &'static str,
    /// What is wrong with it, for who builds the device.
    pub why: String,
}

impl Refused {
    /// More reports than a device may send.
    #[must_use]
    pub fn throttled(why: String) -> Self {
        Self { id: None, code: "Throttled", message: "Too many metrics reports", why }
    }

    fn malformed(Malformed { id, why }: Malformed) -> Self {
        Self { id, code: "InvalidPayload", message: "Malformed metrics report", why }
    }

    /// The answer to the device.
    #[must_use]
    pub fn answer(&self, thing: &str, now: Timestamp) -> Value {
        let mut answer = json!({
            "thingName": thing,
            "status": "REJECTED",
            "statusDetails": { "ErrorCode": self.code, "ErrorMessage": self.message },
            "timestamp": now.millis(),
        });
        if let (Some(id), Some(members)) = (self.id, answer.as_object_mut()) {
            members.insert("reportId".to_owned(), json!(id));
        }
        answer
    }
}

/// A report is kept together with what follows from it: where the disk does not take it, nothing is.
impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self { id: None, code: "InternalError", message: "Internal error", why: error.message.into_owned() }
    }
}

/// The answer to a device whose report was taken.
#[must_use]
pub(crate) fn accepted(thing: &str, id: i64, context: &Context<'_>) -> Value {
    json!({ "thingName": thing, "reportId": id, "status": "ACCEPTED", "timestamp": context.now.millis() })
}

impl Detect {
    /// A device has reported: the answer for it, and what is to be exported.
    ///
    /// # Errors
    /// [`Refused`] for what is not a report.
    pub fn report(
        &mut self,
        thing: &str,
        format: Format,
        payload: &[u8],
        context: &Context<'_>,
    ) -> Result<Done<(Value, Vec<Export>)>, Refused> {
        let report = Report::read(format, payload).map_err(Refused::malformed)?;
        let id = report.id;
        let mistyped =
            report.custom.iter().find(|(name, value)| self.custom_metric(name).is_some_and(|kind| !has(value, kind)));
        if let Some((name, _)) = mistyped {
            let why = format!("the custom metric `{name:.128}` has another type");
            return Err(Refused::malformed(Malformed { id: Some(id), why }));
        }
        let thing = SmolStr::new(thing);
        let now = context.now;
        let mut done = Done::reply(());
        let mut exports = Exports::default();
        let profiles = self.profiles_of(&thing, context.fleet);
        for (scope, to) in self.wanted(&profiles) {
            if !Self::is_of_devices(&scope) {
                continue;
            }
            let value = report.metrics.get(scope.metric.as_str()).or_else(|| report.custom.get(&scope.metric));
            let Some(value) = value.cloned() else { continue };
            let reading = value.count.map_or_else(|| Reading::Value(value.clone()), Reading::Count);
            exports.add(&to, &thing, &scope, &reading, now);
            self.keep(&scope, &thing, now, reading.clone(), &mut done);
            let measured = reading.measured();
            for profile in &profiles {
                let behaviors = self.profiles.get(profile).map(|row| row.behaviors.clone()).unwrap_or_default();
                let of_metric = |behavior: &&behaviors::Behavior| behavior.metric() == scope.metric;
                for behavior in behaviors.iter().filter(of_metric) {
                    if cadence(behavior) == Cadence::AtReport {
                        self.datapoint((profile, behavior), &thing, (&measured, now), None, (context, &mut done));
                    }
                }
            }
        }
        Ok(done.map(|()| (accepted(&thing, id, context), exports.batches())))
    }
}

/// Whether a value is of a kind.
fn has(value: &MetricValue, kind: Kind) -> bool {
    match kind {
        Kind::Count => value.count.is_some(),
        Kind::Ports => value.ports.is_some(),
        Kind::Cidrs => value.cidrs.is_some(),
        Kind::Number => value.number.is_some(),
        Kind::Numbers => value.numbers.is_some(),
        Kind::Strings => value.strings.is_some(),
    }
}
