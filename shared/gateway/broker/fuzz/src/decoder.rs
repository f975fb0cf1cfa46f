//! What must hold for any bytes that a client sends: no panic, and the answer does not depend on how they were cut up.

use drydock_broker::{Protocol, inspect};

/// Small enough that the limit is met.
const LIMIT: usize = 4096;

/// The first byte chooses the version of MQTT, the others are packets.
pub(crate) fn check(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let protocol = if first & 1 == 0 { Protocol::V311 } else { Protocol::V5 };
    let whole = inspect(bytes, protocol, LIMIT);
    if let Ok(used) = whole {
        assert!(used <= bytes.len(), "{used} bytes of {} were used", bytes.len());
        let again = inspect(bytes.get(..used).unwrap_or_default(), protocol, LIMIT);
        assert_eq!(again, Ok(used), "the packets that were whole are no more without what follows");
    }
    // A part that is refused is refused with all that follows; one that is not uses no more than the whole does.
    let part = bytes.get(..bytes.len() / 2).unwrap_or_default();
    match (inspect(part, protocol, LIMIT), whole) {
        (Err(early), late) => assert_eq!(Err(early), late, "more bytes changed an error"),
        (Ok(early), Ok(late)) => assert!(early <= late && early <= part.len(), "{early} bytes of the first half"),
        (Ok(early), Err(_)) => assert!(early <= part.len(), "{early} bytes of the first half"),
    }
}
