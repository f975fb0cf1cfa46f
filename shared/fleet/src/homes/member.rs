//! Members of homes: a row in the home, and one of the user's, which agree.

use super::home::{Counted, OWNERS};
use super::resource::Member;
use super::role::{ROLE, Role};
use super::row;
use super::text::{Id, UserId};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item};
use crate::transaction::Step;

/// The row of a member.
#[must_use]
pub fn key(home_id: &Id, user: &UserId) -> Change {
    row::change(row::home(home_id.as_str()), sort(user))
}

/// Its sort key.
#[must_use]
pub fn sort(user: &UserId) -> String {
    format!("{}{user}", row::MEMBER)
}

/// The rows of a new member.
#[must_use]
pub fn rows(home_id: &Id, user: &UserId, name: Option<&str>, role: Role, now: EpochMillis) -> [Step; 2] {
    let member = key(home_id, user)
        .when(Condition::Missing(row::THERE))
        .set("userId", user.as_str())
        .set_or_remove(row::NAME, name)
        .set(ROLE, role.as_str())
        .set(row::VERSION, 1)
        .set(row::CREATED_AT, now);
    let home_of = row::change(row::user(user.as_str()), format!("{}{home_id}", row::HOME_OF));
    [Step::Change(member), Step::Change(home_of.set("homeId", home_id.as_str()))]
}

/// Takes the rows of a member away, of whom this has to hold.
#[must_use]
pub fn rows_away(home_id: &Id, user: &UserId, condition: Condition) -> [Step; 2] {
    let home_of = row::change(row::user(user.as_str()), format!("{}{home_id}", row::HOME_OF));
    [Step::Delete(key(home_id, user).when(condition)), Step::Delete(home_of)]
}

/// The home's row when a member of this role goes: an owner does not if it is the last.
#[must_use]
pub fn leaves(home_id: &Id, role: Role) -> Change {
    let change = row::of_home(home_id.as_str()).count(Counted::Members.attribute(), -1);
    if role == Role::Owner {
        change.when(Condition::greater(OWNERS, 1)).count(OWNERS, -1)
    } else {
        change.when(Condition::greater(Counted::Members.attribute(), 1))
    }
}

/// Gives a member another role: the home's count of owners, then the member.
#[must_use]
pub fn change_role(home_id: &Id, user: &UserId, from: Role, to: Role, version: i64) -> Vec<Step> {
    let home = row::of_home(home_id.as_str());
    let counted = match (from == Role::Owner, to == Role::Owner) {
        (true, false) => home.when(Condition::greater(OWNERS, 1)).count(OWNERS, -1),
        (false, true) => home.when(Condition::Exists(row::THERE)).count(OWNERS, 1),
        _ => home.when(Condition::Exists(row::THERE)),
    };
    let has = Condition::All(vec![Condition::equal(ROLE, from.as_str()), Condition::equal(row::VERSION, version)]);
    let member = key(home_id, user).when(has).set(ROLE, to.as_str()).count(row::VERSION, 1);
    let counted = if counted.count.is_empty() { Step::Check(counted) } else { Step::Change(counted) };
    vec![counted, Step::Change(member)]
}

/// A member as its row has it.
#[must_use]
pub fn read(row: &Item, you: &UserId) -> Option<Member> {
    let user_id = UserId::read(row.text("userId")?)?;
    Some(Member {
        name: row.text(row::NAME).map(str::to_owned),
        role: Role::read(row.text(ROLE)?)?,
        joined_at: row.number(row::CREATED_AT)?,
        is_you: user_id == *you,
        user_id,
    })
}
