//! The book of shadows: "Device Shadow REST API" and "Interacting with shadows".

use crate::address::Address;
use crate::document::{Shadow, accepted, documents, object};
use crate::request::Request;
use crate::row;
use drydock_core::{ApiError, CorruptRow, Done, ErrorCode, Event, Rulebook, Timestamp, Write, page};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

const SHADOWS: &str = "shadows";
const LIST: &str = "ListNamedShadowsForThing";
/// Names of a page, where the caller does not say. AWS documents no default for shadows; 25 is that of other lists here.
const PAGE: i32 = 25;
/// How many names a caller may ask for ("API_ListNamedShadowsForThing").
const PAGES: std::ops::RangeInclusive<i32> = 1..=100;
/// The most bytes of a shadow's state as compact JSON, after an update's merge: 8 KB without metadata ("AWS IoT Device
/// Shadow service limits"; AWS raises it to 30 KB on request).
const MOST: usize = 8 * 1024;
/// How long the version of a deleted shadow is remembered: 48 hours ("Interacting with shadows").
const REMEMBERED: i64 = 48 * 60 * 60 * 1000;

/// What an update says to whom. Each document has the client token of the request.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// The answer, for the caller or for `/update/accepted`: the fields of the request.
    pub accepted: Value,
    /// For `/update/documents`: the shadow before the update, but where that created it, and after.
    pub documents: Value,
    /// For `/update/delta`: all that differs between `desired` and `reported` now; none where nothing does.
    pub delta: Option<Value>,
}

/// The shadows of an account in a region.
#[derive(Debug, Default)]
pub struct Shadows {
    /// Deleted shadows among them, as long as their versions are remembered.
    shadows: BTreeMap<Address, Shadow>,
    /// The deleted ones, the longest deleted first.
    deleted: BTreeSet<(Timestamp, Address)>,
}

impl Shadows {
    /// A book without shadows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `GetThingShadow`: the state with its delta, the metadata, version and time, without a client token.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such shadow.
    pub fn get(&self, address: &Address, now: Timestamp) -> Result<Value, ApiError> {
        self.living(address).map(|shadow| shadow.got(now)).ok_or_else(|| no_shadow(address))
    }

    /// `UpdateThingShadow`: creates the shadow where there is none, and merges the request into it. The version goes up
    /// by one even where nothing changes; that of a shadow deleted within 48 hours counts on.
    ///
    /// # Errors
    /// `UnsupportedDocumentEncodingException` or `InvalidRequestException` for a body that is not a valid request,
    /// `ConflictException` for another version than the shadow's (0 or 1 where there is none yet), and
    /// `RequestEntityTooLargeException` where the state would grow beyond 8 KB.
    pub fn update(&mut self, address: &Address, request: &[u8], now: Timestamp) -> Result<Done<Updated>, ApiError> {
        let request = Request::parse(request)?;
        let previous = self.living(address);
        let fitting = |asked| previous.map_or(asked <= 1, |shadow| asked == shadow.version);
        if !request.version.is_none_or(fitting) {
            return Err(ApiError::new(ErrorCode::ConflictException, "Version conflict"));
        }
        let known = self.shadows.get(address).filter(|shadow| !is_forgotten(shadow, now));
        let mut current = known.cloned().unwrap_or_default();
        current.apply(&request, now);
        if current.size() > MOST {
            let message = "The payload exceeds the maximum size allowed";
            return Err(ApiError::new(ErrorCode::RequestEntityTooLargeException, message));
        }
        let token = request.client_token.as_ref();
        let reply = Updated {
            accepted: accepted(&request, current.version, now),
            documents: documents(previous, &current, token, now),
            delta: current.delta_message(token, now),
        };
        let write = Write::put(SHADOWS, address.key(), row::write(&current)?);
        self.put(address.clone(), current);
        Ok(Done::written(reply, vec![write]).with(changed(address)))
    }

