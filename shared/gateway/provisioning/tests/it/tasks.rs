//! Tasks of bulk registration. Source: "Bulk registration" of the developer guide (one runs at a time), and "AWS IoT Core bulk thing
//! registration limits" (a task is kept for 30 days).

use crate::{Account, NOW};
use drydock_core::ApiError;
use drydock_model::iot::{
    DescribeThingRegistrationTaskRequest, ListThingRegistrationTasksRequest, StartThingRegistrationTaskRequest, Status,
    StopThingRegistrationTaskRequest,
};
use drydock_provisioning::book::tasks::{Added, KEPT, Progress};

const TEMPLATE: &str = r#"{"Parameters": {"N": {"Type": "String"}}, "Resources": {
    "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "N"}}}}}"#;

fn start(account: &mut Account) -> Result<String, ApiError> {
    let request = StartThingRegistrationTaskRequest {
        template_body: TEMPLATE.to_owned(),
        input_file_bucket: "inputs".to_owned(),
        input_file_key: "devices.json".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/bulk".to_owned(),
    };
    let started = account.run(|book, ids| book.start_thing_registration_task(request, NOW, ids))?;
    Ok(started.task_id.unwrap())
}

fn seen(account: &Account, id: &str) -> (Status, i32, i32, i32) {
    let request = DescribeThingRegistrationTaskRequest { task_id: id.to_owned() };
    let seen = account.book.describe_thing_registration_task(&request).unwrap().reply;
    let counts = (seen.success_count.unwrap(), seen.failure_count.unwrap(), seen.percentage_progress.unwrap());
    (seen.status.unwrap(), counts.0, counts.1, counts.2)
}

#[test]
fn one_runs_at_a_time_and_is_as_far_after_a_restart() {
    let mut account = Account::new();
    let id = start(&mut account).unwrap();
    assert!(start(&mut account).unwrap_err().message.contains(&id));
    account.run(|book, _| book.measured(&id, 1000)).unwrap();
    assert_eq!(account.book.open_task().as_deref(), Some(id.as_str()));
    assert_eq!(account.book.added(&id), Added::default());
    let added = Added { results: "{}\n".to_owned(), errors: String::new() };
    let progress = Progress { lines: 3, offset: 250, success: 2, failure: 1, results: 40, errors: 20 };
    account.run(|book, _| book.end_batch(&id, progress, added.clone(), NOW.plus_millis(5))).unwrap();
    assert_eq!(account.book.added(&id), added);
    assert_eq!(account.book.task(&id).unwrap().progress, progress);
    assert_eq!(seen(&account, &id), (Status::InProgress, 2, 1, 25));

    let stop = StopThingRegistrationTaskRequest { task_id: id.clone() };
    for _ in 0..2 {
        account.run(|book, _| book.stop_thing_registration_task(&stop, NOW)).unwrap();
        assert_eq!(seen(&account, &id).0, Status::Cancelling);
    }
    assert!(start(&mut account).is_err(), "it is not over yet");
    account.run(|book, _| book.end_task(&id, Status::Cancelled, Some("x".repeat(5000)), NOW)).unwrap();
    let refused = account.run(|book, _| book.stop_thing_registration_task(&stop, NOW)).unwrap_err();
    assert!(refused.message.contains("Cancelled"), "{refused}");
    assert_eq!(account.book.added(&id), Added::default(), "its reports are done");
    assert_eq!(account.book.task(&id).unwrap().message.as_ref().unwrap().len(), 2048, "as long as AWS's shape takes");
    let next = start(&mut account).unwrap();
    let of = |status| {
        let request = ListThingRegistrationTasksRequest { status: Some(status), ..Default::default() };
        account.book.list_thing_registration_tasks(&request).unwrap().reply.task_ids.unwrap()
    };
    assert_eq!((of(Status::Cancelled), of(Status::InProgress), of(Status::Failed)), (vec![id], vec![next], vec![]));
}

#[test]
fn a_task_that_is_over_is_kept_for_thirty_days() {
    let mut account = Account::new();
    let id = start(&mut account).unwrap();
    assert_eq!(account.book.old_tasks(NOW.plus_millis(2 * KEPT)), Vec::<String>::new(), "it is not over");
    account.run(|book, _| book.end_task(&id, Status::Completed, None, NOW)).unwrap();
    assert_eq!(seen(&account, &id).3, 100);
    assert_eq!(account.book.old_tasks(NOW.plus_millis(KEPT - 1)), Vec::<String>::new());
    assert_eq!(account.book.old_tasks(NOW.plus_millis(KEPT)), [id.as_str()]);
    account.run(|book, _| Ok(book.forget_task(&id))).unwrap();
    assert!(account.book.task(&id).is_err());
    assert!(account.rows.is_empty());
}
