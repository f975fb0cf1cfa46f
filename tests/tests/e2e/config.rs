//! `drydock.toml`: what it may say, what it changes, and how its mistakes are told.

use drydock_tests::gateway::{Place, SMALL, binary};
use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];

#[test]
fn mistakes_are_told_with_their_place_and_the_nearest_name() {
    let place = Place::new(SMALL);
    let cases = [
        ("[limits]\npublish_per_second = 1\n", "drydock.toml:2:1:", "did you mean `publishes_per_second`?"),
        ("[limits]\n\ntopic_bytes = 70000\n", "drydock.toml:3:15:", "it may be 1 to 65535"),
        ("[limits]\ntopic_bytes = -1\n", "drydock.toml:2:15:", "it may be 1 to 65535"),
        ("[limits]\ntopic_bytes = \"256\"\n", "drydock.toml:2:15:", "a whole number, not a string"),
        ("[limit]\ntopic_bytes = 256\n", "drydock.toml:1:2:", "did you mean `limits`?"),
        ("limits = 1\n", "drydock.toml:1:10:", "not an integer"),
        ("[limits]\ntopic_bytes = \n", "drydock.toml:2:", ""),
        ("[limits]\nkeep_alive_min_seconds = 60\nkeep_alive_max_seconds = 50\n", "drydock.toml:1:", "only 50"),
    ];
    for (text, at, what) in cases {
        fs::write(place.path().join("drydock.toml"), text).unwrap();
        let said = place.up_fails(&CALM);
        assert!(said.contains(at) && said.contains(what), "{text}: {said}");
    }
    let said = place.up_fails(&["--ephemeral", "--no-functions", "--config", "elsewhere.toml"]);
    assert!(said.contains("`elsewhere.toml` cannot be read"), "{said}");
}

#[test]
fn a_limit_of_the_file_holds() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("mine.toml"), "[limits]\npayload_bytes = 4\n").unwrap();
    let limits: Value = serde_json::from_str(&place.run(&["limits", "--json", "--config", "mine.toml"])).unwrap();
    let row = limits["limits"].as_array().unwrap().iter().find(|row| row["name"] == "payload_bytes").unwrap();
    assert_eq!((&row["default"], &row["value"]), (&131_072.into(), &4.into()));
    assert!(row["about"].as_str().unwrap().contains("Publish request payload size"), "{row}");

    let gateway = place.up(&["--ephemeral", "--no-functions", "--config", "mine.toml"]);
    let mut device = gateway.connect(&gateway.free_device("device"));
    device.publish("a", "four").unwrap();
    assert!(device.publish("a", "fives").is_err(), "five bytes, where four are allowed");
}

#[test]
fn a_command_outlives_its_reader() {
    for arguments in [&["limits"][..], &["limits", "--json"], &["operations"], &["operations", "--markdown"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = Command::new(binary()).args(arguments).stdin(Stdio::null()).stdout(writer).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
