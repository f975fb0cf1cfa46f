//! The store as its users see it: order, durability across a kill, refusals, and the way back after a failed commit.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

use drydock_core::{ApiError, CorruptRow, Done, ErrorCode, Rulebook, Scope, Write};
use drydock_store::{Held, Store, StoreError};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

fn rows(store: &Store, table: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    store
        .load(&scope(), table, |key, value| {
            found.push((key.to_owned(), value.to_owned()));
            Ok::<(), StoreError>(())
        })
        .unwrap();
    found
}

#[test]
fn rows_are_there_again_after_reopening_by_scope_and_table() {
    let dir = tempfile::tempdir().unwrap();
    let other = Scope::new("210987654321", "eu-west-1");
    {
        let store = Store::open(Some(dir.path())).unwrap();
        drop(store.submit(&scope(), vec![Write::put("t", "b", "1".into()), Write::put("t", "a", "2".into())]));
        drop(store.submit(&scope(), vec![Write::put("u", "a", "3".into()), Write::delete("t", "b")]));
        store.submit(&other, vec![Write::put("t", "a", "4".into())]).wait().unwrap();
    }
    let store = Store::open(Some(dir.path())).unwrap();
    assert_eq!(rows(&store, "t"), [("a".to_owned(), "2".to_owned())]);
    assert_eq!(rows(&store, "u"), [("a".to_owned(), "3".to_owned())]);
    assert_eq!(store.scopes().unwrap(), [scope(), other]);
    store.wipe().wait().unwrap();
    assert!(store.scopes().unwrap().is_empty());
}

#[test]
fn submissions_are_applied_in_order_whatever_the_grouping() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Some(dir.path())).unwrap();
    // Every submission overwrites one key and deletes the key of the one before: any reordering leaves more than one row.
    let commits: Vec<_> = (0..3000)
        .map(|n: u32| {
            let gone = format!("{}", n.wrapping_sub(1));
            let writes = vec![
                Write::put("t", "last", n.to_string()),
                Write::put("t", n.to_string(), String::new()),
                Write::delete("t", gone),
            ];
            store.submit(&scope(), writes)
        })
        .collect();
    for commit in commits {
        commit.wait().unwrap();
    }
    assert_eq!(rows(&store, "t"), [("2999".to_owned(), String::new()), ("last".to_owned(), "2999".to_owned())]);
}

#[test]
fn without_a_directory_nothing_is_kept_and_nothing_fails() {
    let store = Store::open(None).unwrap();
    store.submit(&scope(), vec![Write::put("t", "a", "1".into())]).wait().unwrap();
    assert!(!store.is_durable() && rows(&store, "t").is_empty());
}

