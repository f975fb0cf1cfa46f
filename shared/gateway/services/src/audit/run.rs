//! Audits are carried out, a check after the other, and told of. What takes long runs on threads of its own. Each check ends in one
//! change; where a kill interrupts it, it begins anew.

use super::facts::{self, Facts};
use super::lists;
use super::service::AuditService;
use crate::defender;
use drydock_audit::task::Step;
use drydock_audit::{Audit, Notification};
use drydock_cloud::sns::Publish;
use drydock_core::{ApiError, Arn, ErrorCode};
use std::sync::Arc;

/// Findings that are kept in one change, so that others are let in between.
const AT_ONCE: usize = 500;

impl AuditService {
    /// Does all that there is to do now.
    pub(super) async fn go_on(&self) -> Result<(), ApiError> {
        self.keep().await?;
        let books = &self.host.books;
        while books.apply(&books.audit, |book| Ok::<_, ApiError>(book.due(books.now(), books.ids.as_ref()))).await? {}
        // What is there to tell of an earlier run comes first.
        self.tell().await?;
        while let Some(step) = books.audit.read(Audit::next_step) {
            self.carry_out(&step).await?;
            self.tell().await?;
        }
        self.mitigate().await
    }

    async fn carry_out(&self, step: &Step) -> Result<(), ApiError> {
        let books = &self.host.books;
        let goes_on = books.apply(&books.audit, |book| Ok::<_, ApiError>(book.begin_check(step))).await?;
        if !goes_on {
            return Ok(());
        }
        let facts = Facts {
            books: Arc::clone(books),
            iam: Arc::clone(self.host.cloud.iam()),
            lists: lists::fetch(&self.host, &self.outbound, step.check).await,
            weak_keys: Arc::clone(&self.weak_keys),
            now: books.now(),
        };
        let looked = {
            let step = step.clone();
            let looked = tokio::task::spawn_blocking(move || facts::look(&facts, &step)).await;
            looked.map_err(|error| ApiError::new(ErrorCode::InternalFailureException, error.to_string()))?
        };
        // It was canceled meanwhile.
        let Some(looked) = looked else { return Ok(()) };
        let mut found = looked.found.into_iter().peekable();
        while found.peek().is_some() {
            let some: Vec<_> = found.by_ref().take(AT_ONCE).collect();
            let (now, ids) = (books.now(), books.ids.as_ref());
            let added = books.apply(&books.audit, |book| Ok::<_, ApiError>(book.add_findings(step, some, now, ids)));
            if !added.await? {
                return Ok(());
            }
        }
        books.apply(&books.audit, |book| Ok::<_, ApiError>(book.end_of_check(step, looked.total))).await?;
        if let Some(outcome) = books.audit.read(|book| book.outcome(step)) {
            defender::checked(&self.host, step.check.name, &outcome, books.now());
        }
        Ok(())
    }

    /// Tells the account's topic of audits that are over. That it was told is kept after it was, so that a kill between may tell it twice,
    /// and loses nothing.
    async fn tell(&self) -> Result<(), ApiError> {
        let books = &self.host.books;
        while let Some(Notification { task, topic, message }) = books.audit.read(Audit::next_notification) {
            if let Some(topic) = topic.as_deref().and_then(Arn::parse)
                && let Err(error) = self.host.cloud.sns().publish(&topic, Publish::text(message)).await
            {
                tracing::warn!(topic = topic.as_str(), %error, "an audit could not be told of");
            }
            books.apply(&books.audit, |book| Ok::<_, ApiError>(book.notified(&task))).await?;
        }
        Ok(())
    }
}
