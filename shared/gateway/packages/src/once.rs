//! Requests that come again with the same client token: they are answered as they were, and do nothing.
//!
//! Source: `clientToken` of the API reference: it ensures that a request is idempotent, and is not to be used for another one.

use crate::book::{Packages, TOKENS, conflict, invalid, json};
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write};
use drydock_model::Wire;
use drydock_model::wire::At;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How long a token is known, in milliseconds: 8 hours. AWS does not say how long it is.
const KNOWN: i64 = 8 * 3_600_000;
/// The most tokens that are known: more lately than these, and the oldest are forgotten earlier.
const MOST: usize = 10_000;
/// The most that are forgotten in one change.
const AT_ONCE: usize = 100;

/// A request that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TokenRow {
    pub(crate) at: Timestamp,
    /// The digest of the operation and the request.
    pub(crate) asked: String,
    pub(crate) answer: Value,
}

impl Packages {
    pub(crate) fn put_token(&mut self, token: String, row: TokenRow) {
        self.take_token(&token);
        self.ages.insert((row.at, token.clone()));
        self.tokens.insert(token, row);
    }

    fn take_token(&mut self, token: &str) {
        if let Some(row) = self.tokens.remove(token) {
            self.ages.remove(&(row.at, token.to_owned()));
        }
    }

    /// Does what is asked, unless the same was asked under the same token before: that is answered as it was.
    ///
    /// # Errors
    /// `ConflictException` for a token of another request; what the change says.
    pub(crate) fn once<R: Wire, T: Wire>(
        &mut self,
        operation: &str,
        token: Option<String>,
        request: R,
        now: Timestamp,
        change: impl FnOnce(&mut Self, R) -> Result<Done<T>, ApiError>,
    ) -> Result<Done<T>, ApiError> {
        let Some(token) = token else { return change(self, request) };
        let asked = hex::encode(Sha256::digest(format!("{operation}\n{}", request.write())));
        if let Some(known) = self.tokens.get(&token).filter(|known| now.since(known.at) < KNOWN) {
            if known.asked != asked {
                return Err(conflict("clientToken was given for another request before"));
            }
            let answer = T::read(&known.answer, &At::ROOT);
            let unread = |error: drydock_model::wire::JsonError| {
                ApiError::new(ErrorCode::InternalServerException, error.to_string())
            };
            return answer.map(Done::reply).map_err(unread);
        }
        let mut done = change(self, request)?;
        self.forget(now, &mut done.writes);
        let row = TokenRow { at: now, asked, answer: done.reply.write() };
        done.writes.push(Write::put(TOKENS, token.as_str(), json(&row)));
        self.put_token(token, row);
        Ok(done)
    }

    /// The same for operations that have no `ConflictException`: a token of another request is a `ValidationException` there.
    ///
    /// # Errors
    /// As [`once`](Self::once).
    pub(crate) fn once_without_conflict<R: Wire, T: Wire>(
        &mut self,
        operation: &str,
        token: Option<String>,
        request: R,
        now: Timestamp,
        change: impl FnOnce(&mut Self, R) -> Result<Done<T>, ApiError>,
    ) -> Result<Done<T>, ApiError> {
        let done = self.once(operation, token, request, now, change);
        done.map_err(|error| match error.code {
            ErrorCode::ConflictException => invalid(error.message),
            _ => error,
        })
    }

    /// Forgets what is too old, and what is too much with one more.
    fn forget(&mut self, now: Timestamp, writes: &mut Vec<Write>) {
        for _ in 0..AT_ONCE {
            let oldest = self.ages.first().filter(|(at, _)| self.tokens.len() >= MOST || now.since(*at) >= KNOWN);
            let Some((_, token)) = oldest.cloned() else { return };
            self.take_token(&token);
            writes.push(Write::delete(TOKENS, token.as_str()));
        }
    }
}
