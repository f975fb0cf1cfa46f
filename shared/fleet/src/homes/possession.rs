//! The proof that somebody holds a device: its serial number and the code that is printed on it, neither of which is anywhere else.
//!
//! The maker writes a row per device: `serial#<serial number>` and `code`, with the `thingName`, and of the code a salted hash
//! alone: `hash` is PBKDF2-HMAC-SHA256 over the code in capitals without its hyphens, with `salt` and `iterations`; both in
//! hexadecimal. Codes are short, so tries are limited, for a serial number as for a user, and counted before the code is looked at.

use super::problem::{Kind, Problem};
use super::row;
use super::text::{ClaimCode, SerialNumber, UserId, unhex};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item};
use crate::naming::is_device_name;
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, verify};
use std::num::NonZeroU32;

/// How long tries are counted together, in milliseconds.
pub const WINDOW: EpochMillis = 15 * 60_000;
/// How many tries a serial number has in a window.
pub const TRIES_PER_SERIAL: i64 = 5;
/// How many tries a user has in a window.
pub const TRIES_PER_USER: i64 = 20;
/// More iterations than these no function has time for.
const MOST_ITERATIONS: i64 = 600_000;
/// What a serial number that is not known costs, so that its answer takes as long.
const USUAL_ITERATIONS: i64 = 100_000;

const COUNT: &str = "count";

/// Counts a try of a user, and one for a serial number; refused where there were too many.
#[must_use]
pub fn tries(user: &UserId, serial_number: &SerialNumber, now: EpochMillis) -> [Change; 2] {
    let window = now.div_euclid(WINDOW);
    let count = |partition: String, most: i64| {
        let ends = window.saturating_add(1).saturating_mul(WINDOW).div_euclid(1000);
        row::change(partition, format!("attempts#{window}"))
            .when(Condition::Any(vec![Condition::Missing(COUNT.into()), Condition::less(COUNT, most)]))
            .count(COUNT, 1)
            .set(row::EXPIRES_AT, ends)
    };
    [count(row::user(user.as_str()), TRIES_PER_USER), count(row::serial(serial_number.as_str()), TRIES_PER_SERIAL)]
}

/// What is told once there were too many.
#[must_use]
pub fn too_many(now: EpochMillis) -> Problem {
    let left = WINDOW.saturating_sub(now.rem_euclid(WINDOW)).div_euclid(1000).saturating_add(1);
    Problem::from(Kind::TooManyAttempts).with("retry-after", left.to_string())
}

/// A code as it is hashed: in capitals, without its hyphens.
fn plain(code: &str) -> String {
    code.chars().filter(|sign| *sign != '-').map(|sign| sign.to_ascii_uppercase()).collect()
}

/// How a code is written down. Without a row, what is compared belongs to nobody.
struct Written {
    thing_name: Option<String>,
    salt: Vec<u8>,
    hash: Vec<u8>,
    iterations: NonZeroU32,
}

fn read(row: &Item) -> Option<Written> {
    let iterations = row.number("iterations").filter(|known| (1..=MOST_ITERATIONS).contains(known))?;
    Some(Written {
        thing_name: Some(row.text("thingName").filter(|name| is_device_name(name))?.to_owned()),
        salt: unhex(row.text("salt")?).filter(|salt| salt.len() >= 8)?,
        hash: unhex(row.text("hash")?).filter(|hash| hash.len() == 32)?,
        iterations: NonZeroU32::new(u32::try_from(iterations).ok()?)?,
    })
}

