//! Messages of an event stream, the encoding in which AWS's services stream to a client: lengths, headers of a name and a text each, the
//! payload, and checksums ("Amazon event stream specification" of the Smithy documentation).

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::Crc;

pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";
/// The type of a header's value that is a text.
const TEXT: u8 = 7;
/// The lengths and their checksum; the checksum of the whole.
const AROUND: usize = 12 + 4;

/// An event of a type, with JSON.
pub(crate) fn event(kind: &str, payload: &serde_json::Value) -> Bytes {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    message(&headers, payload.to_string().as_bytes())
}

/// An exception of a type, which ends the stream.
pub(crate) fn exception(kind: &str, payload: &serde_json::Value) -> Bytes {
    let headers = [(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")];
    message(&headers, payload.to_string().as_bytes())
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in headers {
        // Names and values are those above, far shorter than what a length can say.
        head.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.put_slice(name.as_bytes());
        head.put_u8(TEXT);
        head.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        head.put_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut out = BytesMut::with_capacity(AROUND + head.len() + payload.len());
    out.put_u32(length(AROUND + head.len() + payload.len()));
    out.put_u32(length(head.len()));
    out.put_u32(checksum(&out));
    out.put_slice(&head);
    out.put_slice(payload);
    out.put_u32(checksum(&out));
    out.freeze()
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's test vectors: no headers, no payload.
    #[test]
    fn an_empty_message_is_that_of_the_specification() {
        let empty = [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(message(&[], b"").as_ref(), empty);
    }

    #[test]
    fn lengths_are_those_of_what_is_there() {
        let bytes = event("sessionUpdate", &serde_json::json!({ "a": 1 }));
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(number(0), bytes.len());
        let payload = &bytes[12 + number(4)..bytes.len() - 4];
        assert_eq!(payload, br#"{"a":1}"#);
    }
}
