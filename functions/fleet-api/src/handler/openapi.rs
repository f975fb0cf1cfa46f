//! The document that is served is the one that follows from the types.

use fleet::homes::openapi::document;

#[test]
fn the_document_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let expected = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &expected).unwrap();
    }
    let known = std::fs::read_to_string(file).unwrap();
    assert!(known == expected, "openapi.json is not current: run the test with UPDATE=1");
}
