//! Which blocks of which file a device gets: "Build a bitmap for a GetStream request" of the developer guide.

use crate::book::Ota;
use crate::request::{Get, Refusal, Refused};
use std::ops::RangeInclusive;

/// The size of a block, in bytes.
const SIZE: RangeInclusive<i128> = 256..=131_072;
/// The last offset, and the most blocks that a request may name: those of the largest file in the smallest blocks.
const MOST_BLOCKS: i128 = 98_304;
/// How many bytes a request is answered with at most, in all its blocks.
const MOST_BYTES: u64 = 131_072;

/// A file of a stream, in Amazon S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version, where the stream names one.
    pub version: Option<String>,
    /// The entity tag that the object had when the stream was made.
    pub etag: String,
    /// Its length then, in bytes.
    pub size: u64,
}

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The id of the file.
    pub file_id: i32,
    /// The file.
    pub file: File,
    /// The size of a block, in bytes.
    pub size: u64,
    /// The numbers of the blocks, in order; of all of them no more than 128 KB.
    pub blocks: Vec<u64>,
    /// The role that the file is read with.
    pub role: String,
}

impl Delivery {
    /// Where a block begins in the file, in bytes.
    #[must_use]
    pub fn begins(&self, block: u64) -> u64 {
        block * self.size
    }

    /// The length of a block, in bytes: the last is shorter.
    #[must_use]
    pub fn length(&self, block: u64) -> u64 {
        self.file.size.saturating_sub(self.begins(block)).min(self.size)
    }
}

fn natural(number: i128) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

impl Ota {
    /// "GetStream": which blocks are sent.
    ///
    /// # Errors
    /// `ResourceNotFound`, `VersionMismatch`, `BlockSizeOutOfBounds`, `OffsetOutOfBounds`, `BlockCountLimitExceeded`;
    /// `InvalidRequest` where no block is asked for.
    pub fn delivery(&self, stream: &str, get: &Get) -> Result<Delivery, Refused> {
        let missing = |what: String| Refused::new(Refusal::ResourceNotFound, what);
        let row = self.streams.get(stream).ok_or_else(|| missing(format!("there is no stream `{stream}`")))?;
        if let Some(version) = get.version.filter(|version| *version != i128::from(row.version)) {
            let why = format!("the stream has version {}, not {version}", row.version);
            return Err(Refused::new(Refusal::VersionMismatch, why));
        }
        let file = row.files.iter().find(|file| i128::from(file.id) == get.file);
        let file = file.ok_or_else(|| missing(format!("the stream has no file {}", get.file)))?;
        if !SIZE.contains(&get.size) {
            let why = format!("the block size must be {} to {} bytes, not {}", SIZE.start(), SIZE.end(), get.size);
            return Err(Refused::new(Refusal::BlockSizeOutOfBounds, why));
        }
        if !(0..=MOST_BLOCKS).contains(&get.offset) {
            let why = format!("the offset must be 0 to {MOST_BLOCKS}, not {}", get.offset);
            return Err(Refused::new(Refusal::OffsetOutOfBounds, why));
        }
        if let Some(count) = get.count.filter(|count| !(0..=MOST_BLOCKS).contains(count)) {
            let why = format!("the number of blocks must be 0 to {MOST_BLOCKS}, not {count}");
            return Err(Refused::new(Refusal::BlockCountLimitExceeded, why));
        }
        let (size, offset) = (natural(get.size), natural(get.offset));
        // None asked for is as none said.
        let count = get.count.map(natural).filter(|count| *count > 0).unwrap_or(MOST_BYTES / size);
        let there = file.size.div_ceil(size);
        let asked: Box<dyn Iterator<Item = u64>> = match &get.bitmap {
            None => Box::new(offset..offset.saturating_add(count)),
            Some(bitmap) => {
                let bits = (0_u64..).zip(bitmap).flat_map(|(at, byte)| {
                    (0_u64..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at * 8 + bit)
                });
                Box::new(bits.map(move |bit| offset + bit))
            }
        };
        let mut asked = asked.peekable();
        if asked.peek().is_none() {
            return Err(Refused::new(Refusal::InvalidRequest, "the bitmap asks for no block"));
        }
        let mut blocks = Vec::new();
        let mut bytes = 0;
        for block in asked.take_while(|block| *block < there).take(usize::try_from(count).unwrap_or(usize::MAX)) {
            bytes += size.min(file.size - block * size);
            if bytes > MOST_BYTES {
                break;
            }
            blocks.push(block);
        }
        if blocks.is_empty() {
            return Err(missing(format!("the file {} has {there} blocks of {size} bytes", file.id)));
        }
        let of = File {
            bucket: file.bucket.clone(),
            key: file.key.clone(),
            version: file.version.clone(),
            etag: file.etag.clone(),
            size: file.size,
        };
        Ok(Delivery { file_id: file.id, file: of, size, blocks, role: row.role.clone() })
    }
}