/// The thing that serial number and code stand for. Whether it is the serial number or the code that is wrong is not told, nor
/// by how long it takes.
///
/// # Errors
/// `claim-refused`; `internal` where the maker's row cannot be read.
pub fn prove(row: Option<&Item>, code: &ClaimCode) -> Result<String, Problem> {
    let written = match row {
        Some(row) => read(row).ok_or_else(|| Problem::from(Kind::Internal))?,
        None => Written {
            thing_name: None,
            salt: vec![0; 16],
            hash: vec![0; 32],
            iterations: u32::try_from(USUAL_ITERATIONS).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
        },
    };
    let plain = plain(code.as_str());
    // Compares in a time that does not depend on where the two differ.
    let is_right =
        verify(PBKDF2_HMAC_SHA256, written.iterations, &written.salt, plain.as_bytes(), &written.hash).is_ok();
    written.thing_name.filter(|_| is_right).ok_or_else(|| Kind::ClaimRefused.into())
}

/// What is written down for a device, for tests and for makers whose tools are in Rust.
#[must_use]
pub fn written(serial_number: &str, thing_name: &str, code: &str, salt: &[u8], iterations: NonZeroU32) -> Change {
    let plain = plain(code);
    let mut hash = [0; 32];
    aws_lc_rs::pbkdf2::derive(PBKDF2_HMAC_SHA256, iterations, salt, plain.as_bytes(), &mut hash);
    row::change(row::serial(serial_number), row::CODE)
        .set("thingName", thing_name)
        .set("salt", super::text::hex(salt))
        .set("hash", super::text::hex(&hash))
        .set("iterations", i64::from(iterations.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(change: &Change) -> Item {
        let mut row = None;
        change.apply(&mut row);
        row.unwrap()
    }

    #[test]
    fn a_code_proves_its_device_and_no_other() {
        let iterations = NonZeroU32::new(10).unwrap();
        let known = row(&written("SN-1", "pump-1", "ABCD-2345", b"12345678", iterations));
        let prove = |row, code| prove(row, &ClaimCode::read(code).unwrap());
        for code in ["ABCD-2345", "abcd2345", "A-B-C-D-2-3-4-5"] {
            assert_eq!(prove(Some(&known), code), Ok("pump-1".to_owned()), "{code}");
        }
        for code in ["ABCD-2346", "ABCD-234", "----"] {
            assert_eq!(prove(Some(&known), code), Err(Kind::ClaimRefused.into()), "{code}");
        }
        assert_eq!(prove(None, "ABCD-2345"), Err(Kind::ClaimRefused.into()));
        // Zeros are what nobody's code is compared with.
        assert_eq!(super::prove(None, &ClaimCode::read("0000").unwrap()), Err(Kind::ClaimRefused.into()));
        let mut broken = known.clone();
        broken.0.remove("salt");
        assert_eq!(prove(Some(&broken), "ABCD-2345"), Err(Kind::Internal.into()));
    }

    #[test]
    fn the_hash_is_what_other_tools_make_of_it() {
        // hashlib.pbkdf2_hmac("sha256", b"ABCD2345", b"12345678", 10).hex() of Python.
        let known = row(&written("SN-1", "pump-1", "abcd-2345", b"12345678", NonZeroU32::new(10).unwrap()));
        assert_eq!(known.text("hash"), Some("0f0051d3ed56e142fcf7323d6228adac28bf6eb4985432a490f4b022258ef23d"));
        assert_eq!(known.text("salt"), Some("3132333435363738"));
    }

    #[test]
    fn tries_are_few_in_a_window() {
        let (user, serial) = (super::super::text::user_id("u"), SerialNumber::read("SN-1").unwrap());
        let mut row = None;
        for at in 0..TRIES_PER_SERIAL + 2 {
            let [_, change] = tries(&user, &serial, 10 * WINDOW + at);
            let is_applied = matches!(change.apply(&mut row), crate::conditional::Outcome::Applied { .. });
            assert_eq!(is_applied, at < TRIES_PER_SERIAL);
        }
        assert_ne!(tries(&user, &serial, 0)[1].key, tries(&user, &serial, WINDOW)[1].key);
        assert_eq!(too_many(10 * WINDOW + 1).headers, [("retry-after", "900".to_owned())]);
    }
}
