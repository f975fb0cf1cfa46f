//! Produce requests with their record batch ("Record batch" in Kafka's documentation of its message format).

use super::wire::{Reader, Writer};
use drydock_rules::KafkaRecord;

/// The request's number, and the version of it that is spoken: the oldest with record batches, which every broker takes.
pub(super) const PRODUCE: i16 = 0;
pub(super) const VERSION: i16 = 3;

/// The body of a request with one record.
pub(super) fn produce(record: &KafkaRecord, partition: i32, acks: i16, timeout: i32, now: i64) -> Vec<u8> {
    let mut request = Writer::default();
    request.none(); // no transaction
    request.int16(acks);
    request.int32(timeout);
    request.int32(1);
    request.string(&record.topic);
    request.int32(1);
    request.int32(partition);
    request.sized(&batch(record, now));
    request.bytes
}

fn batch(record: &KafkaRecord, now: i64) -> Vec<u8> {
    let mut one = Writer::default();
    one.int8(0); // attributes
    one.varint(0); // milliseconds after the first
    one.varint(0); // offset after the first
    one.varbytes(record.key.as_ref().map(|key| key.as_bytes()));
    one.varbytes(Some(&record.value));
    one.varint(i64::try_from(record.headers.len()).unwrap_or(i64::MAX));
    for (key, value) in &record.headers {
        one.varbytes(Some(key.as_bytes()));
        one.varbytes(Some(value.as_bytes()));
    }
    // What the checksum covers.
    let mut covered = Writer::default();
    covered.int16(0); // attributes: not compressed
    covered.int32(0); // the last offset after the first
    covered.int64(now);
    covered.int64(now);
    covered.int64(-1); // no producer id
    covered.int16(-1);
    covered.int32(-1);
    covered.int32(1);
    covered.varbytes(Some(&one.bytes));
    let mut batch = Writer::default();
    batch.int64(0); // the broker gives offsets
    batch.int32(i32::try_from(covered.bytes.len() + 9).unwrap_or(i32::MAX));
    batch.int32(-1); // the leader's epoch is the broker's matter
    batch.int8(2); // the format
    batch.bytes.extend_from_slice(&crc32c(&covered.bytes).to_be_bytes());
    batch.bytes.extend_from_slice(&covered.bytes);
    batch.bytes
}

/// The error code of an answer; 0 where the record was taken.
pub(super) fn answered(answer: &[u8]) -> Option<i16> {
    let mut read = Reader(answer);
    let (_topics, _topic) = (read.int32()?, read.string()?);
    let (_partitions, _partition) = (read.int32()?, read.int32()?);
    read.int16()
}

/// The checksum of RFC 3720, bit by bit: batches are small.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
