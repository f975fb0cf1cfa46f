//! What is asked of a shadow.

use drydock_logging::EventType;

/// What is asked of a shadow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Get,
    Update,
    Delete,
}

impl Operation {
    /// AWS's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GetThingShadow",
            Self::Update => "UpdateThingShadow",
            Self::Delete => "DeleteThingShadow",
        }
    }

    /// The kind of its log entries.
    pub(super) fn event(self) -> EventType {
        match self {
            Self::Get => EventType::GetThingShadow,
            Self::Update => EventType::UpdateThingShadow,
            Self::Delete => EventType::DeleteThingShadow,
        }
    }
}
