"""A device's jobs and shadow by the SDKs' own clients: both kinds of the AWS IoT Device SDK for JavaScript v2, and the legacy SDKs
for JavaScript and Python, which much of what is in the field still runs. `test_jobs.py` and `test_shadows.py` have the SDK for
Python v2."""

import json
import queue

import boto3
import pytest
from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTShadowClient, AWSIoTMQTTThingJobsClient
from AWSIoTPythonSDK.core.jobs.thingJobManager import jobExecutionStatus as status
from AWSIoTPythonSDK.core.jobs.thingJobManager import jobExecutionTopicReplyType as reply
from AWSIoTPythonSDK.core.jobs.thingJobManager import jobExecutionTopicType as topic
from conftest import node

DEADLINE = 20
DOCUMENT = {"operation": "reboot"}


def client(gateway, service):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


def device(gateway, name):
    """A device with files, a job that waits for it, and a state that is desired of it."""
    files = gateway.device(name)
    iot = client(gateway, "iot")
    arn = iot.describe_thing(thingName=name)["thingArn"]
    iot.create_job(jobId=f"job-of-{name}", targets=[arn], document=json.dumps(DOCUMENT))
    desired = json.dumps({"state": {"desired": {"color": "red"}}})
    client(gateway, "iot-data").update_thing_shadow(thingName=name, payload=desired)
    return files


def check(gateway, name):
    iot, data = client(gateway, "iot"), client(gateway, "iot-data")
    execution = iot.describe_job_execution(jobId=f"job-of-{name}", thingName=name)["execution"]
    assert execution["status"] == "SUCCEEDED"
    shadow = json.load(data.get_thing_shadow(thingName=name)["payload"])
    assert shadow["state"] == {"desired": {"color": "red"}, "reported": {"color": "red"}}


@pytest.mark.parametrize("sdk", ["v2", "v2-requests", "legacy"])
def test_javascript(gateway, sdk):
    name = f"js-{sdk}"
    files = device(gateway, name)
    host, port = gateway.mqtt
    well, seen = node("jobs_and_shadows.mjs", {
        "sdk": sdk, "host": host, "port": port, "ca": gateway.root_ca, "cert": files["certificate"],
        "key": files["privateKey"], "thing": name,
    })
    assert well, seen
    assert seen == {"job": f"job-of-{name}", "document": DOCUMENT, "next": None, "delta": {"color": "red"}, "version": 2}
    check(gateway, name)


def configured(made, gateway, files):
    made.configureEndpoint(*gateway.mqtt)
    made.configureCredentials(gateway.root_ca, files["privateKey"], files["certificate"])
    made.configureMQTTOperationTimeout(DEADLINE)
    made.configureConnectDisconnectTimeout(DEADLINE)
    assert made.connect()
    return made


def test_the_legacy_sdk_for_python(gateway):
    name = "py-legacy"
    files = device(gateway, name)
    told = queue.Queue()

    def hears(_client, _data, message):
        told.put((message.topic.split("/jobs/")[1], json.loads(message.payload)))

    jobs = configured(AWSIoTMQTTThingJobsClient(name, thingName=name, QoS=1), gateway, files)
    assert jobs.createJobSubscription(hears, topic.JOB_START_NEXT_TOPIC, reply.JOB_ACCEPTED_REPLY_TYPE)
    assert jobs.createJobSubscription(hears, topic.JOB_UPDATE_TOPIC, reply.JOB_ACCEPTED_REPLY_TYPE, "+")
    assert jobs.sendJobsStartNext(statusDetails={"step": "1"})
    what, started = told.get(timeout=DEADLINE)
    assert (what, started["execution"]["jobDocument"]) == ("start-next/accepted", DOCUMENT)
    job = started["execution"]["jobId"]
    assert jobs.sendJobsUpdate(job, status.JOB_EXECUTION_SUCCEEDED, expectedVersion=started["execution"]["versionNumber"])
    assert told.get(timeout=DEADLINE)[0] == f"{job}/update/accepted"
    jobs.disconnect()

    def answers(payload, outcome, _token):
        told.put((outcome, json.loads(payload)))

    shadows = configured(AWSIoTMQTTShadowClient(name), gateway, files)
    shadow = shadows.createShadowHandlerWithName(name, True)
    shadow.shadowGet(answers, DEADLINE)
    outcome, got = told.get(timeout=DEADLINE)
    assert (outcome, got["state"]["delta"]) == ("accepted", {"color": "red"})
    shadow.shadowUpdate(json.dumps({"state": {"reported": {"color": "red"}}}), answers, DEADLINE)
    assert told.get(timeout=DEADLINE)[0] == "accepted"
    shadows.disconnect()
    check(gateway, name)
