//! Changes of one or several rulebooks as one unit: all of it is saved, or nothing.

use crate::commit::Commit;
use crate::durable::{Durable, Locked, Tables};
use crate::error::StoreError;
use crate::store::Store;
use crate::writer::{Member, Work};
use drydock_core::{Done, Event, Rulebook, Scope, Write};
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

/// Who is told of the events of a change.
pub trait Listener: Send + 'static {
    /// Called for each event that a [rulebook promises](Rulebook::promises), with its place among the change's events, before the
    /// change is submitted and under its locks: it neither waits nor locks a rulebook. What has to be kept with the change so
    /// that the promise outlives the process goes to its `writes`, where it has any.
    fn promise(&mut self, place: usize, event: &Event, writes: Option<&mut Vec<Write>>) {
        let _ = (place, event, writes);
    }

    /// Called when the change is committed, as [`change`] says.
    fn committed(self, events: Vec<Event>);
}

impl<F: FnOnce(Vec<Event>) + Send + 'static> Listener for F {
    fn committed(self, events: Vec<Event>) {
        self(events);
    }
}

/// What the commands of a change have asked for so far.
#[derive(Debug, Default)]
pub struct Record(RefCell<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    /// Tables that are emptied before anything is written.
    cleared: Vec<&'static str>,
    writes: Vec<Write>,
    events: Vec<Event>,
    /// The places of those that are promised.
    promised: Vec<usize>,
}

impl Record {
    fn add<R: Rulebook>(&self, of: &R, writes: Vec<Write>, events: Vec<Event>) {
        let mut recorded = self.0.borrow_mut();
        recorded.writes.extend(writes);
        for event in events {
            if of.promises(&event) {
                let place = recorded.events.len();
                recorded.promised.push(place);
            }
            recorded.events.push(event);
        }
    }

    fn clear(&self, tables: &[&'static str]) {
        let mut recorded = self.0.borrow_mut();
        recorded.writes.retain(|write| !tables.contains(&write.table));
        recorded.cleared.extend_from_slice(tables);
    }
}

/// A rulebook that a change has locked: it is asked directly, and changed by [`apply`](Self::apply).
#[derive(Debug)]
pub struct Part<'g, R> {
    book: &'g Durable<R>,
    state: Locked<'g, R>,
    record: Rc<Record>,
    /// Whether a command has changed it.
    changed: bool,
}

impl<'g, R: Rulebook> Part<'g, R> {
    pub(crate) fn new(book: &'g Durable<R>, state: Locked<'g, R>, record: Rc<Record>) -> Self {
        Self { book, state, record, changed: false }
    }

    /// Runs a command. A command that fails must leave the rulebook as it was.
    ///
    /// # Errors
    /// The command's own.
    pub fn apply<T, E>(&mut self, command: impl FnOnce(&mut R) -> Result<Done<T>, E>) -> Result<T, E> {
        let Done { reply, writes, events } = command(&mut self.state.rulebook)?;
        self.changed |= !writes.is_empty();
        self.record.add(&self.state.rulebook, writes, events);
        Ok(reply)
    }

    /// Runs a command that does not fail.
    pub fn run<T>(&mut self, command: impl FnOnce(&mut R) -> Done<T>) -> T {
        let Done { reply, writes, events } = command(&mut self.state.rulebook);
        self.changed |= !writes.is_empty();
        self.record.add(&self.state.rulebook, writes, events);
        reply
    }
}

impl<R> Deref for Part<'_, R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.state.rulebook
    }
}

/// A [`Part`], whichever rulebook it is of.
pub trait AnyPart {
    /// The rulebook's tables, in the order they are loaded in.
    fn tables(&self) -> &'static [&'static str];

    /// Forgets the rulebook's state.
    fn clear(&mut self);

    /// Puts these rows in the place of the rulebook's state.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a row does not read back: the change must not go on then.
    fn replace(&mut self, tables: &Tables) -> Result<(), StoreError>;

    /// Makes sure that the rulebook is what is on disk or on its way there.
    #[doc(hidden)]
    fn refresh(&mut self) -> Result<(), StoreError>;

    /// Goes back to what was before the change, where the change has come to this rulebook.
    #[doc(hidden)]
    fn take_back(&mut self) -> Result<bool, StoreError>;

    /// Goes back to what is on disk, where nobody has since an epoch.
    #[doc(hidden)]
    fn leave(&mut self, member: &Member) -> Result<(), StoreError>;

    #[doc(hidden)]
    fn member(&self) -> Member;

    #[doc(hidden)]
    fn home(&self) -> (&Store, &Scope);
}

