//! Tables that are asked.

use super::{Table, value};
use crate::failure::failed;
use crate::remembered::Remembered;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use fleet::conditional::{Change, Item, Outcome, Value};
use fleet::ports::{
    Device, FindAllowed, FindBlocked, FindDevice, FindRelease, FindRow, ListReleases, PortError, PortResult, UpdateItem,
};
use fleet::release::state::RELEASE_ID;
use std::collections::HashMap;
use std::time::Duration;

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

impl FindRelease for Table {
    async fn find_release(&self, key: &str) -> PortResult<Option<Item>> {
        Ok(self.get(RELEASE_ID, key, true).await?.map(value::to_item))
    }
}

impl FindRow for Table {
    async fn find_row(&self, key: &'static str, text: &str) -> PortResult<Option<Item>> {
        Ok(self.get(key, text, true).await?.map(value::to_item))
    }
}

impl ListReleases for Table {
    async fn list_releases(&self) -> PortResult<Vec<Item>> {
        let (mut rows, mut start) = (Vec::new(), None);
        loop {
            let request =
                self.client.scan().table_name(&self.name).consistent_read(true).set_exclusive_start_key(start);
            let page = request.send().await.map_err(|error| failed("Scan", &error))?;
            rows.extend(page.items.unwrap_or_default().into_iter().map(value::to_item));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }
}

/// What may never join the fleet: a row per `entry` (`serial#…`, `certificate#…`, `ca#…`), with the reason in `why`.
#[derive(Debug, Clone)]
pub struct BlockList(Table);

impl BlockList {
    /// The table of this name.
    #[must_use]
    pub fn new(client: &Client, name: String) -> Self {
        Self(Table::new(client, name))
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
    pub fn new(client: &Client, name: String) -> Self {
        Self(Table::new(client, name))
    }
}

impl FindAllowed for AllowList {
    async fn find_allowed(&self, serial_number: &str) -> PortResult<bool> {
        Ok(self.0.get("serialNumber", serial_number, true).await?.is_some())
    }
}

/// How long a device is remembered. It hardly ever changes, and every message asks for it.
const REMEMBERED: Duration = Duration::from_secs(300);
/// How long it is remembered that there is none: it may join the next moment.
const ABSENCE_REMEMBERED: Duration = Duration::from_secs(60);
/// How many devices are remembered by one process.
const REMEMBERED_DEVICES: usize = 10_000;

/// The devices that joined: a row per `thingName`, with its `thingType` and `serialNumber`.
#[derive(Debug)]
pub struct Devices {
    table: Table,
    remembered: Remembered<Option<Device>>,
}

impl Devices {
    /// The table of this name.
    #[must_use]
    pub fn new(client: &Client, name: String) -> Self {
        Self { table: Table::new(client, name), remembered: Remembered::new(REMEMBERED_DEVICES / 2) }
    }
}

impl FindDevice for Devices {
    async fn find_device(&self, thing_name: &str) -> PortResult<Option<Device>> {
        if let Some(device) = self.remembered.get(thing_name) {
            return Ok(device);
        }
        let row = self.table.get("thingName", thing_name, false).await?;
        let device = row.map(|mut row| {
            let mut text = |name| match row.remove(name) {
                Some(AttributeValue::S(text)) => Some(text),
                _ => None,
            };
            Device { thing_type: text("thingType"), serial_number: text("serialNumber") }
        });
        let for_how_long = if device.is_some() { REMEMBERED } else { ABSENCE_REMEMBERED };
        self.remembered.put(thing_name, device.clone(), for_how_long);
        Ok(device)
    }
}

/// A device's row is made where there is none, by whoever lets it in without registering it.
impl UpdateItem for Devices {
    async fn update_item(&self, change: &Change) -> PortResult<Outcome> {
        let outcome = self.table.update_item(change).await?;
        if let Some((_, Value::Text(thing_name))) = change.key.first() {
            self.remembered.forget(thing_name);
        }
        Ok(outcome)
    }
}
