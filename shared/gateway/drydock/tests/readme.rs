//! The README's table of operations is what `drydock operations --markdown` prints; `cargo xtask support` renews it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[test]
fn the_table_of_operations_is_current() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../README.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- operations -->\n").expect("the table's begin");
    let (table, _) = rest.split_once("<!-- /operations -->").expect("the table's end");
    let current = drydock_services::operations::markdown(&drydock_services::operations::areas());
    assert!(table == current, "the table of operations is stale: run `cargo xtask support`");
}
