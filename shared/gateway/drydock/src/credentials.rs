//! Credentials that last for a while, as STS gives them.

use crate::gateway::Gateway;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::{Ids, Timestamp};

/// What an access key id is made of behind its prefix.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Temporary credentials. They have no `Debug`: two of the fields are secret.
#[derive(Clone)]
pub struct Temporary {
    /// `ASIA` and 16 letters and digits.
    pub access_key: String,
    /// 40 characters.
    pub secret: String,
    /// To be sent along with each signature.
    pub token: String,
    expires: Timestamp,
}

impl Temporary {
    /// Makes credentials of a role, for a session of this name.
    #[must_use]
    pub fn issue(gateway: &Gateway, _role: &str, _session: &str, expires: Timestamp) -> Self {
        let ids = gateway.books().ids.as_ref();
        let letters = random::<16>(ids).map(|byte| {
            let letter = ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'A');
            char::from(letter)
        });
        Self {
            access_key: format!("ASIA{}", letters.iter().collect::<String>()),
            secret: STANDARD.encode(random::<30>(ids)),
            token: STANDARD.encode(random::<192>(ids)),
            expires,
        }
    }

    /// `2023-02-06T05:54:46Z`.
    #[must_use]
    pub fn expiration(&self) -> String {
        let text = Timestamp(self.expires.seconds() * 1000).to_string();
        text.replace(".000Z", "Z")
    }
}

fn random<const N: usize>(ids: &dyn Ids) -> [u8; N] {
    let mut bytes = [0; N];
    ids.fill(&mut bytes);
    bytes
}
