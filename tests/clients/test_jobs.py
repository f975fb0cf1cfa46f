"""AWS IoT Jobs: boto3 (`iot` and `iot-jobs-data`), and both jobs clients of the AWS IoT Device SDK for Python v2."""

import concurrent.futures
import json
import time
import urllib.request

import awsiot
import boto3
import pytest
from awscrt import mqtt, mqtt_request_response
from awsiot import iotjobs, mqtt_connection_builder

DEADLINE = 20


def client(gateway, service):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


@pytest.fixture(scope="module")
def iot(gateway):
    return client(gateway, "iot")


@pytest.fixture(scope="module")
def data(gateway):
    return client(gateway, "iot-jobs-data")


def thing(iot, name):
    return iot.create_thing(thingName=name)["thingArn"]


def connect(gateway, name):
    device = gateway.device(name)
    host, port = gateway.mqtt
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=device["certificate"], pri_key_filepath=device["privateKey"],
        ca_filepath=gateway.root_ca, client_id=name, clean_session=True, keep_alive_secs=30,
    )
    connection.connect().result(DEADLINE)
    return connection


def arn(iot, name):
    return iot.describe_thing(thingName=name)["thingArn"]


def test_boto3_makes_follows_and_ends_a_job(iot, data):
    group = iot.create_thing_group(thingGroupName="boto")["thingGroupArn"]
    for name in ("boto-1", "boto-2", "boto-3"):
        thing(iot, name)
        iot.add_thing_to_thing_group(thingName=name, thingGroupName="boto")
    made = iot.create_job(
        jobId="boto", targets=[group], document=json.dumps({"operation": "reboot"}), description="all of them",
        jobExecutionsRolloutConfig={"exponentialRate": {
            "baseRatePerMinute": 50, "incrementFactor": 2, "rateIncreaseCriteria": {"numberOfNotifiedThings": 1000}},
            "maximumPerMinute": 1000},
        abortConfig={"criteriaList": [
            {"failureType": "FAILED", "action": "CANCEL", "thresholdPercentage": 50.5, "minNumberOfExecutedThings": 3}]},
        timeoutConfig={"inProgressTimeoutInMinutes": 10}, tags=[{"Key": "team", "Value": "fleet"}],
    )
    assert made["jobArn"].endswith(":job/boto")
    job = iot.describe_job(jobId="boto")["job"]
    assert (job["status"], job["jobProcessDetails"]["numberOfQueuedThings"]) == ("IN_PROGRESS", 3)
    assert job["abortConfig"]["criteriaList"][0]["thresholdPercentage"] == 50.5
    assert iot.list_tags_for_resource(resourceArn=made["jobArn"])["tags"] == [{"Key": "team", "Value": "fleet"}]
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_job(jobId="boto", targets=[group], document="{}")

    assert [one["jobId"] for one in data.get_pending_job_executions(thingName="boto-1")["queuedJobs"]] == ["boto"]
    started = data.start_next_pending_job_execution(thingName="boto-1", statusDetails={"step": "1"})["execution"]
    assert json.loads(started["jobDocument"]) == {"operation": "reboot"}
    assert (started["status"], started["versionNumber"]) == ("IN_PROGRESS", 2)
    assert 590 <= started["approximateSecondsBeforeTimedOut"] <= 600
    with pytest.raises(data.exceptions.InvalidRequestException, match="Expected version 1 but found version 2"):
        data.update_job_execution(jobId="boto", thingName="boto-1", status="SUCCEEDED", expectedVersion=1)
    state = data.update_job_execution(
        jobId="boto", thingName="boto-1", status="SUCCEEDED", expectedVersion=2, includeJobExecutionState=True)
    assert state["executionState"] == {"status": "SUCCEEDED", "statusDetails": {"step": "1"}, "versionNumber": 3}
    with pytest.raises(data.exceptions.TerminalStateException):
        data.describe_job_execution(jobId="boto", thingName="boto-1")
    with pytest.raises(data.exceptions.InvalidStateTransitionException):
        data.update_job_execution(jobId="boto", thingName="boto-1", status="FAILED")
    with pytest.raises(data.exceptions.ResourceNotFoundException):
        data.describe_job_execution(jobId="none", thingName="boto-1")

    iot.cancel_job_execution(jobId="boto", thingName="boto-2")
    with pytest.raises(iot.exceptions.InvalidStateTransitionException):
        iot.cancel_job_execution(jobId="boto", thingName="boto-2")
    iot.cancel_job(jobId="boto", comment="enough")
    pages = iot.get_paginator("list_job_executions_for_job").paginate(jobId="boto", PaginationConfig={"PageSize": 2})
    listed = [one["jobExecutionSummary"]["status"] for page in pages for one in page["executionSummaries"]]
    assert listed == ["SUCCEEDED", "CANCELED", "CANCELED"]
    assert iot.list_jobs(status="CANCELED")["jobs"][0]["jobId"] == "boto"
    iot.delete_job(jobId="boto")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_job(jobId="boto")


