//! Pages of a list. A marker is the place of a page's last item in the order, in hexadecimal.

use drydock_core::ApiError;

/// The most items on a page, and as many as there are without `pageSize`.
const MAX_PAGE: usize = 250;

/// One page of the items, each with its place in the order, and the marker of the next page.
pub(super) fn page<T>(
    mut items: Vec<(u64, T)>,
    ascending: bool,
    size: Option<i32>,
    marker: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let after = marker.map(|marker| {
        u64::from_str_radix(marker, 16).map_err(|_| {
            ApiError::invalid("the marker is not one that this list has given: leave it out to start anew")
        })
    });
    let after = after.transpose()?;
    items.sort_by_key(|(place, _)| *place);
    if !ascending {
        items.reverse();
    }
    if let Some(after) = after {
        items.retain(|(place, _)| if ascending { *place > after } else { *place < after });
    }
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let next = (items.len() > size).then(|| items.get(size - 1).map(|(place, _)| format!("{place:x}"))).flatten();
    items.truncate(size);
    Ok((items.into_iter().map(|(_, item)| item).collect(), next))
}
