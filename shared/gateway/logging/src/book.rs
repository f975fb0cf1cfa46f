//! The book of logging options: "SetV2LoggingOptions" and its like, and the older "SetLoggingOptions", of the API reference.

use crate::event::EventType;
use crate::levels::{Levels, OfEvent, table};
use drydock_core::{ApiError, CorruptRow, Done, ErrorCode, Rulebook, Write, page};
use drydock_model::iot::{
    DeleteV2LoggingLevelRequest, GetLoggingOptionsResponse, GetV2LoggingOptionsRequest, GetV2LoggingOptionsResponse,
    ListV2LoggingLevelsRequest, ListV2LoggingLevelsResponse, LogEventConfiguration, LogLevel, LogTarget,
    LogTargetConfiguration, LogTargetType, SetLoggingOptionsRequest, SetV2LoggingLevelRequest,
    SetV2LoggingOptionsRequest,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const OPTIONS: &str = "logging_options";
const LEVELS: &str = "logging_levels";
const V1: &str = "v1";
const V2: &str = "v2";
const LIST: &str = "ListV2LoggingLevels";
/// Levels of a page, where the caller does not say.
const PAGE: i32 = 250;
/// The most levels of resources ("Configure AWS IoT logging").
const MOST: usize = 1000;

/// Logging options as they are stored, of either kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Options {
    role: String,
    level: String,
    #[serde(default)]
    off: bool,
    #[serde(default)]
    events: Vec<EventRow>,
}

/// An event type's configuration as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EventRow {
    event: String,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    destination: Option<String>,
}

/// The logging options of an account in a region.
#[derive(Debug, Default)]
pub struct Logging {
    v1: Option<Options>,
    v2: Option<Options>,
    /// By type and name of the target, which sort as they are listed.
    levels: BTreeMap<(String, String), LogLevel>,
}

impl Logging {
    /// A book without options: nothing is logged.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `SetV2LoggingOptions`. The first time role and level are required; later what is left out stays, but for
    /// `disableAllLogs`, which is false where it is left out.
    ///
    /// # Errors
    /// `InvalidRequestException` where one is missing, or an event type is none or is there twice.
    pub fn set_v2_logging_options(&mut self, request: SetV2LoggingOptionsRequest) -> Result<Done<()>, ApiError> {
        let known = self.v2.clone();
        let missing =
            |name: &str| ApiError::invalid(format!("`{name}` is required where no logging options are set yet"));
        let role = request.role_arn.or_else(|| known.as_ref().map(|k| k.role.clone()));
        let level = request.default_log_level.map(|level| level.to_string());
        let level = level.or_else(|| known.as_ref().map(|k| k.level.clone()));
        let events = match request.event_configurations {
            Some(events) => rows(events)?,
            None => known.map(|known| known.events).unwrap_or_default(),
        };
        let options = Options {
            role: role.ok_or_else(|| missing("roleArn"))?,
            level: level.ok_or_else(|| missing("defaultLogLevel"))?,
            off: request.disable_all_logs.unwrap_or_default(),
            events,
        };
        let write = Write::put(OPTIONS, V2, json(&options)?);
        self.v2 = Some(options);
        Ok(Done::written((), vec![write]))
    }

    /// `GetV2LoggingOptions`; with `verbose` every event type is told of, with what it has from the account.
    ///
    /// # Errors
    /// `NotConfiguredException` before the options are set.
    pub fn get_v2_logging_options(
        &self,
        request: &GetV2LoggingOptionsRequest,
    ) -> Result<GetV2LoggingOptionsResponse, ApiError> {
        let options = self.options()?;
        let default: Option<LogLevel> = options.level.parse().ok();
        let configured = |event: &str| options.events.iter().find(|row| row.event == event);
        let told = |event: &str, row: Option<&EventRow>| LogEventConfiguration {
            event_type: event.to_owned(),
            log_level: row.and_then(|row| row.level.as_ref()?.parse().ok()).or(default),
            log_destination: row.and_then(|row| row.destination.clone()),
        };
        let events = if request.verbose.unwrap_or_default() {
            EventType::ALL.iter().map(|event| told(event.as_str(), configured(event.as_str()))).collect()
        } else {
            options.events.iter().map(|row| told(&row.event, Some(row))).collect()
        };
        Ok(GetV2LoggingOptionsResponse {
            role_arn: Some(options.role.clone()),
            default_log_level: default,
            disable_all_logs: Some(options.off),
            event_configurations: Some(events),
        })
    }