def test_boto3_makes_jobs_of_templates(iot, data):
    target = thing(iot, "boto-template")
    template = iot.create_job_template(jobTemplateId="reboot", description="reboots", document='{"do": "reboot"}')
    iot.create_job(jobId="of-template", targets=[target], jobTemplateArn=template["jobTemplateArn"])
    assert iot.describe_job(jobId="of-template")["job"]["description"] == "reboots"
    managed = iot.describe_managed_job_template(templateName="AWS-Run-Command")
    iot.create_job(jobId="of-aws", targets=[target], jobTemplateArn=managed["templateArn"],
                   documentParameters={"command": "ls,-l"})
    document = json.loads(iot.get_job_document(jobId="of-aws")["document"])
    assert document["steps"][0]["action"]["input"] == {"command": "ls,-l"}
    assert len(data.get_pending_job_executions(thingName="boto-template")["queuedJobs"]) == 2
    iot.delete_job_template(jobTemplateId="reboot")
    assert iot.list_job_templates()["jobTemplates"] == []


def test_the_sdk_follows_its_jobs(gateway, iot):
    connection = connect(gateway, "sdk-jobs")
    jobs = iotjobs.IotJobsClient(connection)
    once = mqtt.QoS.AT_LEAST_ONCE
    changed, started, updated, rejected = (concurrent.futures.Future() for _ in range(4))

    def heard(future):
        return lambda event: future.done() or future.set_result(event)

    for subscribed, _ in (
        jobs.subscribe_to_next_job_execution_changed_events(
            iotjobs.NextJobExecutionChangedSubscriptionRequest(thing_name="sdk-jobs"), once, heard(changed)),
        jobs.subscribe_to_start_next_pending_job_execution_accepted(
            iotjobs.StartNextPendingJobExecutionSubscriptionRequest(thing_name="sdk-jobs"), once, heard(started)),
        jobs.subscribe_to_update_job_execution_accepted(
            iotjobs.UpdateJobExecutionSubscriptionRequest(thing_name="sdk-jobs", job_id="sdk"), once, heard(updated)),
        jobs.subscribe_to_update_job_execution_rejected(
            iotjobs.UpdateJobExecutionSubscriptionRequest(thing_name="sdk-jobs", job_id="sdk"), once, heard(rejected)),
    ):
        subscribed.result(DEADLINE)
    iot.create_job(jobId="sdk", targets=[arn(iot, "sdk-jobs")], document='{"a": [1, 2]}')
    event = changed.result(DEADLINE)
    assert (event.execution.job_id, event.execution.job_document) == ("sdk", {"a": [1, 2]})
    jobs.publish_start_next_pending_job_execution(
        iotjobs.StartNextPendingJobExecutionRequest(thing_name="sdk-jobs", client_token="t"), once).result(DEADLINE)
    execution = started.result(DEADLINE).execution
    assert (execution.status, execution.version_number, execution.execution_number) == ("IN_PROGRESS", 2, 1)
    request = iotjobs.UpdateJobExecutionRequest(
        thing_name="sdk-jobs", job_id="sdk", status=iotjobs.JobStatus.SUCCEEDED, expected_version=2)
    jobs.publish_update_job_execution(request, once).result(DEADLINE)
    assert updated.result(DEADLINE).timestamp is not None
    jobs.publish_update_job_execution(request, once).result(DEADLINE)
    error = rejected.result(DEADLINE)
    assert error.code == iotjobs.RejectedErrorCode.VERSION_MISMATCH
    assert error.execution_state.status == iotjobs.JobStatus.SUCCEEDED
    assert iot.describe_job(jobId="sdk")["job"]["status"] == "COMPLETED"
    connection.disconnect().result(DEADLINE)


