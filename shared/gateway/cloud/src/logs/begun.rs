//! The queries of Logs Insights that were begun, and their answers, as long as these are kept.

use super::fault::Fault;
use drydock_log_search::insights::Answer;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many queries are remembered.
const REMEMBERED: usize = 1000;
/// The most bytes of answers that are kept.
const MAX_KEPT: usize = 32 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Running,
    Complete,
    Cancelled,
    /// It broke.
    Failed,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Complete => "Complete",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
        }
    }
}

/// A query that was begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) groups: Vec<String>,
    pub(super) created: i64,
    pub(super) status: Status,
    /// Until it has to go.
    pub(super) answer: Option<Arc<Answer>>,
    pub(super) bytes: usize,
}

/// The queries that were begun, the oldest first. They go with the process.
#[derive(Debug, Default)]
pub(super) struct Queries(pub(super) VecDeque<Begun>);

impl Queries {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn get(&mut self, id: &str) -> Result<&mut Begun, Fault> {
        let found = self.0.iter_mut().find(|query| query.id == id);
        found.ok_or_else(|| Fault::new("ResourceNotFoundException", "The specified query does not exist."))
    }

    pub(super) fn running(&self) -> usize {
        self.0.iter().filter(|query| query.status == Status::Running).count()
    }

    pub(super) fn add(&mut self, query: Begun) {
        // Those that run are fewer than are remembered.
        while self.0.len() >= REMEMBERED {
            let Some(over) = self.0.iter().position(|query| query.status != Status::Running) else { break };
            self.0.remove(over);
        }
        self.0.push_back(query);
    }

    pub(super) fn finish(&mut self, id: &str, answer: Option<Answer>) {
        let Ok(query) = self.get(id) else { return };
        if query.status != Status::Running {
            return;
        }
        let Some(answer) = answer else {
            query.status = Status::Failed;
            return;
        };
        query.status = Status::Complete;
        query.bytes = answer.rows.iter().flatten().map(|(name, value)| name.len() + value.len() + 48).sum();
        query.answer = Some(Arc::new(answer));
        let mut kept: usize = self.0.iter().map(|query| query.bytes).sum();
        for query in &mut self.0 {
            if kept <= MAX_KEPT || query.id == id {
                continue;
            }
            kept -= query.bytes;
            (query.answer, query.bytes) = (None, 0);
        }
    }
}
