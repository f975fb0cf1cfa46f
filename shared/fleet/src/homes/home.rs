//! Homes. A home's row counts what is in it, so that limits hold whoever adds at once.

use super::resource::{Home, HomeChange, NewHome};
use super::role::Role;
use super::row;
use super::text::{Id, UserId};
use super::{member, problem::Kind};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item};
use crate::transaction::Step;

/// What a home has so many of, and how many it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Members.
    Members,
    /// Rooms.
    Rooms,
    /// Devices.
    Devices,
    /// Links that are not used yet.
    Shares,
}

impl Counted {
    const ALL: [Self; 4] = [Self::Members, Self::Rooms, Self::Devices, Self::Shares];

    /// The attribute with the number.
    #[must_use]
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Rooms => "rooms",
            Self::Devices => "devices",
            Self::Shares => "shares",
        }
    }

    /// How many there may be.
    #[must_use]
    pub fn most(self) -> i64 {
        match self {
            Self::Members | Self::Rooms => 32,
            Self::Devices => 256,
            Self::Shares => 16,
        }
    }
}

/// How many of the members are owners.
pub const OWNERS: &str = "owners";

/// Counts one more, if there may be one.
#[must_use]
pub fn one_more(home_id: &Id, what: Counted) -> Change {
    row::of_home(home_id.as_str()).when(Condition::less(what.attribute(), what.most())).count(what.attribute(), 1)
}

/// Counts one less.
#[must_use]
pub fn one_less(home_id: &Id, what: Counted) -> Change {
    row::of_home(home_id.as_str()).when(Condition::greater(what.attribute(), 0)).count(what.attribute(), -1)
}

/// Why [`one_more`] was refused.
#[must_use]
pub fn refused(current: Option<&Item>) -> Kind {
    if current.is_some() { Kind::LimitReached } else { Kind::NotFound }
}

/// Makes a home with its first owner.
#[must_use]
pub fn make(home_id: &Id, asked: &NewHome, owner: &UserId, now: EpochMillis) -> Vec<Step> {
    let mut home = row::of_home(home_id.as_str())
        .when(Condition::Missing(row::THERE))
        .set("homeId", home_id.as_str())
        .set(row::NAME, asked.name.as_str())
        .set(row::VERSION, 1)
        .set(row::CREATED_AT, now)
        .set(OWNERS, 1);
    for what in Counted::ALL {
        home = home.set(what.attribute(), i64::from(what == Counted::Members));
    }
    let name = asked.your_name.as_ref().map(super::text::GivenName::as_str);
    let mut steps = vec![Step::Change(home)];
    steps.extend(member::rows(home_id, owner, name, Role::Owner, now));
    steps
}

/// Names a home anew: the row's version becomes the next.
#[must_use]
pub fn rename(home_id: &Id, asked: &HomeChange, version: Option<i64>) -> Change {
    let condition = match version {
        Some(version) => Condition::equal(row::VERSION, version),
        None => Condition::Exists(row::THERE),
    };
    row::of_home(home_id.as_str()).when(condition).set(row::NAME, asked.name.as_str()).count(row::VERSION, 1)
}

/// Takes a home away with its last member, its rooms and its links: nothing else may be in it.
#[must_use]
pub fn take_away(home_id: &Id, owner: &UserId, rooms: &[Item], shares: &[Item], version: Option<i64>) -> Vec<Step> {
    let count = |rows: &[Item]| i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let mut conditions = vec![
        Condition::equal(Counted::Members.attribute(), 1),
        Condition::equal(Counted::Devices.attribute(), 0),
        Condition::equal(Counted::Rooms.attribute(), count(rooms)),
        Condition::equal(Counted::Shares.attribute(), count(shares)),
    ];
    conditions.extend(version.map(|version| Condition::equal(row::VERSION, version)));
    let mut steps = vec![Step::Delete(row::of_home(home_id.as_str()).when(Condition::All(conditions)))];
    steps.extend(member::rows_away(home_id, owner, Role::Owner.or_more()));
    for found in rooms.iter().chain(shares) {
        if let Some(sort) = found.text(row::SORT) {
            let gone = row::change(row::home(home_id.as_str()), sort).when(Condition::Exists(row::THERE));
            steps.push(Step::Delete(gone));
        }
    }
    steps
}

/// A home as its row has it.
#[must_use]
pub fn read(row: &Item, role: Role) -> Option<Home> {
    Some(Home {
        home_id: Id::read(row.text("homeId")?)?,
        name: row.text(row::NAME)?.to_owned(),
        role,
        created_at: row.number(row::CREATED_AT)?,
    })
}
