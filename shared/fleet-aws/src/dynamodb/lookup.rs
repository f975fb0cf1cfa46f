//! Tables that are asked.

use super::{Table, failed};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use fleet::ports::{FindAllowed, FindBlocked, FindDeviceType, PortError, PortResult};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

impl Table {
    pub(super) async fn get(
        &self,
        key: &str,
        value: &str,
        consistent: bool,
    ) -> Result<Option<HashMap<String, AttributeValue>>, PortError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.name)
            .key(key, AttributeValue::S(value.to_owned()))
            .consistent_read(consistent);
        Ok(request.send().await.map_err(|error| failed("GetItem", &error))?.item)
    }
}

/// What may never join the fleet: a row per `entry` (`serial#…`, `certificate#…`, `ca#…`), with the reason in `why`.
#[derive(Debug, Clone)]
pub struct BlockList(Table);

impl BlockList {
    /// The table of this name.
    #[must_use]
    pub fn new(config: &SdkConfig, name: String) -> Self {
        Self(Table::new(config, name))
    }
}

impl FindBlocked for BlockList {
    async fn find_blocked(&self, entry: &str) -> PortResult<Option<String>> {
        let row = self.0.get("entry", entry, true).await?;
        Ok(row.map(|mut row| match row.remove("why") {
            Some(AttributeValue::S(why)) => why,
            _ => "no reason was given".to_owned(),
        }))
    }
}

/// The devices that were made: a row per `serialNumber`.
#[derive(Debug, Clone)]
pub struct AllowList(Table);

impl AllowList {
    /// The table of this name.
    #[must_use]
    pub fn new(config: &SdkConfig, name: String) -> Self {
        Self(Table::new(config, name))
    }
}

impl FindAllowed for AllowList {
    async fn find_allowed(&self, serial_number: &str) -> PortResult<bool> {
        Ok(self.0.get("serialNumber", serial_number, true).await?.is_some())
    }
}

/// How long a device's type is remembered. It hardly ever changes, and every message asks for it.
const REMEMBERED: Duration = Duration::from_secs(300);
/// How many devices are remembered by one process.
const REMEMBERED_DEVICES: usize = 10_000;

/// The devices that were registered: a row per `thingName`, with its `thingType`.
#[derive(Debug)]
pub struct Devices {
    table: Table,
    remembered: Mutex<HashMap<String, (Instant, Option<String>)>>,
}

impl Devices {
    /// The table of this name.
    #[must_use]
    pub fn new(config: &SdkConfig, name: String) -> Self {
        Self { table: Table::new(config, name), remembered: Mutex::default() }
    }
}

impl FindDeviceType for Devices {
    async fn find_device_type(&self, thing_name: &str) -> PortResult<Option<String>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(thing_name).cloned();
        if let Some((since, thing_type)) = remembered
            && since.elapsed() < REMEMBERED
        {
            return Ok(thing_type);
        }
        // A device that is not there yet may be registered the next moment: only those that are there are remembered.
        let Some(mut row) = self.table.get("thingName", thing_name, false).await? else { return Ok(None) };
        let thing_type = match row.remove("thingType") {
            Some(AttributeValue::S(thing_type)) => Some(thing_type),
            _ => None,
        };
        let mut all = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED_DEVICES {
            all.clear();
        }
        all.insert(thing_name.to_owned(), (Instant::now(), thing_type.clone()));
        Ok(thing_type)
    }
}