#[test]
fn a_second_opener_is_told_who_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(Some(dir.path())).unwrap();
    let error = Store::open(Some(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
    drop(first);
    Store::open(Some(dir.path())).unwrap();
}

#[test]
fn a_file_that_is_not_ours_or_too_new_is_left_alone() {
    for (case, content, expected) in [
        ("no database", None, "is not a Drydock state file"),
        ("another program's", Some("CREATE TABLE theirs (x)"), "is not a Drydock state file"),
        ("newer", Some("PRAGMA application_id = 0x44525944; PRAGMA user_version = 999"), "has format 999"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drydock.sqlite");
        match content {
            None => std::fs::write(&path, "this is a text, and long enough to be read as a header of a file").unwrap(),
            Some(sql) => rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap(),
        }
        let error = Store::open(Some(dir.path())).unwrap_err();
        assert!(error.to_string().contains(expected), "{case}: {error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Store::open(Some(file.path())).unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
}

/// The child of the next test: writes and says what was acknowledged, until it is killed.
#[test]
#[ignore = "runs only as a child process, with a directory in its environment"]
fn child_that_writes_until_killed() {
    let dir = std::env::var("DRYDOCK_STORE_TEST_DIR").unwrap();
    let store = Store::open(Some(Path::new(&dir))).unwrap();
    for n in 0u64.. {
        let commits: Vec<_> = (0..7)
            .map(|part| {
                let key = format!("{n}-{part}");
                (key.clone(), store.submit(&scope(), vec![Write::put("t", key, "x".repeat(300))]))
            })
            .collect();
        for (key, commit) in commits {
            commit.wait().unwrap();
            println!("acknowledged {key}");
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_killed", "--ignored", "--nocapture"])
            .env("DRYDOCK_STORE_TEST_DIR", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 200 + round * 131;
        let mut acknowledged: Vec<String> = Vec::new();
        let mut take = |line: String| {
            if let Some((_, key)) = line.split_once("acknowledged ") {
                acknowledged.push(key.to_owned());
            }
            acknowledged.len()
        };
        while let Some(Ok(line)) = lines.next() {
            if take(line) == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= wanted, "the child ended early, after {}", acknowledged.len());
        let store = Store::open(Some(dir.path())).unwrap();
        let found: BTreeMap<_, _> = rows(&store, "t").into_iter().collect();
        for key in acknowledged {
            assert_eq!(found.get(&key).map(String::len), Some(300), "{key} was acknowledged and is lost");
        }
        store.wipe().wait().unwrap();
    }
}

/// A rulebook of texts by key.
#[derive(Default)]
struct Notes(BTreeMap<String, String>);

impl Notes {
    fn set(&mut self, key: &str, value: String) -> Done<usize> {
        self.0.insert(key.to_owned(), value.clone());
        Done::written(self.0.len(), vec![Write::put("notes", key, value)])
    }
}

impl Rulebook for Notes {
    const TABLES: &'static [&'static str] = &["notes"];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        if value == "corrupt" {
            return Err(CorruptRow { table: table.into(), key: key.into(), why: "it says so".into() });
        }
        self.0.insert(key.into(), value.into());
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

fn open(store: &Store) -> Held<Notes> {
    Held::open(store, &scope(), Notes::default()).unwrap()
}

async fn set(held: &Held<Notes>, key: &str, value: String) -> Result<usize, ApiError> {
    held.apply(|notes| Ok(notes.set(key, value))).await.map(|(reply, _)| reply)
}

#[tokio::test]
async fn a_held_rulebook_is_filled_again_from_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(Some(dir.path())).unwrap();
        let held = open(&store);
        assert_eq!(set(&held, "a", "1".into()).await, Ok(1));
        assert_eq!(set(&held, "b", "2".into()).await, Ok(2));
    }
    let store = Store::open(Some(dir.path())).unwrap();
    let held = open(&store);
    assert_eq!(held.read(|notes| notes.0.len()), 2);
    held.wipe().await.unwrap();
    assert_eq!(held.read(|notes| notes.0.len()), 0);
    assert!(rows(&store, "notes").is_empty());
}

#[tokio::test]
async fn a_refused_command_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Some(dir.path())).unwrap();
    let held = open(&store);
    let refused = held.apply(|_| Err::<Done<()>, _>(ApiError::invalid("no"))).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidRequestException);
    assert!(rows(&store, "notes").is_empty());
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_memory_goes_back_to_what_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::options().max_pages(40).open(Some(dir.path())).unwrap();
    let held = open(&store);
    let small = |n: usize| (format!("small-{n}"), "x".repeat(200));
    for n in 0..5 {
        let (key, value) = small(n);
        set(&held, &key, value).await.unwrap();
    }

    // Three changes on their way at once, of which the second does not fit: the third was decided on top of it. The writer is
    // given something to do first that takes no space, so that it cannot be done with the second before the third is decided.
    let busy = (0..50_000).map(|n| Write::delete("notes", format!("absent-{n}"))).collect();
    let busy = store.submit(&Scope::new("210987654321", "eu-west-1"), busy);
    let (key, value) = small(5);
    let (before, too_big, after) = tokio::join!(
        set(&held, &key, value),
        set(&held, "big", "x".repeat(400 * 1024)),
        set(&held, "after", "x".into())
    );
    assert_eq!(before, Ok(6));
    let error = too_big.unwrap_err();
    assert_eq!(error.code, ErrorCode::InternalFailureException);
    assert!(error.message.contains("cannot grow"), "{error}");
    assert!(after.is_err(), "decided on top of a change that was not saved");
    busy.await.unwrap();

    let in_memory = held.read(|notes| notes.0.clone());
    let on_disk: BTreeMap<_, _> = rows(&store, "notes").into_iter().collect();
    assert_eq!(in_memory, on_disk);
    assert_eq!(in_memory.len(), 6);

    // And the store goes on working for what does fit.
    assert_eq!(set(&held, "later", "x".into()).await, Ok(7));
    drop((held, store));
    let store = Store::open(Some(dir.path())).unwrap();
    assert_eq!(open(&store).read(|notes| notes.0.len()), 7);
}

#[tokio::test]
async fn a_failure_of_one_owner_does_not_touch_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::options().max_pages(40).open(Some(dir.path())).unwrap();
    let held = open(&store);
    let (too_big, other) = tokio::join!(
        set(&held, "big", "x".repeat(400 * 1024)),
        store.submit(&scope(), vec![Write::put("other", "a", "1".into())])
    );
    assert!(too_big.is_err() && other.is_ok());
    assert_eq!(rows(&store, "other").len(), 1);
}

#[tokio::test]
async fn a_command_that_panics_leaves_only_what_was_saved() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Some(dir.path())).unwrap();
    let held = std::sync::Arc::new(open(&store));
    set(&held, "a", "1".into()).await.unwrap();
    let other = std::sync::Arc::clone(&held);
    let panicked = tokio::spawn(async move {
        other
            .apply(|notes| -> Result<Done<()>, ApiError> {
                notes.0.insert("half".into(), "done".into());
                panic!("half-way")
            })
            .await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(set(&held, "b", "2".into()).await, Ok(2));
    assert_eq!(held.read(|notes| notes.0.keys().cloned().collect::<Vec<_>>()), ["a", "b"]);
}

#[test]
fn a_row_that_does_not_read_back_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Some(dir.path())).unwrap();
    store.submit(&scope(), vec![Write::put("notes", "k", "corrupt".into())]).wait().unwrap();
    let error = Held::open(&store, &scope(), Notes::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "row `k` of table `notes` cannot be read: it says so");
}
