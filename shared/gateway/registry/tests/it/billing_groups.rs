//! Billing groups. Source: "Tagging your AWS IoT resources", section "Billing groups", and the API reference of the operations.

use crate::support::{Account, NOW, scope};
use drydock_core::{ApiError, ErrorCode};
use drydock_model::iot::{
    AddThingToBillingGroupRequest, BillingGroupProperties, CreateBillingGroupRequest, CreateThingRequest,
    DeleteBillingGroupRequest, DeleteThingRequest, DescribeBillingGroupRequest, DescribeBillingGroupResponse,
    ListBillingGroupsRequest, ListThingsInBillingGroupRequest, RemoveThingFromBillingGroupRequest,
    UpdateBillingGroupRequest,
};

fn described(text: &str) -> BillingGroupProperties {
    BillingGroupProperties { billing_group_description: Some(text.into()) }
}

impl Account {
    fn bill(&mut self, name: &str, description: &str) -> Result<String, ApiError> {
        let request = CreateBillingGroupRequest {
            billing_group_name: name.into(),
            billing_group_properties: Some(described(description)),
            tags: None,
        };
        self.run(|book, ids| book.create_billing_group(&request, NOW, ids)).map(|made| made.billing_group_id.unwrap())
    }

    fn describe_billing(&self, name: &str) -> Result<DescribeBillingGroupResponse, ApiError> {
        let request = DescribeBillingGroupRequest { billing_group_name: name.into() };
        self.book.describe_billing_group(&request).map(|done| done.reply)
    }

    fn add_to(&mut self, thing: &str, group: &str) -> Result<(), ApiError> {
        let request = AddThingToBillingGroupRequest {
            thing_name: Some(thing.into()),
            billing_group_arn: Some(scope().arn("iot", &format!("billinggroup/{group}")).into()),
            ..AddThingToBillingGroupRequest::default()
        };
        self.run(|book, _| book.add_thing_to_billing_group(&request)).map(|_| ())
    }

    fn billed(&self, group: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut next_token = None;
        loop {
            let request =
                ListThingsInBillingGroupRequest { billing_group_name: group.into(), max_results: Some(2), next_token };
            let page = self.book.list_things_in_billing_group(&request).unwrap().reply;
            found.extend(page.things.unwrap());
            next_token = page.next_token;
            if next_token.is_none() {
                found.sort();
                return found;
            }
        }
    }

