//! What was found, and what became of it.

use crate::cli::print;
use serde_json::{Value, json};

/// The checks of the audit.
pub(super) const SHARED: &str = "DEVICE_CERTIFICATE_SHARED_CHECK";
pub(super) const EXPIRING: &str = "DEVICE_CERTIFICATE_EXPIRING_CHECK";
pub(super) const WIDE: &str = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK";
/// The behaviors that devices are to keep to.
pub(super) const CALM: &str = "calm";
pub(super) const QUIET: &str = "quiet";

/// Something that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// The check or the behavior.
    by: &'static str,
    /// What it is about.
    about: String,
    /// How bad it is.
    severity: String,
    told: bool,
    remedy: Option<&'static str>,
}

impl Found {
    pub(super) fn new(by: &'static str, about: &str, severity: &str) -> Self {
        Self { by, about: about.to_owned(), severity: severity.to_owned(), told: false, remedy: None }
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Report {
    all: Vec<Found>,
}

impl Report {
    pub(super) fn add(&mut self, found: Found) {
        self.all.push(found);
    }

    /// It was told.
    pub(super) fn told(&mut self, by: &str) {
        self.all.iter_mut().filter(|found| found.by == by).for_each(|found| found.told = true);
    }

    /// It was remedied.
    pub(super) fn remedied(&mut self, by: &str, how: &'static str) {
        self.all.iter_mut().filter(|found| found.by == by).for_each(|found| found.remedy = Some(how));
    }

    /// As people read it.
    pub(super) fn table(&self) -> String {
        let mut table = print::table(["what", "about", "severity", "found by", "told", "remedy"]);
        for found in &self.all {
            table.add_row([
                words(found.by),
                short(&found.about),
                &found.severity,
                found.by,
                if found.told { "SNS" } else { "" },
                found.remedy.unwrap_or_default(),
            ]);
        }
        table.to_string()
    }

    /// As machines read it.
    pub(super) fn json(&self) -> Value {
        let line = |found: &Found| {
            json!({
                "what": words(found.by), "about": found.about, "severity": found.severity, "foundBy": found.by,
                "told": found.told, "remedy": found.remedy,
            })
        };
        self.all.iter().map(line).collect()
    }
}

/// The first characters of an id, which tell it from others; a name as it is.
pub(super) fn short(id: &str) -> &str {
    if id.len() == 64 { id.get(..12).unwrap_or(id) } else { id }
}

/// What a check or a behavior is about, in words.
pub(super) fn words(by: &str) -> &'static str {
    match by {
        SHARED => "a certificate that two devices share",
        EXPIRING => "a certificate that ends soon",
        WIDE => "a policy that is too wide",
        CALM => "a device that floods",
        _ => "a device that scans ports",
    }
}
