//! A file of lines, read as it is needed.

use std::io::{self, SeekFrom};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncSeekExt as _, BufReader};

/// The longest line, in characters ("AWS IoT Core bulk thing registration limits").
const LONGEST: usize = 256_000;
/// How much is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    /// Where it begins, in bytes.
    pub(super) offset: u64,
    /// Where the next one begins.
    pub(super) end: u64,
    /// What it says, or what is wrong with it.
    pub(super) text: Result<String, String>,
}

/// The lines of a file.
pub(super) struct Lines<R = File> {
    file: BufReader<R>,
    /// Lines that were read.
    number: u64,
    offset: u64,
}

impl Lines {
    /// Reads a file from where a line begins, which is the one after `number` lines.
    pub(super) async fn open(mut file: File, number: u64, offset: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset)).await?;
        Ok(Self { file: BufReader::with_capacity(PIECE, file), number, offset })
    }
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Where the next line begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line; `None` at the end. A line that is too long is passed over without being kept.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        let (mut bytes, mut length, mut ended) = (Vec::new(), 0_u64, false);
        while !ended {
            let piece = self.file.fill_buf().await?;
            if piece.is_empty() {
                break;
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let part = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
            // A character has four bytes at most.
            if bytes.len() <= 4 * LONGEST {
                bytes.extend_from_slice(part);
            }
            ended = end.is_some();
            let used = part.len() + usize::from(ended);
            length += used as u64;
            self.file.consume(used);
        }
        if length == 0 {
            return Ok(None);
        }
        let offset = self.offset;
        self.number += 1;
        self.offset += length;
        Ok(Some(Line { number: self.number, offset, end: self.offset, text: text(bytes) }))
    }
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    let too_long = || format!("the line is longer than {LONGEST} characters");
    if bytes.len() > 4 * LONGEST {
        return Err(too_long());
    }
    let text = String::from_utf8(bytes).map_err(|_| "the line is not UTF-8 text".to_owned())?;
    if text.chars().count() > LONGEST {
        return Err(too_long());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &[u8]) -> Vec<(u64, u64, Result<String, String>)> {
        let mut lines = Lines { file: BufReader::with_capacity(3, text), number: 0, offset: 0 };
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push((line.number, line.offset, line.text));
        }
        found
    }

    #[tokio::test]
    async fn lines_have_numbers_and_places() {
        let ok = |number, offset, text: &str| (number, offset, Ok(text.to_owned()));
        assert_eq!(all(b"ab\n\ncd\n").await, [ok(1, 0, "ab"), ok(2, 3, ""), ok(3, 4, "cd")]);
        assert_eq!(all(b"ab\r\ncdefgh").await, [ok(1, 0, "ab\r"), ok(2, 4, "cdefgh")], "the last one needs no end");
        assert_eq!(all(b"").await, []);
        assert!(all(b"a\n\xff\nb\n").await[1].2.as_ref().unwrap_err().contains("UTF-8"));
    }

    #[tokio::test]
    async fn a_line_of_any_length_is_passed_over() {
        let text =
            [vec![b'a'; LONGEST], vec![b'\n'], vec![b'b'; LONGEST + 1], b"\nc\n".to_vec(), vec![b'd'; 8 * LONGEST]]
                .concat();
        let found = all(&text).await;
        let fits: Vec<bool> = found.iter().map(|line| line.2.is_ok()).collect();
        assert_eq!(fits, [true, false, true, false]);
        assert_eq!(found[2].2.as_deref(), Ok("c"));
    }
}
