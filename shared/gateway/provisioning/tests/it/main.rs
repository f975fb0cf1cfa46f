//! Templates, versions and tokens as callers meet them, with a restart after each change.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

mod properties;
mod tasks;
mod templates;
mod tokens;

use drydock_core::{ApiError, CertificateId, Done, Ids, Rulebook, Scope, Timestamp, Write};
use drydock_provisioning::Provisioning;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

/// 2026-11-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_793_491_200_000);

const BODY: &str = r#"{"Resources": {
    "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}}}}"#;

#[derive(Default)]
struct Counting(AtomicU8);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// The rulebook with the rows that it would have on disk.
struct Account {
    book: Provisioning,
    ids: Counting,
    rows: BTreeMap<(&'static str, String), String>,
}

impl Account {
    fn new() -> Self {
        let book = Provisioning::new(Scope::new("123456789012", "us-east-1"));
        Self { book, ids: Counting::default(), rows: BTreeMap::new() }
    }

    fn run<T>(
        &mut self,
        command: impl FnOnce(&mut Provisioning, &Counting) -> Result<Done<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let done = command(&mut self.book, &self.ids)?;
        let changed = !done.writes.is_empty();
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
        if changed {
            self.book.clear();
            for table in Provisioning::TABLES {
                for ((_, key), value) in self.rows.iter().filter(|((of, _), _)| of == table) {
                    self.book.load(table, key, value).unwrap();
                }
            }
        }
        Ok(done.reply)
    }
}

fn certificate() -> CertificateId {
    CertificateId::new("c0".repeat(32)).unwrap()
}
