"""EventBridge and its Scheduler: boto3, and the AWS CLI."""

import json
import time

import boto3
import pytest

ROLE = "arn:aws:iam::123456789012:role/scheduler"


def client(gateway, service):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


@pytest.fixture(scope="module")
def scheduler(gateway):
    return client(gateway, "scheduler")


def received(sqs, url):
    """The bodies of the messages that come, until one has."""
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20).get("Messages", [])
    return [message["Body"] for message in found]


def queue(sqs, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_boto3_makes_changes_lists_and_deletes_schedules(scheduler, gateway):
    arn = scheduler.create_schedule_group(Name="fleet", Tags=[{"Key": "team", "Value": "light"}])["ScheduleGroupArn"]
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "light"}]
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]

    _, target = queue(client(gateway, "sqs"), "schedules-unused")
    asked = {
        "Name": "nightly", "GroupName": "fleet", "ScheduleExpression": "cron(0 2 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "Europe/Berlin", "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "Target": {"Arn": target, "RoleArn": ROLE, "Input": "{}", "RetryPolicy": {"MaximumRetryAttempts": 3}},
    }
    made = scheduler.create_schedule(**asked)
    assert made["ScheduleArn"].endswith(":schedule/fleet/nightly")
    with pytest.raises(scheduler.exceptions.ConflictException):
        scheduler.create_schedule(**asked)
    with pytest.raises(scheduler.exceptions.ValidationException, match="Invalid Schedule Expression"):
        scheduler.create_schedule(**{**asked, "Name": "wrong", "ScheduleExpression": "cron(0 2 * * * *)"})
    shown = scheduler.get_schedule(Name="nightly", GroupName="fleet")
    assert shown["State"] == "ENABLED" and shown["Target"] == asked["Target"] and shown["CreationDate"].year >= 2026
    scheduler.update_schedule(**{**asked, "State": "DISABLED"})
    assert [one["Name"] for one in scheduler.list_schedules(GroupName="fleet", State="DISABLED")["Schedules"]] == ["nightly"]
    groups = scheduler.get_paginator("list_schedule_groups").paginate(PaginationConfig={"PageSize": 1})
    assert [group["Name"] for page in groups for group in page["ScheduleGroups"]] == ["default", "fleet"]
    scheduler.delete_schedule_group(Name="fleet")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="nightly", GroupName="fleet")


def test_a_schedule_sets_the_desired_state_of_a_device(scheduler, gateway):
    client(gateway, "iot").create_thing(thingName="lamp-s")
    desired = {"ThingName": "lamp-s", "Payload": json.dumps({"state": {"desired": {"on": True}}})}
    # It begins at once.
    scheduler.create_schedule(
        Name="lamp", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:iotdataplane:updateThingShadow", "RoleArn": ROLE, "Input": json.dumps(desired),
        },
    )
    data = client(gateway, "iot-data")
    until = time.monotonic() + 20
    while True:
        try:
            shadow = json.loads(data.get_thing_shadow(thingName="lamp-s")["payload"].read())
            break
        except data.exceptions.ResourceNotFoundException:
            assert time.monotonic() < until, "the schedule has not set the shadow"
    assert shadow["state"]["desired"] == {"on": True}
    scheduler.delete_schedule(Name="lamp")


def test_rules_take_the_events_that_they_say(gateway):
    events, sqs = client(gateway, "events"), client(gateway, "sqs")
    url, target = queue(sqs, "orders")
    pattern = json.dumps({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})
    arn = events.put_rule(Name="large", EventPattern=pattern, Description="Large orders")["RuleArn"]
    assert events.put_targets(Rule="large", Targets=[{"Id": "q", "Arn": target, "InputPath": "$.detail"}])["FailedEntryCount"] == 0
    assert events.describe_rule(Name="large")["EventPattern"] == pattern
    assert events.list_targets_by_rule(Rule="large")["Targets"] == [{"Id": "q", "Arn": target, "InputPath": "$.detail"}]
    assert events.list_rule_names_by_target(TargetArn=target)["RuleNames"] == ["large"]
    entry = {"Source": "shop", "DetailType": "order"}
    answer = events.put_events(Entries=[
        {**entry, "Detail": json.dumps({"total": 50})}, {**entry, "Detail": json.dumps({"total": 150})}, {**entry, "Detail": "{"},
    ])
    assert answer["FailedEntryCount"] == 1 and answer["Entries"][2]["ErrorCode"] == "MalformedDetail"
    assert received(sqs, url) == ['{"total":150}']
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    events.remove_targets(Rule="large", Ids=["q"])
    events.delete_rule(Name="large")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="large")
    with pytest.raises(events.exceptions.InvalidEventPatternException):
        events.put_rule(Name="wrong", EventPattern="{}")


def test_the_aws_cli_makes_and_shows_schedules_and_rules(gateway):
    aws = gateway.aws
    _, target = queue(client(gateway, "sqs"), "by-cli")
    aws(
        "scheduler", "create-schedule", "--name", "by-cli", "--schedule-expression", "at(2100-01-01T00:00:00)",
        "--flexible-time-window", "Mode=OFF", "--target", json.dumps({"Arn": target, "RoleArn": ROLE}),
    )
    assert aws("scheduler", "get-schedule", "--name", "by-cli")["ScheduleExpression"] == "at(2100-01-01T00:00:00)"
    aws("scheduler", "delete-schedule", "--name", "by-cli")
    aws("events", "put-rule", "--name", "by-cli", "--schedule-expression", "rate(5 minutes)")
    assert [rule["Name"] for rule in aws("events", "list-rules", "--name-prefix", "by")["Rules"]] == ["by-cli"]
    aws("events", "delete-rule", "--name", "by-cli")
