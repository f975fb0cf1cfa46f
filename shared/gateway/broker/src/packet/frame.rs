//! Where a packet starts and ends in a stream of bytes.

use super::error::PacketError;
use crate::message::Protocol;
use std::ops::Range;

/// A whole packet in a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The first byte: type and flags.
    pub(crate) first: u8,
    /// What follows the fixed header, as a range of the buffer; its end is where the next packet starts.
    pub(crate) body: Range<usize>,
}

impl Frame {
    /// The packet type.
    pub(crate) fn kind(&self) -> u8 {
        self.first >> 4
    }
}

/// The packet at the start of `buffer`; `None` where it has not arrived whole. A packet with more than `limit` bytes
/// behind its fixed header is refused as soon as its length is known.
pub(crate) fn next(buffer: &[u8], protocol: Protocol, limit: usize) -> Result<Option<Frame>, PacketError> {
    let Some((&first, rest)) = buffer.split_first() else { return Ok(None) };
    let mut length = 0_usize;
    for (i, &byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            // MQTT-1.5.5-1 asks for the shortest form; MQTT 3.1.1 does not.
            if byte == 0 && i > 0 && protocol == Protocol::V5 {
                return Err(PacketError::Malformed("the remaining length is not in its shortest form"));
            }
            if length > limit {
                return Err(PacketError::TooLarge { bytes: length, limit });
            }
            let start = i + 2;
            let end = start + length;
            return Ok((buffer.len() >= end).then_some(Frame { first, body: start..end }));
        }
    }
    if rest.len() >= 4 {
        Err(PacketError::Malformed("the remaining length has more than four bytes"))
    } else {
        Ok(None)
    }
}

/// The flags of a packet's first byte are what its type asks for.
pub(crate) fn expect_flags(first: u8, flags: u8) -> Result<(), PacketError> {
    if first & 0x0F == flags { Ok(()) } else { Err(PacketError::Malformed("reserved flags of the fixed header")) }
}

/// A packet that is nothing but its fixed header.
pub(crate) fn expect_empty(first: u8, body: &[u8]) -> Result<(), PacketError> {
    expect_flags(first, 0)?;
    if body.is_empty() { Ok(()) } else { Err(PacketError::Malformed("the packet has to be empty")) }
}

/// Appends a remaining length or property length, in its shortest form.
pub(crate) fn put_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = (length & 0x7F) as u8;
        length >>= 7;
        if length == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// The bytes that [`put_length`] takes.
pub(crate) fn length_size(length: usize) -> usize {
    match length {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_length_reads_as_it_was_written(length in 0_usize..0x1000_0000) {
            let mut out = vec![0xC0];
            put_length(&mut out, length);
            prop_assert_eq!(out.len() - 1, length_size(length));
            let found = next(&out, Protocol::V5, length);
            prop_assert_eq!(found, Ok((length == 0).then_some(Frame { first: 0xC0, body: 2..2 })));
            if length > 0 {
                let refused = next(&out, Protocol::V5, length - 1);
                prop_assert_eq!(refused, Err(PacketError::TooLarge { bytes: length, limit: length - 1 }));
            }
        }
    }
}
