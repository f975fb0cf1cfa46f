//! What a release is, as whoever asks for it writes it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest document that a job may carry, in bytes ("AWS IoT Device Management: jobs limits").
const DOCUMENT: usize = 32_768;
/// The most waves that a release may have.
const WAVES: usize = 20;
/// The longest timeouts, in minutes: a week, as AWS has it of an execution in progress.
const WEEK: u32 = 10_080;

/// A release: what goes to whom, in which waves, and what must hold for it to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// Its id, 1 to 40 of `a-z A-Z 0-9 _ -`: jobs and groups are called after it.
    pub release_id: String,
    /// Where it goes, such as `production`: one release at a time goes on in an environment.
    pub environment: String,
    /// What goes there.
    pub what: What,
    /// The waves in their order, 1 to 20.
    pub waves: Vec<Wave>,
    /// Whether it is rolled back by itself where a wave's criteria say that it fails.
    #[serde(default)]
    pub rollback: By,
    /// Whether a second person has to approve it before anything is made.
    #[serde(default)]
    pub approval: bool,
}

/// Whether something happens by itself, or when somebody says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// By itself.
    Automatic,
    /// When somebody says so.
    #[default]
    Manual,
}

/// What a release brings to the devices: a document, one in S3, or a remedy; a package's version may go with a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct What {
    /// What people call it, such as the firmware's version; devices' history has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The job document, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Value>,
    /// The URL of the job document in S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_source: Option<String>,
    /// The version of a package that devices have when they are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// Something to be done rather than installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

/// A version of a package of the software package catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Package {
    /// The package's name.
    pub name: String,
    /// The version's name.
    pub version: String,
}

/// Something that devices are to do. Their job document is `{"remedy": NAME, "parameters": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remedy {
    /// What is to be done.
    pub name: RemedyName,
    /// What it takes: which certificate, which fix.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub parameters: serde_json::Map<String, Value>,
}

/// The remedies that devices know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyName {
    /// Start again.
    Reboot,
    /// Forget all that was configured.
    FactoryReset,
    /// Apply a security fix, which the parameters name.
    SecurityFix,
    /// Ask for a new certificate, and use it from then on.
    RotateCertificate,
}

impl What {
    /// What people call it.
    #[must_use]
    pub fn label(&self) -> String {
        let remedy = || self.remedy.as_ref().map(|remedy| json_text(&serde_json::json!(remedy.name)));
        let package = || self.package.as_ref().map(|package| format!("{} {}", package.name, package.version));
        let version = self.version.clone();
        version.or_else(package).or_else(remedy).unwrap_or_else(|| "a document without a version".to_owned())
    }

    /// The job document, where it is not one in S3.
    #[must_use]
    pub fn document(&self) -> Option<String> {
        let remedy = || {
            let remedy = self.remedy.as_ref()?;
            Some(serde_json::json!({ "remedy": remedy.name, "parameters": remedy.parameters }).to_string())
        };
        self.document.as_ref().map(ToString::to_string).or_else(remedy)
    }

    fn check(&self) -> Result<(), String> {
        let given = [self.document.is_some(), self.document_source.is_some(), self.remedy.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err("`what` has one of `document`, `documentSource` and `remedy`".to_owned());
        }
        if self.document.as_ref().is_some_and(|document| !document.is_object()) {
            return Err("`what.document` is not a JSON object".to_owned());
        }
        if self.document().is_some_and(|document| document.len() > DOCUMENT) {
            return Err(format!("the document is longer than {DOCUMENT} bytes: put it into S3 as `documentSource`"));
        }
        if self.package.is_some() && self.remedy.is_some() {
            return Err("a remedy installs no package: `what.package` goes with a document".to_owned());
        }
        Ok(())
    }
}

fn json_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A wave: a job on a group of things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wave {
    /// What people call it, such as `canary`.
    pub name: String,
    /// The thing group.
    pub group: String,
    /// So many in a hundred of the group's things, counted with those of earlier waves on the group: 10, then 50, then 100. Which
    /// ones follows from their names. Without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Whether things that join the group later get it as well.
    #[serde(default)]
    pub continuous: bool,
    /// When the wave has done well.
    #[serde(default)]
    pub success: Success,
    /// When it is stopped.
    #[serde(default)]
    pub abort: Option<Abort>,
    /// Whether this wave begins by itself once the one before it has done well.
    #[serde(default = "automatic")]
    pub promote: By,
    /// How long the wave has to go on doing well before the next one begins, in minutes.
    #[serde(default)]
    pub soak_minutes: u32,
    /// How long the wave may take, in minutes; it is stopped then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<u32>,
    /// How long a device may take once it has begun, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_progress_timeout_minutes: Option<u32>,
    /// How often what failed or timed out is tried again, 0 to 10.
    #[serde(default)]
    pub retries: u8,
    /// How many devices are told a minute, 1 to 1000; AWS's 1000 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_per_minute: Option<u16>,
}