    /// `SetV2LoggingLevel`. A target of type `DEFAULT` is the account's level.
    ///
    /// # Errors
    /// `NotConfiguredException` before the options are set; `InvalidRequestException` where the target's name is missing, or
    /// there though it is the default; `LimitExceededException` beyond 1,000 targets.
    pub fn set_v2_logging_level(&mut self, request: &SetV2LoggingLevelRequest) -> Result<Done<()>, ApiError> {
        let mut options = self.options()?.clone();
        let name = request.log_target.target_name.as_deref();
        if request.log_target.target_type == LogTargetType::Default {
            if name.is_some_and(|name| !name.is_empty()) {
                return Err(ApiError::invalid("a target of type DEFAULT has no name"));
            }
            options.level = request.log_level.to_string();
            let write = Write::put(OPTIONS, V2, json(&options)?);
            self.v2 = Some(options);
            return Ok(Done::written((), vec![write]));
        }
        let key = target(request.log_target.target_type, name)?;
        if self.levels.len() >= MOST && !self.levels.contains_key(&key) {
            let message = format!("there are {MOST} levels of resources already");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let write = Write::put(LEVELS, row_key(&key), json(&request.log_level.to_string())?);
        self.levels.insert(key, request.log_level);
        Ok(Done::written((), vec![write]))
    }

    /// `ListV2LoggingLevels`: the account's level first, then those of resources by type and name.
    ///
    /// # Errors
    /// `NotConfiguredException` before the options are set; `InvalidRequestException` for a token that no list has given.
    pub fn list_v2_logging_levels(
        &self,
        request: &ListV2LoggingLevelsRequest,
    ) -> Result<ListV2LoggingLevelsResponse, ApiError> {
        let default: Option<LogLevel> = self.options()?.level.parse().ok();
        let default = default.map(|level| ((LogTargetType::Default.to_string(), String::new()), level));
        let wanted = request.target_type.map(|kind| kind.to_string());
        let after = request.next_token.as_deref().map(|token| page::place(LIST, token)).transpose()?;
        let rest = default
            .into_iter()
            .chain(self.levels.iter().map(|(key, level)| (key.clone(), *level)))
            .filter(|((kind, _), _)| wanted.as_ref().is_none_or(|wanted| wanted == kind))
            .skip_while(|(key, _)| after.as_ref().is_some_and(|after| listed_at(key) <= *after));
        let limit = usize::try_from(request.max_results.unwrap_or(PAGE)).unwrap_or_default();
        let (found, next) = page::cut(rest, limit, |(key, _)| listed_at(key));
        let told = |((kind, name), level): ((String, String), LogLevel)| LogTargetConfiguration {
            log_level: Some(level),
            log_target: kind
                .parse()
                .ok()
                .map(|target_type| LogTarget { target_type, target_name: Some(name).filter(|name| !name.is_empty()) }),
        };
        Ok(ListV2LoggingLevelsResponse {
            log_target_configurations: Some(found.into_iter().map(told).collect()),
            next_token: next.map(|place| page::token(LIST, &place)),
        })
    }

    /// `DeleteV2LoggingLevel`. Deleting what is not there changes nothing.
    ///
    /// # Errors
    /// `InvalidRequestException` for the account's level, which cannot be deleted.
    pub fn delete_v2_logging_level(&mut self, request: &DeleteV2LoggingLevelRequest) -> Result<Done<()>, ApiError> {
        let key = target(request.target_type, Some(request.target_name.as_str()))?;
        self.levels.remove(&key);
        Ok(Done::written((), vec![Write::delete(LEVELS, row_key(&key))]))
    }

    /// `SetLoggingOptions`, the older kind: its level holds for all events while there are no V2 options.
    ///
    /// # Errors
    /// `InvalidRequestException` where the level is missing.
    pub fn set_logging_options(&mut self, request: SetLoggingOptionsRequest) -> Result<Done<()>, ApiError> {
        let payload = request.logging_options_payload;
        let level = payload.log_level.unwrap_or(LogLevel::Error).to_string();
        let options = Options { role: payload.role_arn, level, off: false, events: Vec::new() };
        let write = Write::put(OPTIONS, V1, json(&options)?);
        self.v1 = Some(options);
        Ok(Done::written((), vec![write]))
    }

    /// `GetLoggingOptions`; nothing in it before they are set.
    #[must_use]
    pub fn get_logging_options(&self) -> GetLoggingOptionsResponse {
        GetLoggingOptionsResponse {
            log_level: self.v1.as_ref().and_then(|options| options.level.parse().ok()),
            role_arn: self.v1.as_ref().map(|options| options.role.clone()),
        }
    }

    /// Whether anything is logged: the options of either kind are set, not switched off, and not at the level `DISABLED`.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let options = self.v2.as_ref().or(self.v1.as_ref()).filter(|options| !options.off);
        options.is_some_and(|options| options.level.parse().is_ok_and(|level: LogLevel| level != LogLevel::Disabled))
    }

