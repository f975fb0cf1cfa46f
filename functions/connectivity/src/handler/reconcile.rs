//! Rows against the fleet index, some at a time, by the clock. See [`fleet::connectivity::reconcile`] for what is compared and when.

use super::{LEASE, Ports, Settings, delay};
use fleet::connectivity::Indexed;
use fleet::connectivity::reconcile::{begin, end, goes_on};
use fleet::ports::{ErrorKind, FindDevice, PortResult, ScheduleSettle, SearchConnectivity, UpdateItem};

/// What became of a look at the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// Whether connectivity is indexed, and no other invocation was at it.
    pub(crate) looked: bool,
    /// So many devices were compared.
    pub(crate) compared: usize,
    /// So many rows had missed an event, and were put right.
    pub(crate) repaired: usize,
    /// So many second looks were put on the queue.
    pub(crate) settled: usize,
    /// Whether the index was looked through to its end.
    pub(crate) ended: bool,
}

/// Compares the rows of some pages of the index, behind those of the invocation before; the next one goes on behind them. One that
/// dies is followed by one that looks at the same pages again, once its lease is over.
///
/// # Errors
/// A port's error: some of the rows are compared, and all of these pages are again.
pub(crate) async fn reconcile<C, D, B, R, S, Q, N, A, I>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
    index: &I,
    settings: &Settings,
    now: i64,
) -> PortResult<Reconciled>
where
    C: UpdateItem,
    D: FindDevice,
    S: ScheduleSettle,
    I: SearchConnectivity,
{
    let mut done = Reconciled::default();
    let begun = ports.clients.update_item(&begin(now, LEASE)).await?;
    let Some(mut after) = goes_on(&begun) else { return Ok(done) };
    for _ in 0..settings.reconciled_pages {
        let page = match index.search_connectivity(after.as_deref()).await {
            Ok(Some(page)) => page,
            Ok(None) => {
                after = None;
                break;
            }
            Err(error) => {
                // A token that is too old is of no use any more: the next one begins anew.
                if error.kind == ErrorKind::Permanent && after.is_some() {
                    ports.clients.update_item(&end(now, LEASE, None)).await?;
                }
                return Err(error);
            }
        };
        done.looked = true;
        for device in &page.devices {
            done.compared += 1;
            compare(ports, settings, device, now, &mut done).await?;
        }
        after = page.next;
        if after.is_none() {
            done.ended = true;
            break;
        }
    }
    ports.clients.update_item(&end(now, LEASE, after.as_deref())).await?;
    Ok(done)
}

/// Compares the row of one device, and puts it right.
async fn compare<C, D, B, R, S, Q, N, A>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
    settings: &Settings,
    indexed: &Indexed,
    now: i64,
    done: &mut Reconciled,
) -> PortResult<()>
where
    C: UpdateItem,
    D: FindDevice,
    S: ScheduleSettle,
{
    let Some(change) = indexed.change(now) else { return Ok(()) };
    let compared = indexed.judge(&ports.clients.update_item(&change).await?, now);
    done.repaired += usize::from(compared.repaired);
    // In this fleet a client's id is its thing's name.
    if let Some(settle) = compared.settle
        && let Some(device) = ports.devices.find_device(&indexed.client_id).await?
    {
        ports.settle_queue.schedule_settle(&settle, delay(&settings.grace, settle.target, &device)).await?;
        done.settled += 1;
    }
    Ok(())
}
