//! A request whose caller may ask.

use super::{Moment, Outside, Ports, unavailable};
use fleet::conditional::Item;
use fleet::homes::http::{Reply, Request};
use fleet::homes::idempotency::Once;
use fleet::homes::member;
use fleet::homes::page::{List, Page, cursor};
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::role::{ROLE, Role};
use fleet::homes::route::Labels;
use fleet::homes::row;
use fleet::homes::text::{Id, UserId, hex};
use fleet::ports::{FindHomeRow, ListRows, Transact};
use fleet::transaction::{Step, Transacted};

/// What becomes of a request.
pub(super) type Answer = Result<Reply, Problem>;

/// That the caller is a member of the home in the path, with a role that allows what is asked for: there is none otherwise.
#[derive(Debug)]
pub(super) struct Membership {
    home_id: Id,
    role: Role,
    /// The least that is asked for.
    needed: Role,
}

impl Membership {
    /// Asks. A home that the caller is no member of is not there for the caller.
    pub(super) async fn of<O: Outside>(
        ports: &Ports<'_, O>,
        home_id: Id,
        user: &UserId,
        needed: Role,
    ) -> Result<Self, Problem> {
        let (partition, sort) = (row::home(home_id.as_str()), member::sort(user));
        let found = ports.homes.find_home_row(&partition, &sort).await.map_err(|error| unavailable(&error))?;
        let role = found.as_ref().and_then(|row| Role::read(row.text(ROLE)?));
        let role = role.ok_or_else(|| Problem::from(Kind::NotFound))?;
        if role < needed {
            return Err(Problem::detail(Kind::Forbidden, format!("it takes the role `{}`", needed.as_str())));
        }
        Ok(Self { home_id, role, needed })
    }

    pub(super) fn home_id(&self) -> &Id {
        &self.home_id
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// The partition of the home.
    pub(super) fn partition(&self) -> String {
        row::home(self.home_id.as_str())
    }
}

/// A request.
pub(super) struct Call<'a, O: Outside> {
    pub(super) ports: &'a Ports<'a, O>,
    pub(super) request: &'a Request,
    pub(super) body: &'a [u8],
    pub(super) labels: Labels,
    pub(super) user: UserId,
    pub(super) once: Option<Once>,
    pub(super) moment: Moment,
}

/// The version of a row that has one.
pub(super) fn version(row: &Item) -> Result<i64, Problem> {
    row.number(row::VERSION).ok_or_else(|| Kind::Internal.into())
}

/// What became of what a request changes.
pub(super) enum Committed {
    /// It is done; so it is answered.
    Done(Reply),
    /// This step of it was refused, by this row.
    Refused(usize, Option<Item>),
}

impl<O: Outside> Call<'_, O> {
    /// A new id.
    pub(super) fn new_id(&self) -> Result<Id, Problem> {
        let id = Id::read(&hex(self.moment.chance.get(..10).unwrap_or_default()));
        id.ok_or_else(|| Kind::Internal.into())
    }

    /// A new secret: 40 hexadecimal digits.
    pub(super) fn new_secret(&self) -> String {
        hex(self.moment.chance.get(20..).unwrap_or_default())
    }

    /// A row.
    pub(super) async fn row(&self, partition: &str, sort: &str) -> Result<Option<Item>, Problem> {
        self.ports.homes.find_home_row(partition, sort).await.map_err(|error| unavailable(&error))
    }

    /// A row of the home, which has to be there.
    pub(super) async fn in_home(&self, of: &Membership, sort: &str) -> Result<Item, Problem> {
        self.row(&of.partition(), sort).await?.ok_or_else(|| Kind::NotFound.into())
    }

    /// A part of the rows whose keys begin so, each as callers see it.
    pub(super) async fn rows(&self, partition: &str, prefix: &str) -> Result<(Vec<Item>, Option<String>), Problem> {
        const MOST: usize = 50;
        let page = Page::of(&self.request.query_string_parameters, prefix, MOST)?;
        let found = self.ports.homes.list_rows(partition, prefix, page.after.as_deref(), page.limit).await;
        let found = found.map_err(|error| unavailable(&error))?;
        let next = found.items.last().filter(|_| found.has_more).and_then(|row| row.text(row::SORT)).map(cursor);
        Ok((found.items, next))
    }

    /// A part of such a list.
    pub(super) async fn list<T: serde::Serialize>(
        &self,
        partition: &str,
        prefix: &str,
        read: impl Fn(&Item) -> Option<T>,
    ) -> Answer {
        let (rows, next_cursor) = self.rows(partition, prefix).await?;
        let items = rows.iter().map(|row| read(row).ok_or_else(|| Kind::Internal.into()));
        Ok(Reply::json(200, &List { items: items.collect::<Result<Vec<_>, Problem>>()?, next_cursor }))
    }

    /// The answer that the request got before, where its key says that it is the same.
    pub(super) async fn answered(&self) -> Result<Option<Reply>, Problem> {
        let Some(once) = &self.once else { return Ok(None) };
        let (partition, sort) = once.key();
        once.answered(self.row(partition, sort).await?.as_ref(), self.moment.now)
    }

    /// Does what the request asks for and keeps its answer, all or nothing; if the caller is still allowed to.
    pub(super) async fn commit(
        &self,
        of: Option<&Membership>,
        steps: Vec<Step>,
        reply: Reply,
    ) -> Result<Committed, Problem> {
        let mut before: Vec<Step> =
            self.once.iter().map(|once| Step::Change(once.keep(&reply, self.moment.now))).collect();
        let is_kept = !before.is_empty();
        before.extend(of.map(|of| Step::Check(member::key(&of.home_id, &self.user).when(of.needed.or_more()))));
        let own = before.len();
        before.extend(steps);
        match self.ports.homes.transact(&before).await.map_err(|error| unavailable(&error))? {
            Transacted::Done => Ok(Committed::Done(reply)),
            // The same request, at the same time, was faster.
            Transacted::Refused { at: 0, .. } if is_kept => {
                let answered = self.answered().await?;
                answered.map(Committed::Done).ok_or_else(|| Kind::Busy.into())
            }
            Transacted::Refused { at, current } => match at.checked_sub(own) {
                Some(at) => Ok(Committed::Refused(at, current)),
                // The caller's role has become less, or none.
                None => Err(if current.is_some() { Kind::Forbidden } else { Kind::NotFound }.into()),
            },
        }
    }

    /// The same for one row that is changed as the version allows that the caller knows.
    pub(super) async fn commit_version(&self, of: &Membership, steps: Vec<Step>, reply: Reply) -> Answer {
        match self.commit(Some(of), steps, reply).await? {
            Committed::Done(reply) => Ok(reply),
            Committed::Refused(0, None) => Err(Kind::NotFound.into()),
            Committed::Refused(..) => Err(Kind::Busy.into()),
        }
    }
}