    /// The options made ready to ask.
    #[must_use]
    pub fn levels(&self) -> Levels {
        let mut levels = Levels::off();
        let Some(options) = self.v2.as_ref().or(self.v1.as_ref()).filter(|options| !options.off) else { return levels };
        let level = |text: &String| text.parse::<LogLevel>().ok().map(Into::into);
        levels.default = level(&options.level).unwrap_or(levels.default);
        for row in &options.events {
            if let Some(event) = EventType::from_name(&row.event) {
                let of_event =
                    OfEvent { level: row.level.as_ref().and_then(level), destination: row.destination.clone() };
                levels.events.insert(event, of_event);
            }
        }
        for ((kind, name), level) in &self.levels {
            if let Some(of_kind) = kind.parse().ok().and_then(|kind| table(&mut levels, kind)) {
                of_kind.insert(name.clone(), (*level).into());
            }
        }
        levels
    }

    fn options(&self) -> Result<&Options, ApiError> {
        self.v2.as_ref().ok_or_else(|| {
            let message = "logging is not configured: call SetV2LoggingOptions first";
            ApiError::new(ErrorCode::NotConfiguredException, message)
        })
    }
}

/// Event types as they are stored.
fn rows(events: Vec<LogEventConfiguration>) -> Result<Vec<EventRow>, ApiError> {
    let mut rows: Vec<EventRow> = Vec::with_capacity(events.len());
    for event in events {
        let name = event.event_type;
        if EventType::from_name(&name).is_none() {
            return Err(ApiError::invalid(format!("`{name:.120}` is not an event type of AWS IoT's logs")));
        }
        if rows.iter().any(|row| row.event == name) {
            return Err(ApiError::invalid(format!("event type `{name}` is configured twice")));
        }
        let level = event.log_level.map(|level| level.to_string());
        rows.push(EventRow { event: name, level, destination: event.log_destination });
    }
    Ok(rows)
}

/// The key of a resource's level.
fn target(kind: LogTargetType, name: Option<&str>) -> Result<(String, String), ApiError> {
    if kind == LogTargetType::Default {
        return Err(ApiError::invalid("the level of target type DEFAULT can be set, not deleted"));
    }
    let name = name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ApiError::invalid(format!("a target of type {kind} needs a `targetName`")))?;
    Ok((kind.to_string(), name.to_owned()))
}

/// Where a level is in the list: the account's comes first.
fn listed_at(key: &(String, String)) -> String {
    if key.1.is_empty() { String::new() } else { row_key(key) }
}

fn row_key((kind, name): &(String, String)) -> String {
    format!("{kind} {name}")
}

fn json<T: Serialize>(row: &T) -> Result<String, ApiError> {
    serde_json::to_string(row).map_err(|error| {
        ApiError::new(ErrorCode::InternalFailureException, format!("a row cannot be written: {error}"))
    })
}

impl Rulebook for Logging {
    const TABLES: &'static [&'static str] = &[OPTIONS, LEVELS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.to_owned(), key: key.to_owned(), why };
        match (table, key) {
            (OPTIONS, V1) => self.v1 = Some(serde_json::from_str(value).map_err(|e| corrupt(e.to_string()))?),
            (OPTIONS, V2) => self.v2 = Some(serde_json::from_str(value).map_err(|e| corrupt(e.to_string()))?),
            (LEVELS, _) => {
                let (kind, name) = key.split_once(' ').ok_or_else(|| corrupt("the key has no name".to_owned()))?;
                let text: String = serde_json::from_str(value).map_err(|e| corrupt(e.to_string()))?;
                let level = text.parse().map_err(|_| corrupt(format!("`{text}` is not a level")))?;
                self.levels.insert((kind.to_owned(), name.to_owned()), level);
            }
            _ => return Err(corrupt("the book of logging options has no such row".to_owned())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}