    fn billing_of(&self, thing: &str) -> Option<String> {
        self.describe(thing).unwrap().billing_group_name
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> ErrorCode {
    result.unwrap_err().code
}

#[test]
fn a_billing_group_is_made_described_changed_and_deleted() {
    let mut account = Account::new();
    let id = account.bill("north", "all in the north").unwrap();
    assert_eq!(account.bill("north", "all in the north").unwrap(), id, "the same again changes nothing");
    let taken = account.bill("north", "another").unwrap_err();
    assert_eq!(taken.code, ErrorCode::ResourceAlreadyExistsException);
    assert_eq!(taken.resource.unwrap().1, "arn:aws:iot:us-east-1:123456789012:billinggroup/north");

    let update = |text: &str, expected_version| UpdateBillingGroupRequest {
        billing_group_name: "north".into(),
        billing_group_properties: described(text),
        expected_version,
    };
    let changed = account.run(|book, _| book.update_billing_group(&update("new", Some(1)))).unwrap();
    assert_eq!(changed.version, Some(2));
    let stale = account.run(|book, _| book.update_billing_group(&update("late", Some(1))));
    assert_eq!(code(stale), ErrorCode::VersionConflictException);
    let found = account.describe_billing("north").unwrap();
    assert_eq!((found.version, found.billing_group_id), (Some(2), Some(id)));
    assert_eq!(found.billing_group_properties, Some(described("new")));
    assert_eq!(found.billing_group_metadata.unwrap().creation_date, Some(NOW));

    let delete = |expected_version| DeleteBillingGroupRequest { billing_group_name: "north".into(), expected_version };
    let stale = account.run(|book, _| book.delete_billing_group(&delete(Some(1))));
    assert_eq!(code(stale), ErrorCode::VersionConflictException);
    for _ in 0..2 {
        account.run(|book, _| book.delete_billing_group(&delete(None))).unwrap();
    }
    assert_eq!(code(account.describe_billing("north")), ErrorCode::ResourceNotFoundException);
}

#[test]
fn a_thing_is_in_one_billing_group_at_most() {
    let mut account = Account::new();
    account.bill("north", "").unwrap();
    account.bill("south", "").unwrap();
    for n in 0..5 {
        account.create(&format!("t{n}"), &[]).unwrap();
        account.add_to(&format!("t{n}"), "north").unwrap();
    }
    account.add_to("t0", "north").unwrap();
    assert_eq!(code(account.add_to("t0", "south")), ErrorCode::InvalidRequestException);
    assert_eq!(code(account.add_to("t0", "west")), ErrorCode::ResourceNotFoundException);
    assert_eq!(code(account.add_to("t9", "north")), ErrorCode::ResourceNotFoundException);
    assert_eq!(account.billed("north"), ["t0", "t1", "t2", "t3", "t4"]);
    assert_eq!(account.billing_of("t0").as_deref(), Some("north"));

    let remove = |group: &str| RemoveThingFromBillingGroupRequest {
        thing_name: Some("t0".into()),
        billing_group_name: Some(group.into()),
        ..RemoveThingFromBillingGroupRequest::default()
    };
    account.run(|book, _| book.remove_thing_from_billing_group(&remove("south"))).unwrap();
    assert_eq!(account.billing_of("t0").as_deref(), Some("north"), "it was never in that one");
    account.run(|book, _| book.remove_thing_from_billing_group(&remove("north"))).unwrap();
    assert_eq!(account.billing_of("t0"), None);
    account.add_to("t0", "south").unwrap();

    let gone = DeleteThingRequest { thing_name: "t1".into(), expected_version: None };
    account.run(|book, _| book.delete_thing(&gone, NOW)).unwrap();
    assert_eq!(account.billed("north"), ["t2", "t3", "t4"]);
    let delete = DeleteBillingGroupRequest { billing_group_name: "north".into(), expected_version: None };
    account.run(|book, _| book.delete_billing_group(&delete)).unwrap();
    assert_eq!(account.billing_of("t2"), None, "the things stay, in no billing group");
    assert_eq!(account.billing_of("t0").as_deref(), Some("south"));
}

#[test]
fn a_thing_is_born_into_a_billing_group() {
    let mut account = Account::new();
    account.bill("north", "").unwrap();
    let create = |group: Option<&str>| CreateThingRequest {
        thing_name: "t".into(),
        billing_group_name: group.map(Into::into),
        ..CreateThingRequest::default()
    };
    let missing = account.run(|book, ids| book.create_thing(&create(Some("south")), NOW, ids));
    assert_eq!(code(missing), ErrorCode::ResourceNotFoundException);
    for _ in 0..2 {
        account.run(|book, ids| book.create_thing(&create(Some("north")), NOW, ids)).unwrap();
    }
    let other = account.run(|book, ids| book.create_thing(&create(None), NOW, ids));
    assert_eq!(code(other), ErrorCode::ResourceAlreadyExistsException);
    assert_eq!(account.billed("north"), ["t"]);
}

#[test]
fn billing_groups_are_listed_by_name_in_pages() {
    let mut account = Account::new();
    for name in ["b2", "a", "b1", "b3"] {
        account.bill(name, "").unwrap();
    }
    let list = |prefix: Option<&str>, next_token| {
        let request =
            ListBillingGroupsRequest { max_results: Some(2), name_prefix_filter: prefix.map(Into::into), next_token };
        let page = account.book.list_billing_groups(&request).unwrap().reply;
        let names = page.billing_groups.unwrap().into_iter().map(|of| of.group_name.unwrap());
        (names.collect::<Vec<_>>(), page.next_token)
    };
    let (first, next) = list(None, None);
    assert_eq!(first, ["a", "b1"]);
    assert_eq!(list(None, next).0, ["b2", "b3"]);
    assert_eq!(list(Some("b"), None).0, ["b1", "b2"]);
}
