//! The wait for a group of writes to reach the disk.

use crate::error::StoreError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use tokio::sync::oneshot;

/// Resolves when the writes are on disk, or with the reason why they are not. Runs on any executor. Dropping it does not
/// take the writes back.
#[derive(Debug)]
#[must_use = "a change is durable only when its commit has resolved"]
pub struct Commit(State);

#[derive(Debug)]
enum State {
    Ready(Option<Result<(), StoreError>>),
    Waiting(oneshot::Receiver<Result<(), StoreError>>),
}

impl Commit {
    pub(crate) fn ready(result: Result<(), StoreError>) -> Self {
        Self(State::Ready(Some(result)))
    }

    pub(crate) fn waiting(receiver: oneshot::Receiver<Result<(), StoreError>>) -> Self {
        Self(State::Waiting(receiver))
    }

    /// Waits on this thread, which does nothing else meanwhile. Async code awaits instead.
    ///
    /// # Errors
    /// As awaiting it.
    pub fn wait(mut self) -> Result<(), StoreError> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut cx) {
                Poll::Ready(result) => return result,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl Future for Commit {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(result.take().unwrap_or(Ok(()))),
            State::Waiting(receiver) => {
                Pin::new(receiver).poll(cx).map(|answer| answer.unwrap_or(Err(StoreError::Closed)))
            }
        }
    }
}

/// Wakes a thread that waits. Unlike tokio's blocking receive it may be used on a thread of a runtime too.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