impl<R: Rulebook> AnyPart for Part<'_, R> {
    fn tables(&self) -> &'static [&'static str] {
        R::TABLES
    }

    fn clear(&mut self) {
        self.changed = true;
        self.state.rulebook.clear();
        self.record.clear(R::TABLES);
    }

    fn replace(&mut self, tables: &Tables) -> Result<(), StoreError> {
        self.clear();
        let mut writes = Vec::new();
        for table in R::TABLES {
            for (key, value) in tables.get(*table).into_iter().flatten() {
                self.state.rulebook.load(table, key, value)?;
                writes.push(Write::put(table, key.as_str(), value.clone()));
            }
        }
        self.record.add(&self.state.rulebook, writes, Vec::new());
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), StoreError> {
        self.book.refresh(&mut self.state)
    }

    fn take_back(&mut self) -> Result<bool, StoreError> {
        if self.changed {
            self.state.stale = true;
            self.book.refresh(&mut self.state)?;
        }
        Ok(self.changed)
    }

    fn leave(&mut self, member: &Member) -> Result<(), StoreError> {
        if member.changed && self.state.epoch == member.epoch {
            self.state.stale = true;
            self.book.refresh(&mut self.state)?;
        }
        Ok(())
    }

    fn member(&self) -> Member {
        Member { lane: Arc::clone(&self.book.lane), epoch: self.state.epoch, changed: self.changed }
    }

    fn home(&self) -> (&Store, &Scope) {
        (&self.book.store, &self.book.scope)
    }
}

/// The rulebooks of a change: a tuple of references, in the order in which they were opened.
pub trait Set {
    /// The rulebooks, locked: a tuple of [`Part`]s.
    type Parts: Parts;

    /// The tables of all of them.
    fn tables(&self) -> Vec<&'static str>;

    #[doc(hidden)]
    fn lock(&self, record: &Rc<Record>) -> Self::Parts;
}

/// The locked rulebooks of a change.
pub trait Parts {
    /// Goes over them.
    ///
    /// # Errors
    /// What `each` says: it ends with the first error.
    fn each<E>(&mut self, each: impl FnMut(&mut dyn AnyPart) -> Result<(), E>) -> Result<(), E>;
}

macro_rules! set {
    ($($book:ident $of:lifetime $at:tt),+) => {
        // A lifetime for each, so that a future that holds them can go from thread to thread.
        impl<$($of,)+ $($book: Rulebook),+> Set for ($(&$of Durable<$book>,)+) {
            type Parts = ($(Part<$of, $book>,)+);

            fn tables(&self) -> Vec<&'static str> {
                [$($book::TABLES),+].concat()
            }

            fn lock(&self, record: &Rc<Record>) -> Self::Parts {
                // A tuple's fields are made from left to right.
                ($(self.$at.part(Rc::clone(record)),)+)
            }
        }

        impl<$($of,)+ $($book: Rulebook),+> Parts for ($(Part<$of, $book>,)+) {
            fn each<Error>(
                &mut self,
                mut each: impl FnMut(&mut dyn AnyPart) -> Result<(), Error>,
            ) -> Result<(), Error> {
                $(each(&mut self.$at)?;)+
                Ok(())
            }
        }
    };
}

