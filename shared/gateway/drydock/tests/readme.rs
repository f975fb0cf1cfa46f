//! What the README lists of the gateway is what there is: the table of operations is what `drydock operations --markdown` prints
//! (`cargo xtask support` renews it), and the services beside AWS IoT are those that are registered.
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

#[test]
fn the_list_of_services_is_current() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../README.md")).unwrap();
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = format!("Beside AWS IoT it plays {}, as far as", drydock_cloud::stand_ins::titles());
    assert!(readme.contains(&said), "the README does not say: {said}");
}
