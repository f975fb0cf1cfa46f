//! Pages of a list that is ordered by when its items were made.

use drydock_core::{ApiError, page};

/// The most items on a page, and as many as there are without `pageSize`.
const MAX_PAGE: usize = 250;

/// What a request asks of a list.
pub(super) struct Wanted<'r> {
    /// The list operation.
    pub(super) operation: &'static str,
    /// Whether the oldest comes first.
    pub(super) ascending: bool,
    /// The most items, 1 to 250.
    pub(super) size: Option<i32>,
    /// Where the page before ended.
    pub(super) marker: Option<&'r str>,
}

impl Wanted<'_> {
    /// One page of the items, each with its place in the order, and the marker of the next page.
    pub(super) fn of<T>(self, mut items: Vec<(u64, T)>) -> Result<(Vec<T>, Option<String>), ApiError> {
        let after = match self.marker {
            Some(marker) => page::place(self.operation, marker)?.parse::<u64>().ok(),
            None => None,
        };
        items.sort_by_key(|(place, _)| *place);
        if !self.ascending {
            items.reverse();
        }
        if let Some(after) = after {
            items.retain(|(place, _)| if self.ascending { *place > after } else { *place < after });
        }
        let size = self.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let (items, next) = page::cut(items.into_iter(), size, |(place, _)| place.to_string());
        let next = next.map(|place| page::token(self.operation, &place));
        Ok((items.into_iter().map(|(_, item)| item).collect(), next))
    }
}
