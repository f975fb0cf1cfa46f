//! The fleet's keys.

use super::Table;
use crate::remembered::Remembered;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use fleet::authorization::{Algorithm, FleetKey, KeyStatus};
use fleet::ports::{FindKey, PortError, PortResult};
use std::collections::HashMap;
use std::time::Duration;

/// How many keys are remembered by one process. A fleet has few: what is more comes from strangers who make up ids, and those
/// are not remembered at all.
const REMEMBERED_KEYS: usize = 64;

/// The public keys that sign devices' tokens: a row per `kid`, with `algorithm` (`ES256` or `RS256`), `publicKey` (PEM) and
/// `status` (`active` or `retired`).
#[derive(Debug)]
pub struct Keys {
    table: Table,
    for_how_long: Duration,
    remembered: Remembered<FleetKey>,
}

impl Keys {
    /// The table of this name. A key is remembered for so long: no longer does a retired one count.
    #[must_use]
    pub fn new(client: &Client, name: String, for_how_long: Duration) -> Self {
        Self { table: Table::new(client, name), for_how_long, remembered: Remembered::new(REMEMBERED_KEYS / 2) }
    }
}

impl FindKey for Keys {
    async fn find_key(&self, kid: &str) -> PortResult<Option<FleetKey>> {
        if let Some(key) = self.remembered.get(kid) {
            return Ok(Some(key));
        }
        let Some(row) = self.table.get("kid", kid, true).await? else { return Ok(None) };
        let key = read(&row).map_err(|why| PortError::new("FindKey", format!("the row of the key `{kid}`: {why}")))?;
        self.remembered.put(kid, key.clone(), self.for_how_long);
        Ok(Some(key))
    }
}

/// A row that cannot be read is a mistake of the fleet's, not of the device: it is an error, and no denial.
fn read(row: &HashMap<String, AttributeValue>) -> Result<FleetKey, String> {
    let text = |name: &str| match row.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.as_str()),
        _ => Err(format!("`{name}` must be text")),
    };
    let algorithm = Algorithm::read(text("algorithm")?).ok_or("`algorithm` must be ES256 or RS256")?;
    let status = KeyStatus::read(text("status")?).ok_or("`status` must be active or retired")?;
    FleetKey::new(algorithm, status, text("publicKey")?).map_err(|error| format!("`publicKey`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../fleet/tests/tokens/es256.pem");

    #[test]
    fn a_row_is_read_or_named_wrong() {
        let row = |algorithm: &str, status: &str, key: &str| -> HashMap<String, AttributeValue> {
            [("algorithm", algorithm), ("status", status), ("publicKey", key)]
                .into_iter()
                .map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())))
                .collect()
        };
        let key = read(&row("ES256", "retired", KEY)).unwrap();
        assert_eq!((key.algorithm, key.status), (Algorithm::Es256, KeyStatus::Retired));
        for (algorithm, status, pem, wrong) in [
            ("HS256", "active", KEY, "`algorithm`"),
            ("ES256", "ACTIVE", KEY, "`status`"),
            ("RS256", "active", KEY, "`publicKey`"),
            ("ES256", "active", "MIIB", "`publicKey`"),
        ] {
            let error = read(&row(algorithm, status, pem)).unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
        assert!(read(&HashMap::new()).unwrap_err().contains("`algorithm` must be text"));
    }
}
