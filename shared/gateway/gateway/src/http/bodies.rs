//! Reading the bodies of requests: in memory at once is only what the bounds here allow, over all connections together, and less of
//! it from those who have not proven who they are. A body that stops coming is given up.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// What is counted, in bytes: a body takes whole ones.
const UNIT: usize = 16 * 1024;
/// The most bytes of bodies at a time whose senders have not proven who they are.
pub const UNPROVEN: usize = 32 * 1024 * 1024;
/// The same of those who have.
pub const PROVEN: usize = 96 * 1024 * 1024;
/// How long a body may wait for room among the others.
const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// How long it may bring nothing.
const STALL: Duration = Duration::from_secs(10);
/// How long it may take in all.
const WHOLE: Duration = Duration::from_mins(2);

/// What all connections together may send.
#[derive(Debug)]
pub struct Bodies {
    unproven: Arc<Semaphore>,
    proven: Arc<Semaphore>,
    /// An account's whole state is taken in one at a time: it may be large.
    import: Arc<Semaphore>,
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is larger than it may be, in bytes.
    #[error("the request body is larger than {0} bytes")]
    TooLarge(usize),
    /// It stopped coming.
    #[error("the request body did not come in time")]
    Slow,
    /// Others are being read.
    #[error("other requests are being read, and there is no room for this one: send it again")]
    NoRoom,
    /// It broke off.
    #[error("the request body broke off: {0}")]
    BrokeOff(hyper::Error),
}

/// A body, and the room that it takes until this is dropped.
#[derive(Debug)]
pub struct Held {
    /// All of it.
    pub body: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Default for Bodies {
    fn default() -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes / UNIT));
        Self { unproven: room(UNPROVEN), proven: room(PROVEN), import: Arc::new(Semaphore::new(1)) }
    }
}

impl Bodies {
    /// Reads a body of at most `limit` bytes whole.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn whole(&self, body: Incoming, limit: usize, proven: bool) -> Result<Held, Unread> {
        let room = if proven { &self.proven } else { &self.unproven };
        match timeout(WHOLE, read(body, limit, room)).await {
            Ok(read) => read,
            Err(_) => Err(Unread::Slow),
        }
    }

    /// The one place for an account's state on its way in; `None` where another has it.
    #[must_use]
    pub fn import(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.import).try_acquire_owned().ok()
    }
}

async fn read(mut body: Incoming, limit: usize, room: &Arc<Semaphore>) -> Result<Held, Unread> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(Unread::TooLarge(limit));
    }
    let mut taken: Option<OwnedSemaphorePermit> = None;
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(piece) = next(&mut body).await? {
        let length = first.len() + whole.len() + piece.len();
        if length > limit {
            return Err(Unread::TooLarge(limit));
        }
        let have = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = length.div_ceil(UNIT).saturating_sub(have);
        if more > 0 {
            let wanted = Arc::clone(room).acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX));
            let Ok(Ok(permit)) = timeout(ROOM_WITHIN, wanted).await else { return Err(Unread::NoRoom) };
            match &mut taken {
                Some(taken) => taken.merge(permit),
                None => taken = Some(permit),
            }
        }
        // Most bodies come in one piece, which is not copied.
        if first.is_empty() && whole.is_empty() {
            first = piece;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&piece);
        }
    }
    let body = if whole.is_empty() { first } else { whole.freeze() };
    Ok(Held { body, _room: taken })
}

/// The next piece of a body; `None` at its end.
///
/// # Errors
/// [`Unread::BrokeOff`] and [`Unread::Slow`].
pub async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Unread> {
    loop {
        match timeout(STALL, body.frame()).await {
            Err(_) => return Err(Unread::Slow),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => {
                return Err(Unread::BrokeOff(error));
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data()
                    && !data.is_empty()
                {
                    return Ok(Some(data));
                }
            }
        }
    }
}