    /// `DeleteThingShadow`: answers with the last version. What is left of the shadow is its version, for 48 hours;
    /// what is left of others for longer goes now.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is no such shadow.
    pub fn delete(&mut self, address: &Address, now: Timestamp) -> Result<Done<Value>, ApiError> {
        let shadow = self.living(address).ok_or_else(|| no_shadow(address))?;
        let left = Shadow { version: shadow.version, updated: shadow.updated, deleted: Some(now), ..Shadow::default() };
        let reply = object([("version", left.version.into()), ("timestamp", now.seconds().into())]);
        let mut writes = vec![Write::put(SHADOWS, address.key(), row::write(&left)?)];
        self.put(address.clone(), left);
        while let Some((at, forgotten)) = self.deleted.pop_first() {
            if now.since(at) <= REMEMBERED {
                self.deleted.insert((at, forgotten));
                break;
            }
            self.shadows.remove(&forgotten);
            writes.push(Write::delete(SHADOWS, forgotten.key()));
        }
        Ok(Done::written(reply.into(), writes).with(changed(address)))
    }

    /// `ListNamedShadowsForThing`: the names of a thing's shadows but for the classic one, sorted, none for a thing
    /// without any; and the token of the next page, where there is one.
    ///
    /// # Errors
    /// `InvalidRequestException` for an impossible thing name, a page size that is not of 1 to 100, or a token that no
    /// list gave.
    pub fn list_named(
        &self,
        thing: &str,
        page_size: Option<i32>,
        next_token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), ApiError> {
        let classic = Address::new(thing, None)?;
        let size = page_size.unwrap_or(PAGE);
        let (least, most) = (PAGES.start(), PAGES.end());
        let limit = usize::try_from(size).ok().filter(|_| PAGES.contains(&size));
        let limit =
            limit.ok_or_else(|| ApiError::invalid(format!("pageSize must be {least} to {most}, not {size}")))?;
        let after = next_token.map(|token| page::place(LIST, token)).transpose()?;
        let after = Address { thing: classic.thing.clone(), name: after.map(SmolStr::from) };
        let names = self
            .shadows
            .range((Bound::Excluded(after), Bound::Unbounded))
            .take_while(|(address, _)| address.thing == classic.thing)
            .filter(|(_, shadow)| shadow.deleted.is_none())
            .filter_map(|(address, _)| address.name.as_ref());
        let (found, next) = page::cut(names, limit, |name| name.to_string());
        let names = found.into_iter().map(SmolStr::to_string).collect();
        Ok((names, next.map(|place| page::token(LIST, &place))))
    }

    /// A shadow that is not deleted.
    fn living(&self, address: &Address) -> Option<&Shadow> {
        self.shadows.get(address).filter(|shadow| shadow.deleted.is_none())
    }

    /// Takes a shadow in, or what is left of one, in place of what was there.
    fn put(&mut self, address: Address, shadow: Shadow) {
        if let Some(at) = shadow.deleted {
            self.deleted.insert((at, address.clone()));
        }
        let now_deleted = shadow.deleted;
        let before = self.shadows.insert(address.clone(), shadow).and_then(|before| before.deleted);
        if let Some(at) = before.filter(|at| Some(*at) != now_deleted) {
            self.deleted.remove(&(at, address));
        }
    }
}

fn changed(address: &Address) -> Event {
    Event::ShadowChanged { thing: address.thing.clone(), name: address.name.clone() }
}

fn is_forgotten(shadow: &Shadow, now: Timestamp) -> bool {
    shadow.deleted.is_some_and(|at| now.since(at) > REMEMBERED)
}

fn no_shadow(address: &Address) -> ApiError {
    ApiError::not_found(format!("No shadow exists with name: '{}'", address.called()))
}

impl Rulebook for Shadows {
    const TABLES: &'static [&'static str] = &[SHADOWS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.to_owned(), key: key.to_owned(), why };
        if table != SHADOWS {
            return Err(corrupt("the book of shadows has no such table".to_owned()));
        }
        let address = Address::from_key(key).map_err(|error| corrupt(error.message.into_owned()))?;
        let shadow = row::read(value).map_err(corrupt)?;
        self.put(address, shadow);
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}
