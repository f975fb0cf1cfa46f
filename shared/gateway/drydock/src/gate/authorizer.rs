//! A device that a custom authorizer is to let in.

use super::{PolicyGate, Shown};
use drydock_broker::{Admission, ConnectAttempt, Refusal, RefusalKind};

/// Decides on a connect through a custom authorizer.
///
/// # Errors
/// The refusal; every one, as long as none is asked.
pub(super) async fn connect(gate: &PolicyGate, attempt: &ConnectAttempt, shown: &Shown) -> Result<Admission, Refusal> {
    let came = if shown.upgrade.is_some() { "a WebSocket without a signature" } else { "ALPN `mqtt`" };
    let reason = "use a client certificate (ALPN `x-amzn-mqtt-ca`, or none) or a WebSocket signed with SigV4";
    Err(gate.refuse(
        attempt,
        RefusalKind::NotAuthorized,
        "",
        format!("connect refused: {came} asks for a custom authorizer, and devices cannot connect with one yet"),
        vec![reason.to_owned()],
    ))
}