set!(A 'a 0);
set!(A 'a 0, B 'b 1);
set!(A 'a 0, B 'b 1, C 'c 2);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7, I 'i 8);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7, I 'i 8, J 'j 9);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7, I 'i 8, J 'j 9, K 'k 10);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7, I 'i 8, J 'j 9, K 'k 10, L 'l 11);
set!(A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7, I 'i 8, J 'j 9, K 'k 10, L 'l 11, M 'm 12);
set!(
    A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7, I 'i 8, J 'j 9, K 'k 10, L 'l 11, M 'm 12, N 'n 13
);
set!(
    A 'a 0, B 'b 1, C 'c 2, D 'd 3, E 'e 4, F 'f 5, G 'g 6, H 'h 7, I 'i 8, J 'j 9, K 'k 10, L 'l 11, M 'm 12, N 'n
    13, O 'o 14
);

/// Locks rulebooks, runs commands on them, and answers when all of it is on disk, as one unit.
///
/// The unit's events are given to `listener` when it is committed and before the answer: by the one thread that commits, so that the
/// calls come in the order of the decisions. `listener` must neither wait nor lock a rulebook. It is called for a unit without
/// events, too; it is dropped where nothing was saved.
///
/// Where `commands` fails, nothing has happened. What fails should come first: after a command has changed something, the
/// rulebooks that were changed have to be read back from the disk under their locks.
///
/// # Errors
/// What `commands` says, or the [`StoreError`] where the unit could not be saved: the rulebooks are then as if it had never been.
pub async fn change<S: Set, T, E: From<StoreError>>(
    set: S,
    mut listener: impl Listener,
    commands: impl FnOnce(&mut S::Parts) -> Result<T, E>,
) -> Result<T, E> {
    let (reply, commit, members) = {
        let record = Rc::<Record>::default();
        let mut parts = set.lock(&record);
        parts.each(|part| part.refresh())?;
        let reply = match commands(&mut parts) {
            Ok(reply) => reply,
            Err(error) => {
                take_back(&mut parts);
                return Err(error);
            }
        };
        let Recorded { cleared, mut writes, events, promised } = record.0.take();
        let changes = !writes.is_empty() || !cleared.is_empty();
        if !changes && events.is_empty() {
            return Ok(reply);
        }
        for (place, event) in promised.into_iter().filter_map(|place| Some((place, events.get(place)?))) {
            listener.promise(place, event, changes.then_some(&mut writes));
        }
        let (members, commit) = submit(&mut parts, cleared, writes, Box::new(move || listener.committed(events)));
        if !changes {
            // Nothing has to be saved; the events take their place in the order all the same.
            drop(commit);
            return Ok(reply);
        }
        (reply, commit, members)
    };
    if let Err(error) = commit.await {
        // Of all the changes that failed together, the first one here goes back for all of them.
        let mut parts = set.lock(&Rc::default());
        let mut members = members.iter();
        let left = parts.each(|part| members.next().map_or(Ok(()), |member| part.leave(member)));
        if let Err(again) = left {
            tracing::error!(error = %again, "the state cannot be read back; changes are refused until it can");
        }
        return Err(error.into());
    }
    Ok(reply)
}

fn submit(
    parts: &mut impl Parts,
    cleared: Vec<&'static str>,
    writes: Vec<Write>,
    tell: Box<dyn FnOnce() + Send>,
) -> (Vec<Member>, Commit) {
    let (mut members, mut home) = (Vec::new(), None);
    let walked: Result<(), std::convert::Infallible> = parts.each(|part| {
        members.push(part.member());
        home = home.take().or_else(|| Some((part.home().0.clone(), part.home().1.clone())));
        Ok(())
    });
    let Ok(()) = walked;
    let Some((store, scope)) = home else {
        return (members, Commit::ready(Err(StoreError::Closed)));
    };
    let work = move || match cleared.as_slice() {
        [] => Work::Rows(scope, writes),
        _ => Work::Replace(scope, cleared, writes),
    };
    let commit = store.send(work, members.clone(), Some(tell));
    (members, commit)
}

fn take_back(parts: &mut impl Parts) {
    let mut any = false;
    let walked: Result<(), std::convert::Infallible> = parts.each(|part| {
        match part.take_back() {
            Ok(changed) => any |= changed,
            Err(error) => tracing::error!(%error, "the state cannot be read back; changes are refused until it can"),
        }
        Ok(())
    });
    let Ok(()) = walked;
    if any {
        tracing::warn!("a change failed after it had begun, and was taken back");
    }
}
