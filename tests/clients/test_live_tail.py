"""`StartLiveTail` of CloudWatch Logs: boto3 reads its event stream, and the AWS CLI prints it."""

import json
import os
import subprocess
import threading
import time
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

DEADLINE = 30
GROUP = "live"


@pytest.fixture(scope="module")
def logs(gateway):
    # The host of this operation has a prefix on AWS, and there is none of that name here.
    logs = boto3.client(
        "logs", endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
        config=Config(inject_host_prefix=False, read_timeout=DEADLINE),
    )
    logs.create_log_group(logGroupName=GROUP)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    return logs


def put(logs, stream, *messages):
    events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def arn(gateway, group=GROUP):
    return f"arn:aws:logs:{gateway.region}:123456789012:log-group:{group}"


def results(stream, count):
    """So many results, with the updates that they came in."""
    found, updates = [], []
    for event in stream:
        update = event["sessionUpdate"]
        updates.append(update)
        found += update["sessionResults"]
        if len(found) >= count:
            return found, updates


def begun(stream):
    events = iter(stream)
    return next(events)["sessionStart"], events


def test_boto3_sees_what_comes_and_fits(gateway, logs):
    put(logs, "a", "ERROR before anybody looked")
    session = logs.start_live_tail(logGroupIdentifiers=[arn(gateway)], logStreamNames=["a"], logEventFilterPattern="ERROR -expected")
    start, events = begun(session["responseStream"])
    assert start["logGroupIdentifiers"] == [arn(gateway)] and start["logStreamNames"] == ["a"], start
    assert start["sessionId"] and start["logEventFilterPattern"] == "ERROR -expected"
    first = next(events)["sessionUpdate"]
    assert first == {"sessionMetadata": {"sampled": False}, "sessionResults": []}
    put(logs, "a", "ERROR one", "all is well", "ERROR as expected", "ERROR two")
    put(logs, "b", "ERROR of another stream")
    put(logs, "a", "ERROR three")
    found, _ = results(events, 3)
    assert [event["message"] for event in found] == ["ERROR one", "ERROR two", "ERROR three"]
    assert (found[0]["logStreamName"], found[0]["logGroupIdentifier"]) == ("a", arn(gateway))
    assert found[0]["ingestionTime"] >= found[0]["timestamp"] > 0
    session["responseStream"].close()


def test_more_than_500_a_second_are_a_sample(gateway, logs):
    session = logs.start_live_tail(logGroupIdentifiers=[arn(gateway)], logStreamNamePrefixes=["b"])
    _, events = begun(session["responseStream"])
    next(events)
    put(logs, "b", *[f"line {n}" for n in range(3000)])
    found, updates = results(events, 1)
    assert len(found) <= 500 and updates[-1]["sessionMetadata"] == {"sampled": True}
    assert len(set(event["message"] for event in found)) == len(found)
    session["responseStream"].close()


def test_a_session_ends_after_three_hours_of_the_gateways_clock(gateway, logs):
    session = logs.start_live_tail(logGroupIdentifiers=[arn(gateway)])
    _, events = begun(session["responseStream"])
    request = urllib.request.Request(f"{gateway.api_url}/_drydock/clock", json.dumps({"advance": "3h"}).encode(), method="POST")
    urllib.request.urlopen(request)
    with pytest.raises(EventStreamError, match="SessionTimeoutException"):
        for _ in events:
            pass


def test_what_cannot_be_looked_at_is_refused(gateway, logs):
    for asked, code in [
        ({"logGroupIdentifiers": [arn(gateway, "none")]}, "ResourceNotFoundException"),
        ({"logGroupIdentifiers": [arn(gateway) + ":*"]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [arn(gateway)], "logEventFilterPattern": "{ $.a = "}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [arn(gateway)], "logStreamNames": ["a"], "logStreamNamePrefixes": ["b"]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [arn(gateway)] * 11}, "InvalidParameterException"),
    ]:
        with pytest.raises(ClientError, match=code):
            logs.start_live_tail(**asked)
    sessions = []
    with pytest.raises(ClientError, match="LimitExceededException"):
        for _ in range(20):
            sessions.append(logs.start_live_tail(logGroupIdentifiers=[arn(gateway)])["responseStream"])
    # One that was closed just now may still count.
    assert 12 <= len(sessions) <= 15
    for session in sessions:
        session.close()


def test_the_aws_cli_prints_it(gateway, logs):
    words = ["aws", "logs", "start-live-tail", "--log-group-identifiers", arn(gateway),
             "--endpoint-url", gateway.api_url, "--region", gateway.region]
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": gateway.keys[0], "AWS_SECRET_ACCESS_KEY": gateway.keys[1],
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true", "PYTHONUNBUFFERED": "1",
    }
    tail = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    stop = threading.Timer(DEADLINE, tail.kill)
    stop.start()
    try:
        # It is told of what comes once it looks: until then the line comes again.
        done = threading.Event()

        def keep_putting():
            while not done.wait(0.3):
                put(logs, "a", "the cli sees this")

        putting = threading.Thread(target=keep_putting)
        putting.start()
        try:
            line = tail.stdout.readline()
            while line and "the cli sees this" not in line:
                line = tail.stdout.readline()
        finally:
            done.set()
            putting.join()
        assert "the cli sees this" in line, tail.stderr.read() if tail.poll() is not None else line
    finally:
        stop.cancel()
        tail.kill()
        tail.wait()
