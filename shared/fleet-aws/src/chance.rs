//! Random bytes: the one place where the functions ask for them.

use aws_lc_rs::error::Unspecified;

/// As many random bytes, good for secrets.
///
/// # Errors
/// Where the system has none.
pub fn bytes<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes)
}
