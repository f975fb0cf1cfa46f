//! Links that make whoever has one a member, once. Of what a link ends in, a digest alone is kept.

use super::home::{self, Counted, OWNERS};
use super::member;
use super::resource::{AcceptShare, NewShare, Share, ShareSeconds};
use super::role::{ROLE, Role};
use super::row;
use super::text::{GivenName, Id, ShareToken, UserId, hex};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item};
use crate::transaction::Step;

const SECRET_HASH: &str = "secretHash";
/// When the link ends, in milliseconds: DynamoDB's `expiresAt` is in seconds, and rows stay for days behind it. A row that DynamoDB
/// deletes would not be counted off, so these rows have none.
const ENDS_AT: &str = "endsAt";

fn key(home_id: &Id, share_id: &Id) -> Change {
    row::change(row::home(home_id.as_str()), format!("{}{share_id}", row::SHARE))
}

fn digest(secret: &str) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes()).as_ref())
}

/// Makes a link: the home's count, then the link. The secret is 40 hexadecimal digits of chance.
#[must_use]
pub fn make(
    home_id: &Id,
    share_id: &Id,
    secret: &str,
    asked: &NewShare,
    now: EpochMillis,
) -> Option<(Vec<Step>, Share)> {
    let seconds = asked.expires_in_seconds.unwrap_or(ShareSeconds::DAY).get();
    let expires_at = now.saturating_add(seconds.saturating_mul(1000));
    let made = key(home_id, share_id)
        .when(Condition::Missing(row::THERE))
        .set("shareId", share_id.as_str())
        .set(ROLE, asked.role.as_str())
        .set(SECRET_HASH, digest(secret))
        .set(ENDS_AT, expires_at);
    let token = Some(ShareToken::read(&format!("{home_id}-{share_id}-{secret}"))?);
    let share = Share { share_id: share_id.clone(), role: asked.role, expires_at, token };
    Some((vec![Step::Change(home::one_more(home_id, Counted::Shares)), Step::Change(made)], share))
}

/// A link, whether or not it has ended.
#[must_use]
pub fn read(row: &Item) -> Option<Share> {
    Some(Share {
        share_id: Id::read(row.text("shareId")?)?,
        role: Role::read(row.text(ROLE)?)?,
        expires_at: row.number(ENDS_AT)?,
        token: None,
    })
}

/// Takes a link back: the link, then the home's count.
#[must_use]
pub fn take_back(home_id: &Id, share_id: &Id) -> Vec<Step> {
    vec![
        Step::Delete(key(home_id, share_id).when(Condition::Exists(row::THERE))),
        Step::Change(home::one_less(home_id, Counted::Shares)),
    ]
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The home.
    pub home_id: Id,
    /// The link.
    pub share_id: Id,
    hash: String,
}

impl Offered {
    /// Reads a token.
    #[must_use]
    pub fn of(token: &ShareToken) -> Option<Self> {
        let mut parts = token.as_str().split('-');
        let (home_id, share_id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { home_id: Id::read(home_id)?, share_id: Id::read(share_id)?, hash: digest(secret) })
    }

    /// The sort key of the link's row.
    #[must_use]
    pub fn sort(&self) -> String {
        format!("{}{}", row::SHARE, self.share_id)
    }

    /// The role that the link gives, if it is the link of the row and has not ended. Digests are compared, of which nobody who
    /// guesses knows how they begin.
    #[must_use]
    pub fn role(&self, row: &Item, now: EpochMillis) -> Option<Role> {
        let is_it = row.text(SECRET_HASH) == Some(&self.hash) && row.number(ENDS_AT)? > now;
        Role::read(row.text(ROLE)?).filter(|_| is_it)
    }

    /// Makes the user a member of this role: the link goes, the home's counts, the member.
    #[must_use]
    pub fn accept(&self, asked: &AcceptShare, user: &UserId, role: Role, now: EpochMillis) -> Vec<Step> {
        let used = key(&self.home_id, &self.share_id).when(Condition::All(vec![
            Condition::equal(SECRET_HASH, self.hash.as_str()),
            Condition::equal(ROLE, role.as_str()),
            Condition::greater(ENDS_AT, now),
        ]));
        let mut home = home::one_more(&self.home_id, Counted::Members).count(Counted::Shares.attribute(), -1);
        if role == Role::Owner {
            home = home.count(OWNERS, 1);
        }
        let name = asked.your_name.as_ref().map(GivenName::as_str);
        let mut steps = vec![Step::Delete(used), Step::Change(home)];
        steps.extend(member::rows(&self.home_id, user, name, role, now));
        steps
    }
}
