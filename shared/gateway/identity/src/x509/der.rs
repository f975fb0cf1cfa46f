//! As much of DER as signing and checking signatures needs: to take a structure apart without losing its bytes, and to put
//! one together.

/// `BOOLEAN`.
const BOOLEAN: u8 = 0x01;
/// The bit of a tag whose content is elements.
const CONSTRUCTED: u8 = 0x20;
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

/// How deep elements may nest; certificates need ten.
const DEPTH: usize = 32;

/// Whether the bytes are one element of DER and nothing else: definite lengths in their shortest form, integers without
/// needless bytes, booleans of `00` or `FF`, all through. What an `OCTET STRING` or a `BIT STRING` holds is not looked into.
///
/// Readers that are lenient about these would give one certificate many encodings, and each of them another digest.
pub(crate) fn is_strict(bytes: &[u8]) -> bool {
    read(bytes).is_some_and(|element| element.rest.is_empty() && is_strict_element(&element, DEPTH))
}

fn is_strict_element(element: &Element<'_>, depth: usize) -> bool {
    // Tags of several bytes do not occur in certificates.
    if element.tag & 0x1f == 0x1f || depth == 0 {
        return false;
    }
    if element.tag & CONSTRUCTED == 0 {
        return match (element.tag, element.content) {
            (BOOLEAN, content) => matches!(content, [0x00 | 0xff]),
            (INTEGER, []) | (BIT_STRING, []) => false,
            (INTEGER, [0x00, second, ..]) => second & 0x80 != 0,
            (INTEGER, [0xff, second, ..]) => second & 0x80 == 0,
            (BIT_STRING, [unused, bits @ ..]) => {
                let mask = 1_u8.checked_shl(u32::from(*unused)).map(|bit| bit - 1);
                mask.is_some_and(|mask| bits.last().map_or(*unused == 0, |last| last & mask == 0))
            }
            _ => true,
        };
    }
    let mut rest = element.content;
    while !rest.is_empty() {
        match read(rest) {
            Some(inner) if is_strict_element(&inner, depth - 1) => rest = inner.rest,
            _ => return false,
        }
    }
    true
}

/// Reads the first element; `None` where the bytes are not DER: a length has the shortest form that holds it.
pub(crate) fn read(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, after) = bytes.split_first()?;
    let (&first, after) = after.split_first()?;
    let (length, after) = match first {
        0..=0x7f => (usize::from(first), after),
        0x81..=0x84 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            if digits.first() == Some(&0) || length < 0x80 {
                return None;
            }
            (length, after)
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
    fn other_encodings_than_the_shortest_are_not_der() {
        for (bytes, strict) in [
            (&[0x30, 0x03, 0x02, 0x01, 0x05][..], true),
            (&[0x30, 0x81, 0x03, 0x02, 0x01, 0x05], false),
            (&[0x30, 0x82, 0x00, 0x03, 0x02, 0x01, 0x05], false),
            (&[0x30, 0x04, 0x02, 0x81, 0x01, 0x05], false),
            (&[0x30, 0x80, 0x02, 0x01, 0x05, 0x00, 0x00], false),
            (&[0x30, 0x04, 0x02, 0x02, 0x00, 0x05], false),
            (&[0x30, 0x04, 0x02, 0x02, 0x00, 0x85], true),
            (&[0x30, 0x04, 0x02, 0x02, 0xff, 0x85], false),
            (&[0x30, 0x03, 0x01, 0x01, 0xff], true),
            (&[0x30, 0x03, 0x01, 0x01, 0x01], false),
            (&[0x03, 0x02, 0x07, 0x80], true),
            (&[0x03, 0x02, 0x07, 0x81], false),
            (&[0x03, 0x02, 0x08, 0x00], false),
            (&[0x30, 0x03, 0x02, 0x01, 0x05, 0x00], false),
        ] {
            assert_eq!(is_strict(bytes), strict, "{bytes:02x?}");
        }
    }

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