fn automatic() -> By {
    By::Automatic
}

/// When a wave has done well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Success {
    /// So many in a hundred of those that came to an end have succeeded.
    pub percent: u8,
    /// So many have come to an end, at least.
    pub minimum: u32,
    /// So many in a hundred need not have come to an end: those that are offline. They go on with the job.
    pub unfinished_percent: u8,
}

impl Default for Success {
    fn default() -> Self {
        Self { percent: 100, minimum: 1, unfinished_percent: 0 }
    }
}

/// When a wave is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Abort {
    /// So many in a hundred of those that came to an end have failed, were rejected or timed out.
    pub percent: u8,
    /// So many have come to an end, at least.
    #[serde(default = "one")]
    pub minimum: u32,
}

fn one() -> u32 {
    1
}

impl Wave {
    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let percents = [
            ("percent", self.percent, 1),
            ("success.percent", Some(self.success.percent), 1),
            ("success.unfinishedPercent", Some(self.success.unfinished_percent), 0),
            ("abort.percent", self.abort.as_ref().map(|abort| abort.percent), 1),
        ];
        for (of, percent, least) in percents {
            if percent.is_some_and(|percent| !(least..=100).contains(&percent)) {
                return Err(format!("wave `{name}`: `{of}` is {least} to 100"));
            }
        }
        if !is_name(&self.group, 128, b":_-") {
            return Err(format!("wave `{name}`: `{}` is not a valid thing group name", self.group));
        }
        if self.percent.is_some() && self.continuous {
            return Err(format!(
                "wave `{name}` is of a share of a group: who joins the group later gets no share of it"
            ));
        }
        let minutes =
            [("timeoutMinutes", self.timeout_minutes), ("inProgressTimeoutMinutes", self.in_progress_timeout_minutes)];
        for (of, minutes) in minutes {
            if minutes.is_some_and(|minutes| !(1..=WEEK).contains(&minutes)) {
                return Err(format!("wave `{name}`: `{of}` is 1 to {WEEK}"));
            }
        }
        if self.soak_minutes > WEEK || self.retries > 10 {
            return Err(format!("wave `{name}`: `soakMinutes` is 0 to {WEEK}, `retries` 0 to 10"));
        }
        if self.maximum_per_minute.is_some_and(|rate| !(1..=1000).contains(&rate)) {
            return Err(format!("wave `{name}`: `maximumPerMinute` is 1 to 1000"));
        }
        if self.abort.as_ref().is_some_and(|abort| abort.minimum == 0) {
            return Err(format!("wave `{name}`: `abort.minimum` is 1 or more"));
        }
        Ok(())
    }
}

impl Definition {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// What does not, in words.
    pub fn check(&self) -> Result<(), String> {
        for (of, text, longest) in [("releaseId", &self.release_id, 40), ("environment", &self.environment, 64)] {
            if !is_name(text, longest, b"_-") {
                return Err(format!("`{of}` is 1 to {longest} of a-z A-Z 0-9 _ -"));
            }
        }
        self.what.check()?;
        if !(1..=WAVES).contains(&self.waves.len()) {
            return Err(format!("a release has 1 to {WAVES} waves"));
        }
        for (at, wave) in self.waves.iter().enumerate() {
            wave.check()?;
            let (before, now) = (self.share_before(at), wave.percent.unwrap_or(100));
            if wave.percent.is_some() && now <= before {
                return Err(format!("wave `{}`: earlier waves have {before} % of the group already", wave.name));
            }
        }
        Ok(())
    }

    /// How much of the group of the wave with this number (from 0) earlier shares have had, in hundredths.
    #[must_use]
    pub fn share_before(&self, wave: usize) -> u8 {
        let group = self.waves.get(wave).map(|wave| wave.group.as_str());
        let before = self.waves.iter().take(wave).filter(|other| Some(other.group.as_str()) == group);
        before.filter_map(|other| other.percent).max().unwrap_or(0)
    }
}

fn is_name(text: &str, longest: usize, marks: &[u8]) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
}

/// Which hundredth of a group a thing belongs to, 0 to 99: the same for every release, so that shares follow one another.
#[must_use]
pub fn hundredth(thing_name: &str) -> u8 {
    // The low digits of FNV-1a of names that differ in their last figure follow these figures: all bits are mixed first.
    let mut mixed = crate::alert::digest(thing_name);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^= mixed >> 33;
    u8::try_from(mixed % 100).unwrap_or(0)
}
