//! Static thing groups. Source: "Static thing groups" of the developer guide, "AWS IoT Core thing group limits and quotas", and the
//! API reference of the operations.

use crate::support::{Account, NOW, payload, told};
use drydock_core::{ApiError, ErrorCode};
use drydock_model::iot::{
    AddThingToThingGroupRequest, CreateThingGroupRequest, DeleteThingGroupRequest, DeleteThingRequest,
    DescribeThingGroupRequest, DescribeThingGroupResponse, ListThingGroupsForThingRequest, ListThingGroupsRequest,
    ListThingsInThingGroupRequest, RemoveThingFromThingGroupRequest, ThingGroupProperties, UpdateThingGroupRequest,
    UpdateThingGroupsForThingRequest,
};

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:thinggroup/";

impl Account {
    fn group(&mut self, name: &str, parent: Option<&str>) -> Result<String, ApiError> {
        let request = CreateThingGroupRequest {
            thing_group_name: name.into(),
            parent_group_name: parent.map(Into::into),
            ..CreateThingGroupRequest::default()
        };
        self.run(|book, ids| book.create_thing_group(&request, NOW, ids)).map(|reply| reply.thing_group_id.unwrap())
    }

    fn describe_group(&self, name: &str) -> Result<DescribeThingGroupResponse, ApiError> {
        let request = DescribeThingGroupRequest { thing_group_name: name.into() };
        self.book.describe_thing_group(&request).map(|done| done.reply)
    }

    fn delete_group(&mut self, name: &str, expected_version: Option<i64>) -> Result<(), ApiError> {
        let request = DeleteThingGroupRequest { thing_group_name: name.into(), expected_version };
        self.run(|book, _| book.delete_thing_group(&request, NOW)).map(|_| ())
    }

    fn add(&mut self, thing: &str, group: &str) -> Result<(), ApiError> {
        let request = AddThingToThingGroupRequest {
            thing_name: Some(thing.into()),
            thing_group_name: Some(group.into()),
            ..AddThingToThingGroupRequest::default()
        };
        self.run(|book, ids| book.add_thing_to_thing_group(&request, NOW, ids)).map(|_| ())
    }

    fn members(&self, group: &str, recursive: bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut next_token = None;
        loop {
            let request = ListThingsInThingGroupRequest {
                max_results: Some(2),
                next_token,
                recursive: Some(recursive),
                thing_group_name: group.into(),
            };
            let page = self.book.list_things_in_thing_group(&request).unwrap().reply;
            found.extend(page.things.unwrap());
            next_token = page.next_token;
            if next_token.is_none() {
                found.sort();
                return found;
            }
        }
    }

    fn groups(&self, thing: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut next_token = None;
        loop {
            let request = ListThingGroupsForThingRequest { max_results: Some(2), next_token, thing_name: thing.into() };
            let page = self.book.list_thing_groups_for_thing(&request).unwrap().reply;
            found.extend(page.thing_groups.unwrap().into_iter().map(|group| group.group_name.unwrap()));
            next_token = page.next_token;
            if next_token.is_none() {
                return found;
            }
        }
    }

