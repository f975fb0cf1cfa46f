//! What buckets have still to tell. It is written in one commit with the change that it tells of, and deleted when it was handed
//! over: a kill in between has it told at the next start, perhaps twice, as S3 promises at least once.
//!
//! It is handed over by a task of its own, as who asked for the change may hang up; whoever does not waits for it, so that there
//! is no more to tell than there are requests.

use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::notice::Notice;
use crate::stand_in::Parcel;
use drydock_core::{Arn, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const OUTBOX: &str = "s3_outbox";

/// The service that functions have to allow to invoke them.
pub(super) const PRINCIPAL: &str = "s3.amazonaws.com";

/// One thing to tell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Telling {
    pub(super) id: String,
    /// The bucket's ARN.
    pub(super) from: String,
    pub(super) to: Arn,
    pub(super) body: String,
}

/// What is to be told.
pub(super) struct Outbox {
    context: Arc<Context>,
    outlets: Arc<Outlets>,
    /// What an earlier run left.
    left: Mutex<Vec<Telling>>,
    /// What is not handed over yet.
    pending: Mutex<BTreeSet<String>>,
}

impl Outbox {
    pub(super) fn open(context: Arc<Context>, outlets: Arc<Outlets>, rows: &Rows) -> Result<Self, CloudError> {
        let left: Vec<Telling> = rows.table::<Telling>(OUTBOX)?.into_iter().map(|(_, telling)| telling).collect();
        let pending = left.iter().map(|telling| telling.id.clone()).collect();
        Ok(Self { context, outlets, left: Mutex::new(left), pending: Mutex::new(pending) })
    }

    /// The writes that keep what is to be told.
    pub(super) fn keep(&self, tellings: &[Telling]) -> Vec<Write> {
        let mut pending = lock(&self.pending);
        let row = |telling: &Telling| {
            pending.insert(telling.id.clone());
            // Rows are structs of texts: writing them as JSON does not fail.
            Write::put(OUTBOX, telling.id.clone(), serde_json::to_string(telling).unwrap_or_default())
        };
        tellings.iter().map(row).collect()
    }

    /// Tells once the change is on disk.
    ///
    /// # Errors
    /// Where the disk does not take the change: nothing is told then.
    pub(super) async fn tell_after(
        self: &Arc<Self>,
        written: impl Future<Output = Result<(), CloudError>> + Send + 'static,
        tellings: Vec<Telling>,
    ) -> Result<(), CloudError> {
        if tellings.is_empty() {
            return written.await;
        }
        let this = Arc::clone(self);
        let told = self.context.tasks.spawn_for(async move {
            if let Err(error) = written.await {
                let mut pending = lock(&this.pending);
                for telling in &tellings {
                    pending.remove(&telling.id);
                }
                return Err(error);
            }
            for telling in tellings {
                this.tell(telling).await;
            }
            Ok(())
        });
        told.await.unwrap_or(Err(CloudError::Closed))
    }

    /// Goes on with what an earlier run left, in the order of its ids: S3 promises no other.
    pub(super) fn resume(self: &Arc<Self>) {
        let left = std::mem::take(&mut *lock(&self.left));
        if left.is_empty() {
            return;
        }
        let this = Arc::clone(self);
        self.context.spawn(async move {
            for telling in left {
                this.tell(telling).await;
            }
        });
    }

    async fn tell(&self, telling: Telling) {
        // A reset may have been first.
        if !lock(&self.pending).contains(&telling.id) {
            return;
        }
        let Telling { id, from, to, body } = telling;
        let sender = Arn::parse(&from).map(|from| (PRINCIPAL, from));
        let sent = self.outlets.send(&to, Parcel { body, sender, ..Parcel::default() }).await;
        if self.context.is_stopping() && sent.is_err() {
            return;
        }
        if let Err(why) = sent {
            self.context.tell(Notice::DeliveryFailed { from, to: to.to_string(), why });
        }
        lock(&self.pending).remove(&id);
        self.context.journal.submit(vec![Write::delete(OUTBOX, id)]);
    }

    /// Forgets all of it.
    pub(super) fn clear(&self) -> Vec<Write> {
        lock(&self.left).clear();
        std::mem::take(&mut *lock(&self.pending)).into_iter().map(|id| Write::delete(OUTBOX, id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Cloud, CloudConfig};
    use drydock_core::{Clock, Ids, Scope, Timestamp};
    use drydock_timers::Timers;
    use serde_json::json;
    use std::sync::Arc;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp(1_700_000_000_000)
        }
    }

    struct Random;

    impl Ids for Random {
        fn fill(&self, bytes: &mut [u8]) {
            for chunk in bytes.chunks_mut(16) {
                chunk.copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[..chunk.len()]);
            }
        }
    }

    #[tokio::test]
    async fn what_a_kill_left_is_told_once_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let scope = Scope::new("123456789012", "us-east-1");
            let config = CloudConfig::new(scope, Timers::new(Arc::new(Still)), Arc::new(Random), "http://127.0.0.1:1");
            Cloud::open(CloudConfig { data_dir: Some(folder.path().to_owned()), ..config }).unwrap()
        };
        let cloud = open();
        let queue = cloud.sqs().ensure("q", &json!({})).await.unwrap();
        assert!(cloud.sqs().receive(&queue, 1, None, Some(0)).await.unwrap().is_empty());
        // As far as a change gets before the kill.
        let s3 = cloud.s3();
        let telling = s3.to_tell("b", &cloud.sqs().arn("q"), "told".to_owned());
        s3.context.journal.commit(s3.outbox.keep(&[telling])).await.unwrap();
        cloud.shutdown().await;

        let cloud = open();
        cloud.resume();
        let queue = cloud.sqs().queue("q").unwrap();
        let received = cloud.sqs().receive(&queue, 1, Some(0), Some(20)).await.unwrap();
        assert_eq!(received.len(), 1);
        while !super::lock(&cloud.s3().outbox.pending).is_empty() {
            tokio::task::yield_now().await;
        }
        cloud.shutdown().await;

        let cloud = open();
        assert!(super::lock(&cloud.s3().outbox.left).is_empty(), "it is told");
        cloud.shutdown().await;
    }
}
