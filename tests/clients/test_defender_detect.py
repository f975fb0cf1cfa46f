"""Device Defender Detect: boto3 and the AWS CLI walk through all of its operations, and AWS's own Device Defender agent reports as a
device does, in JSON and in CBOR."""

import concurrent.futures
import contextlib
import datetime
import json
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import pytest
from awscrt import mqtt
from awsiot import mqtt_connection_builder

DEADLINE = 20
ALL = "arn:aws:iot:{}:123456789012:all/things"
# The agent asks for an endpoint, and connects to the port that AWS has: here it is another one.
AGENT = """
import functools, sys
from awsiot import mqtt_connection_builder as builder
builder.mtls_from_path = functools.partial(builder.mtls_from_path, port=int(sys.argv.pop(1)))
from AWSIoTDeviceDefenderAgentSDK import agent
agent.main()
"""


@pytest.fixture(scope="module")
def iot(gateway):
    return boto3.client(
        "iot", endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


def clock(gateway, change):
    request = urllib.request.Request(f"{gateway.api_url}/_drydock/clock", method="POST", data=json.dumps(change).encode())
    urllib.request.urlopen(request, timeout=DEADLINE).read()


def a_period_ends(gateway):
    clock(gateway, {"advance": "5m"})


def always():
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    return {"startTime": now - day, "endTime": now + day}


def number(name, metric, operator, count, **more):
    return {"name": name, "metric": metric, "criteria": {"comparisonOperator": operator, "value": {"count": count}, **more}}


def test_boto3_walks_through_dimensions_and_custom_metrics(iot):
    made = iot.create_dimension(name="auth", type="TOPIC_FILTER", stringValues=["device/+/auth"], tags=[{"Key": "a", "Value": "b"}])
    assert made["arn"].endswith(":dimension/auth")
    assert iot.list_tags_for_resource(resourceArn=made["arn"])["tags"] == [{"Key": "a", "Value": "b"}]
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_dimension(name="auth", type="TOPIC_FILTER", stringValues=["other"])
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.create_dimension(name="bad", type="TOPIC_FILTER", stringValues=["a/#/b"])
    assert iot.update_dimension(name="auth", stringValues=["device/${iot:ClientId}/auth"])["stringValues"] == ["device/${iot:ClientId}/auth"]
    described = iot.describe_dimension(name="auth")
    assert (described["type"], described["stringValues"]) == ("TOPIC_FILTER", ["device/${iot:ClientId}/auth"])
    for at in range(9):
        iot.create_dimension(name=f"d{at}", type="TOPIC_FILTER", stringValues=["a"])
    with pytest.raises(iot.exceptions.LimitExceededException):
        iot.create_dimension(name="eleventh", type="TOPIC_FILTER", stringValues=["a"])
    pages = iot.get_paginator("list_dimensions").paginate(PaginationConfig={"PageSize": 3})
    assert [name for page in pages for name in page["dimensionNames"]] == ["auth", *(f"d{at}" for at in range(9))]
    for at in range(9):
        iot.delete_dimension(name=f"d{at}")

    made = iot.create_custom_metric(metricName="battery", metricType="number", displayName="Battery", clientRequestToken="t" * 10)
    again = iot.create_custom_metric(metricName="battery", metricType="number", displayName="Battery", clientRequestToken="t" * 10)
    assert made["metricArn"] == again["metricArn"] and made["metricArn"].endswith(":custommetric/battery")
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_custom_metric(metricName="battery", metricType="string-list", clientRequestToken="u" * 10)
    assert iot.update_custom_metric(metricName="battery", displayName="Charge")["displayName"] == "Charge"
    described = iot.describe_custom_metric(metricName="battery")
    assert (described["metricType"], described["displayName"]) == ("number", "Charge")
    assert iot.list_custom_metrics()["metricNames"] == ["battery"]
    iot.delete_custom_metric(metricName="battery")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_custom_metric(metricName="battery")
    iot.delete_dimension(name="auth")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_dimension(name="auth")


def test_boto3_walks_through_security_profiles(gateway, iot):
    behavior = number("few", "aws:num-messages-sent", "less-than", 5, durationSeconds=300)
    made = iot.create_security_profile(
        securityProfileName="walk", securityProfileDescription="d", behaviors=[behavior], tags=[{"Key": "a", "Value": "b"}],
        additionalMetricsToRetainV2=[{"metric": "aws:num-disconnects"}],
    )
    assert made["securityProfileArn"].endswith(":securityprofile/walk")
    assert iot.list_tags_for_resource(resourceArn=made["securityProfileArn"])["tags"] == [{"Key": "a", "Value": "b"}]
    described = iot.describe_security_profile(securityProfileName="walk")
    assert (described["version"], described["behaviors"]) == (1, [behavior])
    assert described["additionalMetricsToRetainV2"] == [{"metric": "aws:num-disconnects"}]
    with pytest.raises(iot.exceptions.VersionConflictException):
        iot.update_security_profile(securityProfileName="walk", expectedVersion=7)
    updated = iot.update_security_profile(securityProfileName="walk", expectedVersion=1, deleteBehaviors=True)
    assert updated["version"] == 2 and "behaviors" not in updated
    target = ALL.format(gateway.region)
    iot.attach_security_profile(securityProfileName="walk", securityProfileTargetArn=target)
    assert iot.list_targets_for_security_profile(securityProfileName="walk")["securityProfileTargets"] == [{"arn": target}]
    mapped = iot.list_security_profiles_for_target(securityProfileTargetArn=target, recursive=True)["securityProfileTargetMappings"]
    assert [one["securityProfileIdentifier"]["name"] for one in mapped] == ["walk"]
    assert [one["name"] for one in iot.list_security_profiles()["securityProfileIdentifiers"]] == ["walk"]
    assert iot.list_security_profiles(metricName="aws:num-messages-sent")["securityProfileIdentifiers"] == []
    checked = iot.validate_security_profile_behaviors(behaviors=[number("wrong", "aws:message-byte-size", "less-than", 1, durationSeconds=300)])
    assert checked["valid"] is False and checked["validationErrors"][0]["errorMessage"].startswith("Behavior wrong is malformed.")
    iot.update_security_profile(securityProfileName="walk", behaviors=[
        {"name": "usual", "metric": "aws:num-messages-sent", "criteria": {"mlDetectionConfig": {"confidenceLevel": "HIGH"}}}])
    summary = iot.get_behavior_model_training_summaries(securityProfileName="walk")["summaries"][0]
    assert (summary["behaviorName"], summary["modelStatus"]) == ("usual", "PENDING_BUILD")
    iot.detach_security_profile(securityProfileName="walk", securityProfileTargetArn=target)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.detach_security_profile(securityProfileName="walk", securityProfileTargetArn=target)
    iot.delete_security_profile(securityProfileName="walk", expectedVersion=3)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_security_profile(securityProfileName="walk")


@contextlib.contextmanager
def agent(gateway, name, *options):
    """AWS's agent, as its command line starts it, reporting each second."""
    device = gateway.device(name)
    host, port = gateway.mqtt
    command = [
        sys.executable, "-c", AGENT, str(port), "--endpoint", host, "--rootCA", gateway.root_ca, "--cert", device["certificate"],
        "--key", device["privateKey"], "--client_id", name, "--interval", "1", *options,
    ]
    with open(gateway.folder / f"{name}.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("form", ["json", "cbor"])
def test_awss_agent_reports_and_raises_a_violation(gateway, iot, form):
    name, profile = f"agent-{form}", f"ports-{form}"
    with socket.create_server(("0.0.0.0", 0)) as listening:
        port = listening.getsockname()[1]
        iot.create_custom_metric(metricName="cpu_usage", metricType="number") if form == "json" else None
        iot.create_security_profile(securityProfileName=profile, behaviors=[
            {"name": "closed", "metric": "aws:listening-tcp-ports",
             "criteria": {"comparisonOperator": "not-in-port-set", "value": {"ports": [port]}}},
            {"name": "idle", "metric": "cpu_usage",
             "criteria": {"comparisonOperator": "less-than", "value": {"number": -1}}},
        ])
        iot.attach_security_profile(securityProfileName=profile, securityProfileTargetArn=ALL.format(gateway.region))
        with agent(gateway, name, "--format", form, "--include-custom-metrics"):
            deadline = time.monotonic() + DEADLINE
            violated = set()
            while violated != {"closed", "idle"}:
                assert time.monotonic() < deadline, (violated, (gateway.folder / f"{name}.log").read_text())
                active = iot.list_active_violations(thingName=name, securityProfileName=profile)["activeViolations"]
                violated = {one["behavior"]["name"] for one in active}
                time.sleep(0.05)
        closed = next(one for one in active if one["behavior"]["name"] == "closed")
        assert port in closed["lastViolationValue"]["ports"]
        iot.put_verification_state_on_violation(violationId=closed["violationId"], verificationState="BENIGN_POSITIVE")
        events = iot.list_violation_events(**always(), thingName=name, verificationState="BENIGN_POSITIVE")["violationEvents"]
        assert [(one["violationId"], one["violationEventType"]) for one in events] == [(closed["violationId"], "in-alarm")]
        values = iot.list_metric_values(**always(), thingName=name, metricName="aws:listening-tcp-ports")["metricDatumList"]
        assert values and port in values[0]["value"]["ports"]
    iot.delete_security_profile(securityProfileName=profile)
    events = iot.list_violation_events(**always(), thingName=name)["violationEvents"]
    assert sorted(one["violationEventType"] for one in events) == ["alarm-invalidated"] * 2 + ["in-alarm"] * 2


def test_the_aws_cli_follows_a_device_that_floods(gateway, iot):
    # Periods end when they are told to, and not between the messages and the question.
    clock(gateway, {"stop": True})
    behavior = [number("few", "aws:num-messages-sent", "less-than", 5, durationSeconds=300)]
    gateway.aws("iot", "create-security-profile", "--security-profile-name", "cli", "--behaviors", json.dumps(behavior))
    gateway.aws("iot", "attach-security-profile", "--security-profile-name", "cli",
                "--security-profile-target-arn", ALL.format(gateway.region))
    device = gateway.device("cli-flood")
    host, port = gateway.mqtt
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=device["certificate"], pri_key_filepath=device["privateKey"],
        ca_filepath=gateway.root_ca, client_id="cli-flood", clean_session=True, keep_alive_secs=1200,
    )
    connection.connect().result(DEADLINE)
    sent = [connection.publish(topic="dt/cli-flood/telemetry", payload="{}", qos=mqtt.QoS.AT_LEAST_ONCE)[0] for _ in range(6)]
    concurrent.futures.wait(sent, DEADLINE)
    a_period_ends(gateway)
    active = gateway.aws("iot", "list-active-violations", "--security-profile-name", "cli")["activeViolations"]
    assert [(one["thingName"], one["lastViolationValue"]) for one in active] == [("cli-flood", {"count": 6})]
    a_period_ends(gateway)
    assert gateway.aws("iot", "list-active-violations")["activeViolations"] == []
    for metric in ("Violations", "ViolationsCleared"):
        counted = gateway.aws("cloudwatch", "list-metrics", "--namespace", "AWS/IoT", "--metric-name", metric,
                              "--dimensions", "Name=SecurityProfileName,Value=cli", "Name=BehaviorName,Value=few")
        assert len(counted["Metrics"]) == 1, metric
    connection.disconnect().result(DEADLINE)
    clock(gateway, {"resume": True})
