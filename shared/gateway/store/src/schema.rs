//! The file's format, and how an older one becomes the present one.

use crate::error::StoreError;
use rusqlite::{Connection, Transaction};
use std::path::Path;

/// `DRYD`, in SQLite's application id: a file with another id is not ours.
const APPLICATION_ID: i32 = 0x4452_5944;

/// One step from a format to the next; it may rewrite rows as well as tables.
type Migration = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// Step `n` leads from format `n` to format `n + 1`. An empty file has format 0. Steps are only ever added.
const MIGRATIONS: &[Migration] = &[rows];

/// The present format, as many as there are steps. It is that of the rows too: what changes a row's form is a new step.
pub(crate) const FORMAT: u32 = 1;

/// The first format: every row of every rulebook in one table. `row` is clustered by its key, so that a rulebook loads by
/// one sequential scan; `state` is for people.
fn rows(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "CREATE TABLE scope (
             id INTEGER PRIMARY KEY,
             account TEXT NOT NULL,
             region TEXT NOT NULL,
             UNIQUE (account, region)
         );
         CREATE TABLE row (
             scope INTEGER NOT NULL,
             tbl TEXT NOT NULL,
             key TEXT NOT NULL,
             value TEXT NOT NULL,
             PRIMARY KEY (scope, tbl, key)
         ) WITHOUT ROWID;
         CREATE VIEW state AS
             SELECT account, region, tbl, key, value FROM row JOIN scope ON scope.id = row.scope;",
    )
}

/// Checks that the file is ours and brings it to the present format.
pub(crate) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let read = |e| StoreError::sqlite("reading the format of", path, e);
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(read)?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(read)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(read)?;
    let fresh = id == 0 && found == 0 && tables == 0;
    if !fresh && id != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_path_buf() });
    }
    debug_assert_eq!(u32::try_from(MIGRATIONS.len()), Ok(FORMAT));
    let known = FORMAT;
    if found > known {
        return Err(StoreError::TooNew { path: path.to_path_buf(), found, known });
    }
    for (version, step) in (1u32..).zip(MIGRATIONS).skip(found as usize) {
        migrate(connection, version, *step).map_err(|e| StoreError::sqlite("upgrading", path, e))?;
    }
    Ok(())
}

fn migrate(connection: &mut Connection, version: u32, step: Migration) -> rusqlite::Result<()> {
    let tx = connection.transaction()?;
    step(&tx)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", version)?;
    tx.commit()
}
