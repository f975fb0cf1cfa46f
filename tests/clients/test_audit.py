"""Device Defender's audits and mitigation: boto3 (`iot`), with SNS and SQS, and the AWS CLI."""

import json
import time

import boto3
import conftest
import pytest

ROLE = "arn:aws:iam::123456789012:role/audit"
WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})
PERMISSIVE, LOGGING = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "LOGGING_DISABLED_CHECK"


def client(gateway, service):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


@pytest.fixture(scope="module")
def iot(gateway):
    made = client(gateway, "iot")
    checks = {name: {"enabled": True} for name in (PERMISSIVE, LOGGING)}
    made.update_account_audit_configuration(roleArn=ROLE, auditCheckConfigurations=checks)
    return made


@pytest.fixture(scope="module")
def mail(gateway):
    """A topic, and a function that waits for its next message."""
    sns, sqs = client(gateway, "sns"), client(gateway, "sqs")
    topic = sns.create_topic(Name="audits")["TopicArn"]
    queue = sqs.create_queue(QueueName="audits")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def receive():
        deadline = time.monotonic() + conftest.DEADLINE
        while time.monotonic() < deadline:
            got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", [])
            for message in got:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                return json.loads(message["Body"])
        raise AssertionError("no message came")

    return topic, receive


def over(ask, **of):
    deadline = time.monotonic() + conftest.DEADLINE
    while (task := ask(**of))["taskStatus"] == "IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return task


def test_an_audit_is_told_to_a_topic_and_its_findings_too(iot, mail):
    topic, receive = mail
    target = {"SNS": {"targetArn": topic, "roleArn": ROLE, "enabled": True}}
    iot.update_account_audit_configuration(auditNotificationTargetConfigurations=target)
    assert iot.describe_account_audit_configuration()["auditNotificationTargetConfigurations"] == target
    iot.create_policy(policyName="wide", policyDocument=WIDE)
    task = iot.start_on_demand_audit_task(targetCheckNames=[PERMISSIVE])["taskId"]
    described = over(iot.describe_audit_task, taskId=task)
    assert described["auditDetails"][PERMISSIVE]["checkRunStatus"] == "COMPLETED_NON_COMPLIANT"

    told = receive()
    assert told["taskId"] == task and told["taskStatus"] == "COMPLETED" and told["taskType"] == "ON_DEMAND_AUDIT_TASK"
    assert told["nonCompliantChecksCount"] == 1 and told["totalChecksCount"] == 1
    assert told["auditDetails"][0]["checkName"] == PERMISSIVE
    assert isinstance(told["taskStartTime"], int) and told["taskStartTime"] > 10**12

    found = [
        finding for page in iot.get_paginator("list_audit_findings").paginate(taskId=task) for finding in page["findings"]
        if finding["nonCompliantResource"]["resourceIdentifier"]["policyVersionIdentifier"]["policyName"] == "wide"
    ]
    assert len(found) == 1 and found[0]["severity"] == "CRITICAL"
    finding = found[0]["findingId"]
    assert iot.describe_audit_finding(findingId=finding)["finding"]["taskId"] == task
    assert iot.list_related_resources_for_audit_finding(findingId=finding)["relatedResources"] == []

    params = {"publishFindingToSnsParams": {"topicArn": topic}}
    iot.create_mitigation_action(actionName="tell", roleArn=ROLE, actionParams=params)
    iot.start_audit_mitigation_actions_task(
        taskId="telling", target={"findingIds": [finding]}, auditCheckToActionsMapping={PERMISSIVE: ["tell"]},
    )
    done = over(iot.describe_audit_mitigation_actions_task, taskId="telling")
    assert done["taskStatus"] == "COMPLETED"
    assert done["actionsDefinition"][0]["name"] == "tell"
    message = receive()
    assert message["findingId"] == finding and message["checkName"] == PERMISSIVE
    with pytest.raises(iot.exceptions.TaskAlreadyExistsException):
        iot.start_audit_mitigation_actions_task(
            taskId="telling", target={"findingIds": [finding]}, auditCheckToActionsMapping={PERMISSIVE: ["tell"]},
        )


