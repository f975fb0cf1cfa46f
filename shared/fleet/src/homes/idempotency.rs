//! A request with an `Idempotency-Key` that is sent again is answered as it was, and done once.
//!
//! The answer is a row of its own, written in the transaction that does what the request asks for: either both are there or neither.
//! Of two of one key that are under way at once, one finds the other's row in the way of its own, and answers what that says.

use super::http::{Reply, Request};
use super::problem::{Kind, Problem};
use super::row;
use super::text::{IdempotencyKey, UserId, hex};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item};
use aws_lc_rs::digest::{Context, SHA256};

/// How long an answer is kept, in seconds.
const KEPT: i64 = 86_400;

const REQUEST: &str = "request";
const REPLY: &str = "reply";

/// The header that says that an answer is the one of an earlier request.
pub const REPLAYED: &str = "idempotency-replayed";

/// A request that is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    partition: String,
    sort: String,
    digest: String,
}

impl Once {
    /// What the request says; `None` where it has no such header.
    ///
    /// # Errors
    /// `bad-request` for a key that is not valid.
    pub fn of(request: &Request, user: &UserId, body: &[u8]) -> Result<Option<Self>, Problem> {
        let Some(text) = request.header("idempotency-key") else { return Ok(None) };
        let why =
            || Problem::detail(Kind::BadRequest, format!("`Idempotency-Key` must match {}", IdempotencyKey::PATTERN));
        let key = IdempotencyKey::read(text).ok_or_else(why)?;
        // The parts are told apart by their lengths.
        let mut digest = Context::new(&SHA256);
        for part in [request.request_context.http.method.as_bytes(), request.raw_path.as_bytes(), body] {
            digest.update(&part.len().to_be_bytes());
            digest.update(part);
        }
        let mut of_key = Context::new(&SHA256);
        of_key.update(key.as_str().as_bytes());
        Ok(Some(Self {
            partition: row::user(user.as_str()),
            sort: format!("{}{}", row::KEY, hex(of_key.finish().as_ref())),
            digest: hex(digest.finish().as_ref()),
        }))
    }

    /// The keys of the row with the answer.
    #[must_use]
    pub fn key(&self) -> (&str, &str) {
        (&self.partition, &self.sort)
    }

    /// Keeps the answer, unless there is one.
    #[must_use]
    pub fn keep(&self, reply: &Reply, now: EpochMillis) -> Change {
        let seconds = now.div_euclid(1000);
        // A reply is texts and a number: it is always JSON.
        let reply = serde_json::to_string(reply).unwrap_or_default();
        row::change(self.partition.as_str(), self.sort.as_str())
            .when(Condition::Any(vec![
                Condition::Missing(row::THERE),
                Condition::less_or_equal(row::EXPIRES_AT, seconds),
            ]))
            .set(REQUEST, self.digest.as_str())
            .set(REPLY, reply)
            .set(row::EXPIRES_AT, seconds.saturating_add(KEPT))
    }

    /// The answer that was kept, if there is one and it has not ended.
    ///
    /// # Errors
    /// `idempotency-key-reused` where it is another request's.
    pub fn answered(&self, row: Option<&Item>, now: EpochMillis) -> Result<Option<Reply>, Problem> {
        let is_live = |row: &&Item| row.number(row::EXPIRES_AT).is_some_and(|ends| ends > now.div_euclid(1000));
        let Some(row) = row.filter(is_live) else { return Ok(None) };
        if row.text(REQUEST) != Some(&self.digest) {
            return Err(Kind::IdempotencyKeyReused.into());
        }
        let reply = row.text(REPLY).and_then(|text| serde_json::from_str::<Reply>(text).ok());
        let reply = reply.ok_or_else(|| Problem::from(Kind::Internal))?;
        Ok(Some(reply.with(REPLAYED, "true")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::homes::text::user_id;
    use std::collections::BTreeMap;

    fn request(path: &str, key: &str) -> Request {
        Request {
            raw_path: path.to_owned(),
            headers: BTreeMap::from([("idempotency-key".to_owned(), key.to_owned())]),
            ..Request::default()
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_request_for_a_day() {
        let user = user_id("u");
        let once = |path: &str, body: &[u8]| Once::of(&request(path, "k"), &user, body).unwrap().unwrap();
        let (first, mut row) = (once("/homes", b"{}"), None);
        assert_eq!(first.answered(row.as_ref(), 1_000), Ok(None));
        let reply = Reply::json(201, &"made").with("location", "/homes/1");
        first.keep(&reply, 1_000).apply(&mut row);
        assert_eq!(first.answered(row.as_ref(), 2_000), Ok(Some(reply.clone().with(REPLAYED, "true"))));
        for other in [once("/homes", b"{ }"), once("/home", b"s{}"), once("", b"/homes{}")] {
            assert_eq!(other.key(), first.key());
            assert_eq!(other.answered(row.as_ref(), 2_000), Err(Kind::IdempotencyKeyReused.into()));
        }
        let later = 1_000 + KEPT * 1000;
        assert_eq!(first.answered(row.as_ref(), later), Ok(None));
        let before = row.clone();
        first.keep(&reply, later - 1_000).apply(&mut row);
        assert_eq!(row, before, "one that is there is not replaced");
        first.keep(&reply, later).apply(&mut row);
        assert_ne!(row, before, "one that has ended is");
        assert!(Once::of(&request("/", "a b"), &user, b"").is_err());
        assert_eq!(Once::of(&Request::default(), &user, b""), Ok(None));
    }
}
