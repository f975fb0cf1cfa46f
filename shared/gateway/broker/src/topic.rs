//! Whether a text is a topic, or a filter.

use crate::limits::Limits;
use drydock_core::topic::fault;

/// Whether a text is a topic within the limits.
pub(crate) fn is_topic(text: &str, limits: &Limits) -> bool {
    fault::of_topic(text, limits.topics()).is_none()
}

/// Whether a text is a topic filter within the limits, `$share/<name>/` taken off.
pub(crate) fn is_filter(text: &str, limits: &Limits) -> bool {
    fault::of_filter(text, limits.topics()).is_none()
}
