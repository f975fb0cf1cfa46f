//! The store as its users see it: order, durability across a kill, refusals, and the way back after a failed commit.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

use drydock_core::{ApiError, CertificateId, CorruptRow, Done, ErrorCode, Event, Rulebook, Scope, Timestamp, Write};
use drydock_store::{AnyPart as _, Durable, Store, StoreError, change};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

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

#[tokio::test]
async fn a_store_is_closed_though_others_hold_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Some(dir.path())).unwrap();
    let held = store.clone();
    let last = store.submit(&scope(), vec![Write::put("t", "a", "1".into())]);
    store.close().await;
    last.await.unwrap();
    let late = held.submit(&scope(), vec![Write::put("t", "a", "2".into())]).await;
    assert!(matches!(late, Err(StoreError::Closed)), "{late:?}");
    let read = held.load(&scope(), "t", |_, _| Ok::<(), StoreError>(()));
    assert!(matches!(read, Err(StoreError::Closed)), "{read:?}");
    let again = Store::open(Some(dir.path())).unwrap();
    assert_eq!(rows(&again, "t"), [("a".to_owned(), "1".to_owned())]);
    held.close().await;
    again.submit(&scope(), vec![Write::put("t", "a", "3".into())]).await.unwrap();
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

fn open(store: &Store) -> Durable<Notes> {
    Durable::open(store, &scope(), Notes::default()).unwrap()
}

async fn set(held: &Durable<Notes>, key: &str, value: String) -> Result<usize, ApiError> {
    change((held,), drop, |(notes,)| notes.apply(|notes| Ok(notes.set(key, value)))).await
}

#[tokio::test]
async fn a_rulebook_is_filled_again_from_its_rows() {
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
    change((&held,), drop, |(notes,)| -> Result<(), StoreError> {
        notes.clear();
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(held.read(|notes| notes.0.len()), 0);
    assert!(rows(&store, "notes").is_empty());
}

#[tokio::test]
async fn a_refused_command_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Some(dir.path())).unwrap();
    let held = open(&store);
    let refused = change((&held,), drop, |(notes,)| notes.apply(|_| Err::<Done<()>, _>(ApiError::invalid("no")))).await;
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
        change((other.as_ref(),), drop, |(notes,)| {
            notes.apply(|notes| -> Result<Done<()>, ApiError> {
                notes.0.insert("half".into(), "done".into());
                panic!("half-way")
            })
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
    let error = Durable::open(&store, &scope(), Notes::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "row `k` of table `notes` cannot be read: it says so");
}

/// A change of two rulebooks that fails after the first one was changed.
async fn break_off(first: &Durable<Notes>, second: &Durable<Others>) -> ApiError {
    let broken = change((first, second), drop, |(first, second)| {
        first.apply(|notes| Ok::<_, ApiError>(notes.set("half", "1".into())))?;
        assert!(first.0.contains_key("half"), "a change sees what it has done");
        second.apply(|_| Err::<Done<()>, _>(ApiError::invalid("no")))
    });
    broken.await.unwrap_err()
}

#[tokio::test]
async fn a_change_that_fails_half_way_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for directory in [None, Some(dir.path())] {
        let store = Store::open(directory).unwrap();
        let (first, second) = (open(&store), open_others(&store));
        // One that is on its way to the disk when the change breaks off: it stays.
        let on_its_way = set(&first, "a", "1".into());
        let (saved, error) = tokio::join!(on_its_way, break_off(&first, &second));
        assert_eq!((saved, error.code), (Ok(1), ErrorCode::InvalidRequestException));
        let keys = |book: &Durable<Notes>| book.read(|notes| notes.0.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys(&first), ["a"], "durable: {}", store.is_durable());
        assert_eq!(set(&first, "b", "2".into()).await, Ok(2));
        assert_eq!(rows(&store, "notes").len(), 2);
    }
}

/// The same rulebook with a table of its own.
struct Others(Notes);

impl Rulebook for Others {
    const TABLES: &'static [&'static str] = &["others"];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        self.0.load(table, key, value)
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl Others {
    fn set(&mut self, key: &str, value: String) -> Done<usize> {
        let done = self.0.set(key, value);
        let writes = done.writes.into_iter().map(|write| Write { table: "others", ..write }).collect();
        Done::written(done.reply, writes)
    }
}

fn open_others(store: &Store) -> Durable<Others> {
    Durable::open(store, &scope(), Others(Notes::default())).unwrap()
}

async fn set_both(
    (first, second): (&Durable<Notes>, &Durable<Others>),
    key: &str,
    value: String,
) -> Result<usize, ApiError> {
    change((first, second), drop, |(first, second)| {
        first.apply(|notes| Ok::<_, ApiError>(notes.set(key, value.clone())))?;
        second.apply(|notes| Ok(notes.set(key, value)))
    })
    .await
}

#[tokio::test]
async fn a_unit_that_does_not_fit_is_taken_back_in_each_of_its_rulebooks() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::options().max_pages(40).open(Some(dir.path())).unwrap();
    let first = open(&store);
    let second = open_others(&store);
    let both = (&first, &second);
    assert_eq!(set_both(both, "a", "1".into()).await, Ok(1));
    let busy = (0..50_000).map(|n| Write::delete("notes", format!("absent-{n}"))).collect();
    let busy = store.submit(&Scope::new("210987654321", "eu-west-1"), busy);
    // The last one changes the second rulebook alone, and has looked at the first.
    let last = change((&first, &second), drop, |(first, second)| {
        let seen = first.0.contains_key("big");
        second.apply(|notes| Ok::<_, ApiError>(notes.set("last", seen.to_string())))
    });
    let (too_big, on_top, alone) =
        tokio::join!(set_both(both, "big", "x".repeat(200 * 1024)), set(&first, "after", "1".into()), last);
    assert!(too_big.unwrap_err().message.contains("cannot grow"));
    assert!(on_top.is_err() && alone.is_err(), "decided on top of a change that was not saved");
    busy.await.unwrap();
    for (table, in_memory) in
        [("notes", first.read(|notes| notes.0.clone())), ("others", second.read(|notes| notes.0.0.clone()))]
    {
        assert_eq!(in_memory.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "1".to_owned())], "{table}");
        assert_eq!(rows(&store, table).len(), 1, "{table}");
    }
    assert_eq!(set_both(both, "b", "2".into()).await, Ok(2));
}