    fn list(&self, parent: Option<&str>, recursive: Option<bool>, prefix: Option<&str>) -> Vec<String> {
        let mut found = Vec::new();
        let mut next_token = None;
        loop {
            let request = ListThingGroupsRequest {
                max_results: Some(2),
                name_prefix_filter: prefix.map(Into::into),
                next_token,
                parent_group: parent.map(Into::into),
                recursive,
            };
            let page = self.book.list_thing_groups(&request).unwrap().reply;
            found.extend(page.thing_groups.unwrap().into_iter().map(|group| group.group_name.unwrap()));
            next_token = page.next_token;
            if next_token.is_none() {
                return found;
            }
        }
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> ErrorCode {
    result.unwrap_err().code
}

#[test]
fn a_group_tells_its_way_up() {
    let mut account = Account::new();
    // Names are such that a child is read back before its parent.
    account.group("z", None).unwrap();
    account.group("m", Some("z")).unwrap();
    let id = account.group("a", Some("m")).unwrap();
    assert_eq!(account.group("a", Some("m")).unwrap(), id, "the same again changes nothing");
    assert_eq!(code(account.group("a", Some("z"))), ErrorCode::ResourceAlreadyExistsException);
    assert_eq!(code(account.group("b", Some("nowhere"))), ErrorCode::ResourceNotFoundException);

    let group = account.describe_group("a").unwrap();
    assert_eq!((group.version, group.thing_group_arn), (Some(1), Some(format!("{ARN}a"))));
    let metadata = group.thing_group_metadata.unwrap();
    assert_eq!((metadata.creation_date, metadata.parent_group_name.as_deref()), (Some(NOW), Some("m")));
    let above: Vec<_> =
        metadata.root_to_parent_thing_groups.unwrap().into_iter().map(|group| group.group_arn.unwrap()).collect();
    assert_eq!(above, [format!("{ARN}z"), format!("{ARN}m")]);
    assert_eq!(code(account.describe_group("nowhere")), ErrorCode::ResourceNotFoundException);
}

#[test]
fn a_hierarchy_has_seven_levels_and_a_group_a_hundred_children() {
    let mut account = Account::new();
    account.group("g1", None).unwrap();
    for level in 2..=7 {
        account.group(&format!("g{level}"), Some(&format!("g{}", level - 1))).unwrap();
    }
    assert_eq!(code(account.group("g8", Some("g7"))), ErrorCode::InvalidRequestException);
    account.group("wide", None).unwrap();
    for child in 0..100 {
        account.group(&format!("c{child}"), Some("wide")).unwrap();
    }
    assert_eq!(code(account.group("c100", Some("wide"))), ErrorCode::InvalidRequestException);
}

#[test]
fn an_update_counts_up_and_expects_a_version() {
    let mut account = Account::new();
    account.group("g", None).unwrap();
    let mut update = |description: Option<&str>, attributes: &[(&str, &str)], merge, expected_version| {
        let request = UpdateThingGroupRequest {
            expected_version,
            thing_group_name: "g".into(),
            thing_group_properties: ThingGroupProperties {
                attribute_payload: Some(payload(attributes, merge)),
                thing_group_description: description.map(Into::into),
            },
        };
        account.run(|book, _| book.update_thing_group(&request, NOW)).map(|reply| reply.version)
    };
    assert_eq!(update(Some("all lamps"), &[("a", "1")], None, Some(1)), Ok(Some(2)));
    assert_eq!(update(None, &[("b", "2")], Some(true), None), Ok(Some(3)));
    assert_eq!(code(update(None, &[], None, Some(2))), ErrorCode::VersionConflictException);
    let many: Vec<(String, &str)> = (0..51).map(|n| (n.to_string(), "x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(code(update(None, &many, None, None)), ErrorCode::InvalidRequestException);
    let properties = account.describe_group("g").unwrap().thing_group_properties.unwrap();
    assert_eq!(properties.thing_group_description.as_deref(), Some("all lamps"));
    let attributes = properties.attribute_payload.unwrap().attributes.unwrap();
    assert_eq!(attributes, [("a", "1"), ("b", "2")].map(|(n, v)| (n.into(), v.into())).into());
}

#[test]
fn a_group_without_attributes_has_empty_properties() {
    let mut account = Account::new();
    account.group("g", None).unwrap();
    let properties = account.describe_group("g").unwrap().thing_group_properties.unwrap();
    assert_eq!(properties.to_json(), serde_json::json!({}));
}

#[test]
fn a_group_with_children_cannot_be_deleted() {
    let mut account = Account::new();
    account.group("p", None).unwrap();
    account.group("c", Some("p")).unwrap();
    let error = account.delete_group("p", None).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequestException);
    assert_eq!(error.message, "Cannot delete thing group : p when there are still child groups attached to it.");
    assert_eq!(code(account.delete_group("c", Some(2))), ErrorCode::VersionConflictException);
    account.delete_group("c", Some(1)).unwrap();
    account.delete_group("p", None).unwrap();
    account.delete_group("p", None).unwrap();
}

#[test]
fn lists_go_down_the_tree_in_pages() {
    let mut account = Account::new();
    for (name, parent) in [("r", None), ("a", Some("r")), ("b", Some("r")), ("ab", Some("a")), ("s", None)] {
        account.group(name, parent).unwrap();
    }
    for (parent, recursive, prefix, expected) in [
        (None, None, None, vec!["a", "ab", "b", "r", "s"]),
        (None, Some(false), None, vec!["r", "s"]),
        (Some("r"), None, None, vec!["a", "b"]),
        (Some("r"), Some(true), None, vec!["a", "ab", "b"]),
        (Some("r"), Some(true), Some("a"), vec!["a", "ab"]),
        (Some("s"), Some(true), None, vec![]),
    ] {
        assert_eq!(account.list(parent, recursive, prefix), expected, "{parent:?} {recursive:?} {prefix:?}");
    }
    let request = ListThingGroupsRequest { parent_group: Some("x".into()), ..ListThingGroupsRequest::default() };
    assert_eq!(code(account.book.list_thing_groups(&request)), ErrorCode::ResourceNotFoundException);
}

#[test]
fn things_come_and_go() {
    let mut account = Account::new();
    for name in ["r", "other"] {
        account.group(name, None).unwrap();
    }
    account.group("c", Some("r")).unwrap();
    for thing in ["t0", "t1", "t2", "t3"] {
        account.create(thing, &[]).unwrap();
    }
    told(&mut account);
    account.add("t0", "r").unwrap();
    assert_eq!(told(&mut account), ["t0 in r Added", "authorization"]);
    account.add("t0", "r").unwrap();
    assert!(told(&mut account).is_empty(), "adding again changes nothing");
    for thing in ["t1", "t2", "t3"] {
        account.add(thing, "c").unwrap();
    }
    account.add("t1", "other").unwrap();
    assert_eq!(code(account.add("t1", "r")), ErrorCode::InvalidRequestException, "the same hierarchy");
    assert_eq!(code(account.add("t9", "r")), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(account.add("t1", "x")), ErrorCode::ResourceNotFoundException);
    assert_eq!(account.members("r", false), ["t0"]);
    assert_eq!(account.members("r", true), ["t0", "t1", "t2", "t3"]);
    assert_eq!(account.groups("t1"), ["c", "other"]);
    let from: Vec<String> = account.book.groups_of("t1").into_iter().map(String::from).collect();
    assert_eq!(from, ["c", "r", "other"].map(|name| format!("{ARN}{name}")));

    let by_arn = RemoveThingFromThingGroupRequest {
        thing_arn: Some("arn:aws:iot:us-east-1:123456789012:thing/t1".into()),
        thing_group_arn: Some(format!("{ARN}c")),
        ..RemoveThingFromThingGroupRequest::default()
    };
    for _ in 0..2 {
        account.run(|book, ids| book.remove_thing_from_thing_group(&by_arn, NOW, ids)).unwrap();
        assert_eq!(account.groups("t1"), ["other"]);
    }
    let foreign = RemoveThingFromThingGroupRequest {
        thing_group_arn: Some("arn:aws:iot:us-east-1:210987654321:thinggroup/c".into()),
        ..by_arn.clone()
    };
    let result = account.run(|book, ids| book.remove_thing_from_thing_group(&foreign, NOW, ids));
    assert_eq!(code(result), ErrorCode::ResourceNotFoundException);
    let torn = RemoveThingFromThingGroupRequest { thing_name: Some("t2".into()), ..by_arn };
    let result = account.run(|book, ids| book.remove_thing_from_thing_group(&torn, NOW, ids));
    assert_eq!(code(result), ErrorCode::InvalidRequestException);

    let gone = DeleteThingRequest { thing_name: "t2".into(), expected_version: None };
    account.run(|book, _| book.delete_thing(&gone, NOW)).unwrap();
    // The next thing takes the place in memory, and must not take the groups with it.
    account.create("t4", &[]).unwrap();
    assert_eq!((account.members("c", false), account.groups("t4")), (vec!["t3".into()], vec![]));
    account.delete_group("c", None).unwrap();
    assert!(account.groups("t3").is_empty());
    account.group("new", None).unwrap();
    assert!(account.members("new", false).is_empty());
}

#[test]
fn a_thing_is_in_ten_groups_at_most_and_changes_them_all_or_none() {
    let mut account = Account::new();
    account.create("t", &[]).unwrap();
    for n in 0..11 {
        account.group(&format!("g{n:02}"), None).unwrap();
    }
    for n in 0..10 {
        account.add("t", &format!("g{n:02}")).unwrap();
    }
    assert_eq!(code(account.add("t", "g10")), ErrorCode::InvalidRequestException);
    let mut update = |add: &[&str], remove: &[&str]| {
        let names = |of: &[&str]| Some(of.iter().map(|name| (*name).to_owned()).collect());
        let request = UpdateThingGroupsForThingRequest {
            override_dynamic_groups: None,
            thing_groups_to_add: names(add),
            thing_groups_to_remove: names(remove),
            thing_name: Some("t".into()),
        };
        let result = account.run(|book, ids| book.update_thing_groups_for_thing(&request, NOW, ids)).map(|_| ());
        (result.map_err(|error| error.code), account.groups("t").len(), account.groups("t").pop().unwrap())
    };
    assert_eq!(update(&["g10", "x"], &["g00"]), (Err(ErrorCode::ResourceNotFoundException), 10, "g09".into()));
    assert_eq!(update(&["g10"], &["g00"]), (Ok(()), 10, "g10".into()));
}
