//! When somebody wants a command to stop.

/// What resolves at Ctrl-C or SIGTERM. Both are listened to as soon as it is there, not when it is awaited: what comes before
/// that would end the process as it stands.
///
/// # Errors
/// Where the system does not take it.
pub fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let heard = |kind| signal(kind).map_err(|error| format!("signals cannot be listened to: {error}"));
    let (mut interrupt, mut terminate) = (heard(SignalKind::interrupt())?, heard(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
