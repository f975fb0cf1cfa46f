"""AWS IoT commands: boto3 (`iot` and `iot-jobs-data`), and a device by plain MQTT, as the SDKs for Python have no client for them."""

import concurrent.futures
import json
import time
import urllib.request
import uuid

import boto3
import pytest
from awscrt import mqtt
from awsiot import mqtt_connection_builder

DEADLINE = 20
PARAMETER = "${aws:iot:commandexecution::parameter:%s}"


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


def execution(iot, started, target):
    return iot.get_command_execution(executionId=started["executionId"], targetArn=target, includeResult=True)


def test_boto3_makes_changes_lists_and_deletes_commands(iot):
    made = iot.create_command(
        commandId="lock", displayName="Lock", description="Locks the door",
        payload={"content": b'{"message": "Hello IoT"}', "contentType": "application/json"},
        tags=[{"Key": "team", "Value": "doors"}],
    )
    assert made["commandArn"].endswith(":command/lock")
    got = iot.get_command(commandId="lock")
    assert got["payload"] == {"content": b'{"message": "Hello IoT"}', "contentType": "application/json"}
    assert (got["namespace"], got["deprecated"], got["pendingDeletion"]) == ("AWS-IoT", False, False)
    assert iot.list_tags_for_resource(resourceArn=made["commandArn"])["tags"] == [{"Key": "team", "Value": "doors"}]
    with pytest.raises(iot.exceptions.ConflictException):
        iot.create_command(commandId="lock", payload={"content": b"x"})
    with pytest.raises(iot.exceptions.ValidationException):
        iot.create_command(commandId="empty")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.get_command(commandId="none")
    assert iot.update_command(commandId="lock", displayName="Lock it")["displayName"] == "Lock it"
    iot.create_command(commandId="unlock", payload={"content": b"\x00\x01"})
    pages = iot.get_paginator("list_commands").paginate(sortOrder="ASCENDING", PaginationConfig={"PageSize": 1})
    assert [one["commandId"] for page in pages for one in page["commands"]] == ["lock", "unlock"]
    assert iot.update_command(commandId="unlock", deprecated=True)["deprecated"] is True
    assert iot.delete_command(commandId="unlock")["statusCode"] == 202
    assert [one["commandId"] for one in iot.list_commands()["commands"]] == ["lock"]
    assert iot.get_command(commandId="unlock")["pendingDeletion"] is True


def test_a_device_follows_commands_of_boto3(gateway, iot, data):
    target = iot.create_thing(thingName="boto-lamp")["thingArn"]
    template = json.dumps({"power": PARAMETER % "power", "level": PARAMETER % "level"})
    command = iot.create_command(
        commandId="light", payloadTemplate=template,
        preprocessor={"awsJsonSubstitution": {"outputFormat": "JSON"}},
        mandatoryParameters=[
            {"name": "power", "defaultValue": {"S": "OFF"}, "valueConditions": [
                {"comparisonOperator": "IN_SET", "operand": {"strings": ["ON", "OFF"]}}]},
            {"name": "level", "type": "INTEGER", "defaultValue": {"I": 5}},
        ],
    )["commandArn"]
    device = gateway.device("boto-lamp")
    host, port = gateway.mqtt
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=device["certificate"], pri_key_filepath=device["privateKey"],
        ca_filepath=gateway.root_ca, client_id="boto-lamp", clean_session=True, keep_alive_secs=30,
    )
    connection.connect().result(DEADLINE)
    answer = concurrent.futures.Future()

    def act(topic, payload, **_):
        response = topic.replace("/request/json", "/response/json")
        report = {"status": "SUCCEEDED", "statusReason": {"reasonCode": "DONE"},
                  "result": {"power": {"s": json.loads(payload)["power"]}, "raw": {"bin": "AAE="}}}
        connection.publish(response, json.dumps(report), mqtt.QoS.AT_LEAST_ONCE)

    base = "$aws/commands/things/boto-lamp/executions/+"
    for topic, heard in ((f"{base}/response/accepted/json", lambda payload, **_: answer.set_result(json.loads(payload))),
                         (f"{base}/request/json", act)):
        connection.subscribe(topic, mqtt.QoS.AT_LEAST_ONCE, heard)[0].result(DEADLINE)
    started = data.start_command_execution(
        commandArn=command, targetArn=target, parameters={"power": {"S": "ON"}}, executionTimeoutSeconds=60)
    assert answer.result(DEADLINE) == {"executionId": started["executionId"]}
    told = execution(iot, started, target)
    assert (told["status"], told["statusReason"]) == ("SUCCEEDED", {"reasonCode": "DONE"})
    assert told["result"] == {"power": {"S": "ON"}, "raw": {"BIN": b"\x00\x01"}}
    assert told["parameters"] == {"power": {"S": "ON"}, "level": {"I": 5}}
    assert told["timeToLive"] > told["completedAt"] >= told["createdAt"]
    connection.disconnect().result(DEADLINE)

    with pytest.raises(data.exceptions.ValidationException, match="IN_SET"):
        data.start_command_execution(commandArn=command, targetArn=target, parameters={"power": {"S": "DIM"}})
    with pytest.raises(data.exceptions.ResourceNotFoundException):
        data.start_command_execution(commandArn=command, targetArn=target + "-2")
    iot.update_command(commandId="light", deprecated=True)
    with pytest.raises(data.exceptions.ValidationException, match="deprecated"):
        data.start_command_execution(commandArn=command, targetArn=target)
    iot.delete_command_execution(executionId=started["executionId"], targetArn=target)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        execution(iot, started, target)


def test_what_nobody_answers_times_out(gateway, iot, data):
    command = iot.create_command(commandId="wake", payload={"content": b"wake up", "contentType": "text/plain"})["commandArn"]
    target = iot.create_thing(thingName="boto-sleeper")["thingArn"].replace(":thing/", ":client/")
    token = str(uuid.uuid4())
    asked = {"commandArn": command, "targetArn": target, "executionTimeoutSeconds": 3600, "clientToken": token}
    started = data.start_command_execution(**asked)
    assert data.start_command_execution(**asked)["executionId"] == started["executionId"]
    with pytest.raises(data.exceptions.ConflictException):
        data.start_command_execution(**asked | {"executionTimeoutSeconds": 60})
    with pytest.raises(iot.exceptions.ConflictException):
        iot.delete_command_execution(executionId=started["executionId"], targetArn=target)
    body = json.dumps({"advance": "1h"}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{gateway.api_url}/_drydock/clock", body, method="POST"))
    until = time.monotonic() + DEADLINE
    while execution(iot, started, target)["status"] != "TIMED_OUT" and time.monotonic() < until:
        time.sleep(0.1)
    told = execution(iot, started, target)
    assert (told["status"], told["statusReason"]) == ("TIMED_OUT", {"reasonCode": "$NO_RESPONSE_FROM_DEVICE"})
    assert "completedAt" not in told
    for which in ({"commandArn": command}, {"targetArn": target}):
        listed = iot.list_command_executions(**which, status="TIMED_OUT", startedTimeFilter={"after": "2020-01-01T00:00"})
        assert [one["executionId"] for one in listed["commandExecutions"]] == [started["executionId"]]
    with pytest.raises(iot.exceptions.ValidationException):
        iot.list_command_executions()
