//! Tags. Source: "Tagging your AWS IoT resources" of the developer guide, sections "Tag restrictions" and "Tag basics".

use drydock_core::{ErrorCode, Rulebook, Write};
use drydock_model::iot::Tag;
use drydock_registry::tags::{NewTags, Tags};

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:thingtype/dock";

fn tag(key: &str, value: Option<&str>) -> Tag {
    Tag { key: key.into(), value: value.map(Into::into) }
}

fn new(tags: &[Tag]) -> NewTags {
    NewTags::read(Some(tags)).unwrap()
}

fn shown(tags: &Tags) -> String {
    let tags = tags.of(ARN).into_iter().map(|tag| format!("{}={}", tag.key, tag.value.unwrap()));
    tags.collect::<Vec<_>>().join(" ")
}

#[test]
fn tags_are_given_changed_and_taken_off() {
    let mut tags = Tags::new();
    let _ = tags.add(ARN, new(&[tag("team", Some("north")), tag("stage", None)])).unwrap();
    let done = tags.add(ARN, new(&[tag("team", Some("south"))])).unwrap();
    assert_eq!(shown(&tags), "stage= team=south");
    let [Write { table, key, value: Some(value) }] = done.writes.as_slice() else { panic!("{done:?}") };
    let mut again = Tags::new();
    again.load(table, key, value).unwrap();
    assert_eq!(shown(&again), shown(&tags));

    assert!(tags.remove(ARN, &["other".into()]).writes.is_empty());
    let _ = tags.remove(ARN, &["team".into(), "other".into()]);
    assert_eq!(shown(&tags), "stage=");
    assert_eq!(tags.remove(ARN, &["stage".into()]).writes, [Write::delete("tags", ARN)]);
    assert!(tags.forget(ARN).writes.is_empty());
    assert_eq!(shown(&tags), "");
}

#[test]
fn a_resource_has_fifty_tags_at_most() {
    let numbered = |from: usize, to: usize| (from..to).map(|n| tag(&format!("k{n}"), None)).collect::<Vec<_>>();
    let mut tags = Tags::new();
    assert!(NewTags::read(Some(&numbered(0, 51))).is_err());
    let _ = tags.add(ARN, new(&numbered(0, 50))).unwrap();
    let _ = tags.add(ARN, new(&numbered(0, 50))).unwrap();
    let error = tags.add(ARN, new(&numbered(49, 51))).unwrap_err();
    assert_eq!(error.code, ErrorCode::LimitExceededException);
    assert_eq!(tags.of(ARN).len(), 50);
}

#[test]
fn tags_that_are_not_valid_are_refused() {
    let (key, value) = ("k".repeat(129), "v".repeat(257));
    for (case, given) in [
        ("reserved", vec![tag("aws:team", None)]),
        ("reserved in capitals", vec![tag("AWS:team", None)]),
        ("twice", vec![tag("team", Some("a")), tag("team", Some("b"))]),
        ("empty", vec![tag("", None)]),
        ("long key", vec![tag(&key, None)]),
        ("long value", vec![tag("team", Some(&value))]),
        ("characters", vec![tag("team#1", None)]),
    ] {
        let error = NewTags::read(Some(&given)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequestException, "{case}");
    }
    assert!(!new(&[tag(&key[1..], Some(&value[1..])), tag("Größe: 3 + a.b/c=d@e-f", Some("ß"))]).is_empty());
    assert!(NewTags::read(None).unwrap().is_empty());
}
