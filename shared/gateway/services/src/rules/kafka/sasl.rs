//! SASL: PLAIN (RFC 4616), and SCRAM-SHA-512 (RFC 5802, RFC 7677).

use super::failure::Failure;
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::Ids as _;
use drydock_host::system::SystemIds;
use std::num::NonZeroU32;

/// How a client proves who it is.
#[derive(Clone)]
pub(super) enum Sasl {
    Plain { user: String, password: String },
    Scram { user: String, password: String },
}

impl Sasl {
    /// The mechanism's name.
    pub(super) fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
            Self::Scram { .. } => "SCRAM-SHA-512",
        }
    }
}

/// How many iterations a server may ask for: RFC 7677 wants 4,096 at least, Kafka's own most is 16,384. Each costs the client.
const ROUNDS: std::ops::RangeInclusive<u32> = 4096..=65_536;

/// PLAIN's one message.
pub(super) fn plain(user: &str, password: &str) -> Vec<u8> {
    format!("\0{user}\0{password}").into_bytes()
}

/// A client's half of a SCRAM exchange.
pub(super) struct Scram {
    bare: String,
    nonce: String,
    password: String,
}

impl Scram {
    pub(super) fn new(user: &str, password: &str) -> Self {
        Self::with_nonce(user, password, nonce())
    }

    fn with_nonce(user: &str, password: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { bare: format!("n={user},r={nonce}"), nonce, password: password.to_owned() }
    }

    /// The first message.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The last message for the server's first, and the signature that the server has to answer with. It takes a while, which no
    /// timeout can end: on a thread where nobody else waits.
    pub(super) async fn finish(self, server_first: String) -> Result<(String, String), Failure> {
        let worked = tokio::task::spawn_blocking(move || self.last(&server_first)).await;
        worked.unwrap_or_else(|_| Err(Failure::passing("the proof for the Kafka broker was not worked out")))
    }

    fn last(&self, server_first: &str) -> Result<(String, String), Failure> {
        let wrong = || Failure::lasting("the Kafka broker's SCRAM message cannot be used");
        let field = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = field("r=").filter(|nonce| nonce.starts_with(&self.nonce)).ok_or_else(wrong)?;
        let salt = field("s=").and_then(|salt| STANDARD.decode(salt).ok()).ok_or_else(wrong)?;
        let rounds = field("i=").and_then(|rounds| rounds.parse::<u32>().ok()).ok_or_else(wrong)?;
        if !ROUNDS.contains(&rounds) {
            return Err(Failure::lasting(format!(
                "the Kafka broker asks for {rounds} SCRAM iterations, and {} to {} are taken",
                ROUNDS.start(),
                ROUNDS.end()
            )));
        }
        let rounds = NonZeroU32::new(rounds).ok_or_else(wrong)?;
        let mut salted = [0; digest::SHA512_OUTPUT_LEN];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, rounds, &salt, self.password.as_bytes(), &mut salted);
        let mac = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), text);
        let client_key = mac(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA512, client_key.as_ref());
        let without_proof = format!("c=biws,r={nonce}");
        let message = format!("{},{server_first},{without_proof}", self.bare);
        let signature = mac(stored.as_ref(), message.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server_key = mac(&salted, b"Server Key");
        let server = mac(server_key.as_ref(), message.as_bytes());
        let last = format!("{without_proof},p={}", STANDARD.encode(proof));
        Ok((last, format!("v={}", STANDARD.encode(server.as_ref()))))
    }
}

/// Random text that is fit for a nonce.
fn nonce() -> String {
    SystemIds::new().hex64()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out with Python's hashlib from RFC 5802's description, with the names of its example.
    #[test]
    fn a_proof_is_what_the_description_says() {
        let scram = Scram::with_nonce("user", "pencil", "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (last, signature) = scram.last(server).map_err(|failure| failure.message).unwrap();
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
        );
        assert_eq!(
            signature,
            "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="
        );
        assert!(scram.last("r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").is_err());
        for rounds in ["0", "1", "4095", "65537", "4294967295", "4294967296"] {
            assert!(scram.last(&server.replace("4096", rounds)).is_err(), "{rounds}");
        }
    }
}
