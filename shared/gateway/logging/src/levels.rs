//! The options made ready to ask. Follows "Configure AWS IoT logging": a setting of a resource wins over that of an event type,
//! which wins over the account's.

use crate::entry::level;
use crate::event::EventType;
use drydock_model::iot::{LogLevel, LogTargetType};
use std::collections::{BTreeMap, HashMap};

/// How much is logged: each level holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing.
    Disabled,
    /// Failures.
    Error,
    /// What may lead to them.
    Warn,
    /// What goes well, too.
    Info,
    /// Everything.
    Debug,
}

impl Level {
    /// AWS's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "DISABLED",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Disabled => Self::Disabled,
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Disabled => Self::Disabled,
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
        }
    }
}

/// Whom an event is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The client id.
    pub client_id: Option<&'a str>,
    /// The certificate id, or that of another kind of principal.
    pub principal_id: Option<&'a str>,
    /// The client's address.
    pub source_ip: Option<&'a str>,
    /// The thing groups that the connection's thing is in, each with those above it, nearest first.
    pub groups: &'a [Vec<String>],
}

/// Where an entry goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// Nowhere.
    Off,
    /// To the log group of all entries, `AWSIotLogsV2`.
    Common,
    /// To the log group that the event type's configuration names.
    Own(&'a str),
}

/// What an event type's configuration says; what it leaves out is the account's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OfEvent {
    pub(crate) level: Option<Level>,
    pub(crate) destination: Option<String>,
}

/// The options made ready to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    pub(crate) default: Level,
    pub(crate) events: BTreeMap<EventType, OfEvent>,
    pub(crate) clients: HashMap<String, Level>,
    pub(crate) addresses: HashMap<String, Level>,
    pub(crate) principals: HashMap<String, Level>,
    pub(crate) groups: HashMap<String, Level>,
}

impl Levels {
    /// Levels at which nothing is logged.
    #[must_use]
    pub fn off() -> Self {
        Self {
            default: Level::Disabled,
            events: BTreeMap::new(),
            clients: HashMap::new(),
            addresses: HashMap::new(),
            principals: HashMap::new(),
            groups: HashMap::new(),
        }
    }

    /// Whether nothing at all can be logged.
    #[must_use]
    pub fn is_off(&self) -> bool {
        let quiet = |levels: &HashMap<String, Level>| levels.values().all(|level| *level == Level::Disabled);
        self.default == Level::Disabled
            && self.events.values().all(|event| event.level.is_none_or(|level| level == Level::Disabled))
            && [&self.clients, &self.addresses, &self.principals, &self.groups].into_iter().all(quiet)
    }

    /// Whether thing groups have to be known for an answer.
    #[must_use]
    pub fn asks_for_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Where an entry goes that tells of a success or a failure.
    #[must_use]
    pub fn route(&self, event: EventType, success: bool, subject: &Subject<'_>) -> Route<'_> {
        let of_event = self.events.get(&event);
        let of_resource = self.of_resource(subject);
        if event.is_opt_in() && of_resource.is_none() && of_event.is_none() {
            return Route::Off;
        }
        let allowed = of_resource.or(of_event.and_then(|event| event.level)).unwrap_or(self.default);
        if level(event, success) > allowed {
            return Route::Off;
        }
        of_event.and_then(|event| event.destination.as_deref()).map_or(Route::Common, Route::Own)
    }

    /// The level that the resources ask for. Where several do, the one that logs most: AWS does not say which wins.
    fn of_resource(&self, subject: &Subject<'_>) -> Option<Level> {
        let named = |levels: &HashMap<String, Level>, name: Option<&str>| levels.get(name?).copied();
        let found = [
            named(&self.clients, subject.client_id),
            named(&self.addresses, subject.source_ip),
            named(&self.principals, subject.principal_id),
            self.of_groups(subject.groups),
        ];
        found.into_iter().flatten().max()
    }

    /// A group's setting also applies to those below it, where they have none of their own.
    fn of_groups(&self, groups: &[Vec<String>]) -> Option<Level> {
        groups.iter().filter_map(|line| line.iter().find_map(|group| self.groups.get(group))).copied().max()
    }
}

/// Which table of [`Levels`] a target is in.
pub(crate) fn table(levels: &mut Levels, kind: LogTargetType) -> Option<&mut HashMap<String, Level>> {
    match kind {
        LogTargetType::Default => None,
        LogTargetType::ClientId => Some(&mut levels.clients),
        LogTargetType::SourceIp => Some(&mut levels.addresses),
        LogTargetType::PrincipalId => Some(&mut levels.principals),
        LogTargetType::ThingGroup => Some(&mut levels.groups),
    }
}
