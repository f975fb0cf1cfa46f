//! Several conditional writes that are made together or not at all, as a value: DynamoDB's `TransactWriteItems`.

use crate::conditional::{Change, Item};

/// One part of a transaction. No two parts of one name the same row, as DynamoDB refuses that.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Makes the change, if its condition holds.
    Change(Change),
    /// Changes nothing: the condition has to hold of the row.
    Check(Change),
    /// Deletes the row, if the condition holds.
    Delete(Change),
}

impl Step {
    /// The row and what must hold of it.
    #[must_use]
    pub fn change(&self) -> &Change {
        match self {
            Self::Change(change) | Self::Check(change) | Self::Delete(change) => change,
        }
    }

    /// Carries the step out on a row in memory; the row as it stands where its condition does not hold.
    ///
    /// # Errors
    /// The row that stood against it.
    pub fn apply(&self, row: &mut Option<Item>) -> Result<(), Option<Item>> {
        let empty = Item::default();
        let holds = self.change().condition.as_ref().is_none_or(|known| known.holds(row.as_ref().unwrap_or(&empty)));
        match self {
            _ if !holds => return Err(row.clone()),
            Self::Change(change) => drop(change.apply(row)),
            Self::Check(_) => {}
            Self::Delete(_) => *row = None,
        }
        Ok(())
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Transacted {
    /// All of it was made.
    Done,
    /// Nothing was made.
    Refused {
        /// The first step whose condition did not hold.
        at: usize,
        /// The row that stood against it; `None`: there is none.
        current: Option<Item>,
    },
}
