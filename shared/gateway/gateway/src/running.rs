//! A gateway that was opened: how it begins to serve, and how it stops so that nothing is left of it.

use crate::gateway::Gateway;
use crate::listen::Sockets;
use futures_util::future::join_all;
use std::time::Duration;
use tempfile::TempDir;

/// How long clients may take to hang up when the gateway stops.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long requests may take that are being answered then.
const ANSWERED: Duration = Duration::from_secs(5);
/// How long what is in progress may take: rules with the messages that were let in, and what they call.
const RULED: Duration = Duration::from_secs(5);
/// How long services may take for what they have begun.
const SERVED: Duration = Duration::from_secs(5);

/// A gateway that was opened. Dropping it without [`stop`](Self::stop) ends its tasks as well, and the state on disk is closed a
/// moment later.
pub(crate) struct Running {
    gateway: Gateway,
    sockets: Option<Sockets>,
    /// The folder of a gateway that keeps nothing; it goes with this.
    temporary: Option<TempDir>,
    stopped: bool,
}

impl Running {
    pub(crate) fn new(gateway: Gateway, sockets: Sockets, temporary: Option<TempDir>) -> Self {
        Self { gateway, sockets: Some(sockets), temporary, stopped: false }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Lets connections in.
    pub(crate) fn accept(&mut self) {
        if let Some(sockets) = self.sockets.take() {
            sockets.accept(&self.gateway);
        }
    }

    /// Stops in order, each part after those that may need it: no new connections, requests answered, goodbye to clients, rules
    /// done with what came, services, functions ended, state on disk and its lock given back. Clones of the [`Gateway`] that
    /// somebody has still keep none of that open.
    pub(crate) async fn stop(mut self) {
        let gateway = self.gateway.clone();
        let all = gateway.scopes.close().await;
        drop(self.sockets.take());
        gateway.serving.close();
        // Each waits for its own clients, and none for those of another account or region.
        join_all(all.iter().map(|each| each.host.broker.shutdown(GOODBYE))).await;
        told(gateway.serving.stop(ANSWERED).await, "connections");
        // Rules among it, and what they have called.
        if let Err(error) = gateway.host.books.time.rest(RULED).await {
            tracing::warn!(%error, "the gateway stops all the same");
        }
        join_all(all.iter().map(|each| async move {
            // What rules have not done for acknowledged messages is kept for the next start.
            for service in drydock_services::running(&each.services) {
                service.stop().await;
            }
            told(each.ruling.stop(Duration::ZERO).await, "rules at work");
            told(each.host.tasks.stop(SERVED).await, "services at work");
            each.host.cloud.shutdown().await;
            each.host.books.outbox.close();
        }))
        .await;
        gateway.store.close().await;
        gateway.host.books.time.end();
        all.iter().for_each(|each| each.host.told.logs.close());
        gateway.scopes.clear();
        self.stopped = true;
        if let Some(temporary) = self.temporary.take()
            && let Err(error) = temporary.close()
        {
            tracing::warn!(%error, "a temporary folder stays");
        }
    }
}

fn told(cut: usize, what: &str) {
    if cut > 0 {
        tracing::warn!(count = cut, "cut short when the gateway stopped: {what}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.stopped {
            return;
        }
        let gateway = &self.gateway;
        gateway.serving.abandon();
        for each in gateway.scopes.all() {
            each.ruling.abandon();
            each.host.tasks.abandon();
            each.host.cloud.abandon();
            each.host.told.logs.close();
        }
        gateway.store.abandon();
        gateway.host.books.time.end();
        gateway.scopes.clear();
    }
}