def test_the_sdks_second_client_asks_and_is_answered(gateway, iot):
    connection = connect(gateway, "sdk-jobs-2")
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=4, max_streaming_subscriptions=2, operation_timeout_in_seconds=DEADLINE)
    jobs = iotjobs.IotJobsClientV2(connection, options)
    listening, changed = concurrent.futures.Future(), concurrent.futures.Future()
    stream = jobs.create_job_executions_changed_stream(
        iotjobs.JobExecutionsChangedSubscriptionRequest(thing_name="sdk-jobs-2"),
        awsiot.ServiceStreamOptions(
            incoming_event_listener=lambda event: changed.done() or changed.set_result(event),
            subscription_status_listener=lambda event: listening.done() or listening.set_result(event)))
    stream.open()
    listening.result(DEADLINE)
    iot.create_job(jobId="sdk-2", targets=[arn(iot, "sdk-jobs-2")], document="{}")
    assert [one.job_id for one in changed.result(DEADLINE).jobs[iotjobs.JobStatus.QUEUED]] == ["sdk-2"]
    pending = jobs.get_pending_job_executions(
        iotjobs.GetPendingJobExecutionsRequest(thing_name="sdk-jobs-2")).result(DEADLINE)
    assert [one.job_id for one in pending.queued_jobs] == ["sdk-2"] and pending.in_progress_jobs == []
    described = jobs.describe_job_execution(
        iotjobs.DescribeJobExecutionRequest(thing_name="sdk-jobs-2", job_id="$next")).result(DEADLINE)
    assert described.execution.status == iotjobs.JobStatus.QUEUED
    jobs.start_next_pending_job_execution(
        iotjobs.StartNextPendingJobExecutionRequest(thing_name="sdk-jobs-2")).result(DEADLINE)
    done = jobs.update_job_execution(iotjobs.UpdateJobExecutionRequest(
        thing_name="sdk-jobs-2", job_id="sdk-2", status=iotjobs.JobStatus.FAILED, status_details={"why": "no room"},
        include_job_execution_state=True)).result(DEADLINE)
    assert (done.execution_state.status, done.execution_state.version_number) == (iotjobs.JobStatus.FAILED, 3)
    with pytest.raises(awsiot.V2ServiceException) as refused:
        jobs.describe_job_execution(
            iotjobs.DescribeJobExecutionRequest(thing_name="sdk-jobs-2", job_id="sdk-2")).result(DEADLINE)
    assert refused.value.modeled_error.code == iotjobs.RejectedErrorCode.TERMINAL_STATE_REACHED
    connection.disconnect().result(DEADLINE)


def test_an_hour_passes_for_a_job(gateway, iot, data):
    target = thing(iot, "boto-time")
    iot.create_job(jobId="time", targets=[target], document="{}", timeoutConfig={"inProgressTimeoutInMinutes": 60},
                   jobExecutionsRetryConfig={"criteriaList": [{"failureType": "TIMED_OUT", "numberOfRetries": 1}]})
    data.start_next_pending_job_execution(thingName="boto-time")
    request = urllib.request.Request(f"{gateway.api_url}/_drydock/clock", method="POST", data=b'{"advance": "60m"}')
    urllib.request.urlopen(request, timeout=DEADLINE).read()
    deadline = time.monotonic() + DEADLINE
    details = {}
    while details.get("numberOfTimedOutThings") != 1:
        assert time.monotonic() < deadline, details
        details = iot.describe_job(jobId="time")["job"]["jobProcessDetails"]
    assert details["numberOfQueuedThings"] == 1
    summary = iot.list_job_executions_for_thing(thingName="boto-time", status="QUEUED")["executionSummaries"][0]
    assert (summary["jobId"], summary["jobExecutionSummary"]["retryAttempt"]) == ("time", 1)
