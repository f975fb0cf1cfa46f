//! Keys of RSA that were made by software that makes weak ones.
//!
//! - ROCA (CVE-2017-15361): primes of Infineon's library are powers of 65537 modulo the product of small primes, and so are their
//!   products. A modulus that is one modulo each of them is of that library; by chance it would be so once in 2^27 times (M. Nemec
//!   and others, "The Return of Coppersmith's Attack", section 2.1).
//! - Debian (CVE-2008-0166): OpenSSL made one of 32,768 keys for each size and architecture. These are listed, by the last twenty
//!   digits of the SHA-1 of `Modulus=…` as Debian's package `openssl-blacklist` has them; see [`Blocklist`].

use sha1::{Digest as _, Sha1};
use std::collections::HashSet;
use std::fmt::Write as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// The primes whose product the library takes at least.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const GENERATOR: u32 = 65_537;
/// Digits of an entry of a block list.
const DIGITS: usize = 20;

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// CVE-2017-15361.
    Roca,
    /// CVE-2008-0166.
    Debian,
}

/// Keys that are known to be predictable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocklist(HashSet<Entry>);

/// The last bytes of a digest: what a list has of a key.
type Entry = [u8; DIGITS / 2];

impl Blocklist {
    /// Reads lists as `openssl-blacklist` has them: a line with twenty hexadecimal digits for each key, and comments behind `#`.
    ///
    /// # Errors
    /// The number of the first line that is neither, from 1.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut known = HashSet::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            known.insert(digits(line).ok_or(at + 1)?);
        }
        Ok(Self(known))
    }

    /// Takes in the keys of another list.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether a modulus is listed.
    fn has(&self, modulus: &[u8]) -> bool {
        !self.0.is_empty() && self.0.contains(&entry(modulus))
    }
}

/// The entry that a line of a list has.
fn digits(line: &str) -> Option<Entry> {
    let mut entry = Entry::default();
    if line.len() != DIGITS || !line.is_ascii() {
        return None;
    }
    for (at, byte) in entry.iter_mut().enumerate() {
        let pair = line.get(2 * at..2 * at + 2).filter(|pair| !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(entry)
}

/// The entry of a modulus in a list.
fn entry(modulus: &[u8]) -> Entry {
    let mut text = String::from("Modulus=");
    for byte in modulus {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    text.push('\n');
    let digest = Sha1::digest(text.as_bytes());
    let mut entry = Entry::default();
    for (into, byte) in entry.iter_mut().rev().zip(digest.iter().rev()) {
        *into = *byte;
    }
    entry
}

/// What is wrong with the key of a certificate; nothing where it is not one of RSA.
#[must_use]
pub fn weakness(der: &[u8], known: &Blocklist) -> Option<Weakness> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed() else { return None };
    let modulus = key.modulus.iter().position(|byte| *byte != 0).and_then(|at| key.modulus.get(at..))?;
    if is_roca(modulus) {
        Some(Weakness::Roca)
    } else if known.has(modulus) {
        Some(Weakness::Debian)
    } else {
        None
    }
}

/// Whether a modulus, in bytes from the highest, is a power of 65537 modulo each of the primes.
fn is_roca(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        loop {
            if power == rest {
                return true;
            }
            power = power * (GENERATOR % prime) % prime;
            if power == 1 {
                return false;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Blocklist, entry, is_roca};

    /// 65537 to a power modulo all primes, and the product of two such numbers, has the fingerprint; numbers beside it have not.
    #[test]
    fn products_of_powers_of_65537_have_the_fingerprint() {
        let bytes = |number: u128| number.to_be_bytes().to_vec();
        assert!(is_roca(&bytes(65_537)));
        assert!(is_roca(&bytes(65_537 * 65_537 * 65_537)));
        assert!(is_roca(&bytes(1)));
        for other in [65_539, 65_537 * 3, 65_537 + 2, 1 << 100, (1 << 89) - 1] {
            assert!(!is_roca(&bytes(other)), "{other}");
        }
    }

    #[test]
    fn a_list_has_the_digits_of_moduli() {
        let modulus = [0xc0, 0xff, 0xee];
        // printf 'Modulus=C0FFEE\n' | sha1sum
        let digits: String = entry(&modulus).iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("# a comment\n\n{digits}  # behind\n");
        let known = Blocklist::parse(&list).unwrap();
        assert!(known.has(&modulus));
        assert!(!known.has(&[0xc0, 0xff, 0xef]));
        assert_eq!(Blocklist::parse("0123456789abcdef0123\nnot digits"), Err(2));
    }
}
