//! As much of DER as signing and checking signatures needs: to take a structure apart without losing its bytes, and to put
//! one together.

/// `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(crate) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// `SEQUENCE`.
pub(crate) const SEQUENCE: u8 = 0x30;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Its tag.
    pub(crate) tag: u8,
    /// What is in it.
    pub(crate) content: &'a [u8],
    /// All of its bytes.
    pub(crate) whole: &'a [u8],
    /// What follows it.
    pub(crate) rest: &'a [u8],
}

/// Reads the first element; `None` where the bytes are not DER.
pub(crate) fn read(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, after) = bytes.split_first()?;
    let (&first, after) = after.split_first()?;
    let (length, after) = match first {
        0..=0x7f => (usize::from(first), after),
        0x81..=0x84 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), after)
        }
        _ => return None,
    };
    let (content, rest) = after.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len() - rest.len())?;
    Some(Element { tag, content, whole, rest })
}

/// Reads an element of a tag.
pub(crate) fn expect(tag: u8, bytes: &[u8]) -> Option<Element<'_>> {
    read(bytes).filter(|element| element.tag == tag)
}

/// Writes one element around some contents.
pub(crate) fn write(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|content| content.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let used = digits.iter().skip_while(|digit| **digit == 0);
            let count = used.clone().count();
            out.push(0x80 | u8::try_from(count).unwrap_or(0));
            out.extend(used);
        }
    }
    for content in contents {
        out.extend_from_slice(content);
    }
    out
}

/// A bit string of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    write(BIT_STRING, &[&[0], bytes])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_at_every_length_form() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let mut bytes = write(OCTET_STRING, &[&content]);
            bytes.push(9);
            let element = expect(OCTET_STRING, &bytes).unwrap();
            assert_eq!((element.content.len(), element.rest), (length, &[9][..]));
            assert!(read(&bytes[..bytes.len() - 2]).is_none(), "{length}: cut short");
        }
    }
}