/// What is told of a unit: numbers that go up by one in the order of the decisions.
fn numbered(number: u64) -> Event {
    Event::CertificateExpired {
        certificate_id: CertificateId::new("0".repeat(64)).unwrap(),
        at: Timestamp(number as i64),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn units_are_told_in_the_order_of_their_decisions() {
    const CALLERS: u64 = 64;
    const COMMANDS: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    for directory in [None, Some(dir.path())] {
        let store = Store::open(directory).unwrap();
        let first = Arc::new(open(&store));
        let second = Arc::new(open_others(&store));
        let told: Arc<Mutex<Vec<(i64, i64)>>> = Arc::default();
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (first, second, told) = (Arc::clone(&first), Arc::clone(&second), Arc::clone(&told));
                tokio::spawn(async move {
                    for command in 0..COMMANDS {
                        let told = Arc::clone(&told);
                        let tell = move |events: Vec<Event>| {
                            let number = |event: &Event| match event {
                                Event::CertificateExpired { at, .. } => at.0,
                                _ => 0,
                            };
                            let numbers: Vec<i64> = events.iter().map(number).collect();
                            told.lock().unwrap().push((numbers[0], *numbers.get(1).unwrap_or(&0)));
                        };
                        // A number of each rulebook: the length that it has then.
                        let key = format!("{caller}-{command}");
                        let next = |length: usize| numbered(length as u64);
                        let one = |notes: &mut Notes| {
                            let done = notes.set(&key, String::new());
                            let event = next(done.reply);
                            Ok::<_, ApiError>(done.with(event))
                        };
                        let done = if caller % 2 == 0 {
                            change((first.as_ref(),), tell, |(first,)| first.apply(one)).await
                        } else {
                            change((first.as_ref(), second.as_ref()), tell, |(first, second)| {
                                first.apply(one)?;
                                second.apply(|others| {
                                    let done = others.set(&key, String::new());
                                    let event = next(done.reply);
                                    Ok(done.with(event))
                                })
                            })
                            .await
                        };
                        done.unwrap();
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        let told = told.lock().unwrap();
        let firsts: Vec<i64> = told.iter().map(|(first, _)| *first).collect();
        let seconds: Vec<i64> = told.iter().map(|(_, second)| *second).filter(|second| *second > 0).collect();
        assert!(firsts.iter().copied().eq(1..=(CALLERS * COMMANDS) as i64), "durable: {}", store.is_durable());
        assert!(seconds.iter().copied().eq(1..=(CALLERS * COMMANDS / 2) as i64), "durable: {}", store.is_durable());
    }
}

#[tokio::test]
async fn a_unit_is_told_before_its_caller_is_answered_and_not_at_all_where_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::options().max_pages(40).open(Some(dir.path())).unwrap();
    let book = open(&store);
    for (value, fits) in [("x".to_owned(), true), ("x".repeat(400 * 1024), false)] {
        let told = Arc::new(Mutex::new(false));
        let saw = Arc::clone(&told);
        let tell = move |_: Vec<Event>| *saw.lock().unwrap() = true;
        let done = change((&book,), tell, |(notes,)| notes.apply(|notes| Ok::<_, ApiError>(notes.set("a", value))));
        assert_eq!((done.await.is_ok(), *told.lock().unwrap()), (fits, fits));
    }
}

#[tokio::test]
#[should_panic(expected = "lock order violated")]
async fn rulebooks_are_locked_in_one_order() {
    let store = Store::open(None).unwrap();
    let (first, second) = (open(&store), open_others(&store));
    first.read(|_| second.read(|_| ()));
    second.read(|_| first.read(|_| ()));
}