def test_what_is_suppressed_is_marked(iot):
    of = {"checkName": LOGGING, "resourceIdentifier": {"account": "123456789012"}}
    iot.create_audit_suppression(**of, suppressIndefinitely=True, description="logged elsewhere")
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_audit_suppression(**of, suppressIndefinitely=True)
    assert iot.describe_audit_suppression(**of)["description"] == "logged elsewhere"
    task = iot.start_on_demand_audit_task(targetCheckNames=[LOGGING])["taskId"]
    details = over(iot.describe_audit_task, taskId=task)["auditDetails"][LOGGING]
    assert details["checkCompliant"] and details["suppressedNonCompliantResourcesCount"] == 1
    assert [one["isSuppressed"] for one in iot.list_audit_findings(taskId=task)["findings"]] == [True]
    assert iot.list_audit_findings(taskId=task, listSuppressedFindings=False)["findings"] == []
    assert len(iot.list_audit_suppressions()["suppressions"]) == 1
    iot.delete_audit_suppression(**of)
    assert iot.list_audit_suppressions()["suppressions"] == []


def test_the_cli_walks_through_audits_and_mitigation(gateway, iot):
    aws = gateway.aws
    checks = aws("iot", "describe-account-audit-configuration")["auditCheckConfigurations"]
    assert len(checks) == 17 and checks[PERMISSIVE] == {"enabled": True} and checks["AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK"] == {"enabled": False}
    made = aws("iot", "create-scheduled-audit", "--scheduled-audit-name", "weekly", "--frequency", "WEEKLY", "--day-of-week", "MON",
               "--target-check-names", PERMISSIVE, "--tags", "Key=a,Value=b")
    assert aws("iot", "list-tags-for-resource", "--resource-arn", made["scheduledAuditArn"])["tags"] == [{"Key": "a", "Value": "b"}]
    assert aws("iot", "describe-scheduled-audit", "--scheduled-audit-name", "weekly")["dayOfWeek"] == "MON"
    aws("iot", "update-account-audit-configuration", "--audit-check-configurations", json.dumps({PERMISSIVE: {"enabled": False}}),
        fails="cannot be disabled")
    aws("iot", "delete-scheduled-audit", "--scheduled-audit-name", "weekly")
    assert "weekly" not in [one["scheduledAuditName"] for one in aws("iot", "list-scheduled-audits")["scheduledAudits"]]

    aws("iot", "create-mitigation-action", "--action-name", "aside", "--role-arn", ROLE, "--action-params",
        json.dumps({"addThingsToThingGroupParams": {"thingGroupNames": ["quarantine"]}}))
    assert aws("iot", "describe-mitigation-action", "--action-name", "aside")["actionType"] == "ADD_THINGS_TO_THING_GROUP"
    task = aws("iot", "start-on-demand-audit-task", "--target-check-names", PERMISSIVE)["taskId"]
    over(iot.describe_audit_task, taskId=task)
    of = ["Name=CheckName,Value=" + PERMISSIVE, "Name=ScheduledAuditName,Value=OnDemand"]
    counted = aws("cloudwatch", "list-metrics", "--namespace", "AWS/IoT", "--metric-name", "ResourcesEvaluated", "--dimensions", *of)
    assert len(counted["Metrics"]) == 1
    aws("iot", "cancel-audit-task", "--task-id", task, fails="cannot be canceled")
    mapping = json.dumps({PERMISSIVE: ["aside"]})
    aws("iot", "start-audit-mitigation-actions-task", "--task-id", "wrong", "--target", f"auditTaskId={task}",
        "--audit-check-to-actions-mapping", mapping, fails="does not go with")
    aws("iot", "start-detect-mitigation-actions-task", "--task-id", "detect", "--target", "violationIds=none", "--actions", "aside",
        fails="no such violation")
    empty = aws("iot", "start-detect-mitigation-actions-task", "--task-id", "detect", "--target", "securityProfileName=none", "--actions", "aside")
    assert empty == {"taskId": "detect"}
    summary = aws("iot", "describe-detect-mitigation-actions-task", "--task-id", "detect")["taskSummary"]
    assert summary["taskStatus"] == "SUCCESSFUL" and summary["taskStatistics"] == {"actionsExecuted": 0, "actionsFailed": 0, "actionsSkipped": 0}
    aws("iot", "delete-mitigation-action", "--action-name", "aside")
    assert "aside" not in [one["actionName"] for one in aws("iot", "list-mitigation-actions")["actionIdentifiers"]]
