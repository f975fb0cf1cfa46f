"""CloudWatch Logs: the AWS CLI, boto3 with its paginators (`logs`), and what `aws logs tail` asks."""

import json
import time

import boto3
import botocore.exceptions
import pytest

DEADLINE = 30
ROLE = "arn:aws:iam::123456789012:role/logs"


@pytest.fixture(scope="module")
def logs(gateway):
    return boto3.client(
        "logs", endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


def now():
    return int(time.time() * 1000)


def put(logs, group, stream, *messages):
    events = [{"timestamp": now(), "message": message} for message in messages]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def stream_of(logs, group, stream="s"):
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)


def paged(client, operation, key, size, **arguments):
    pages = client.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": size})
    pages = [page.get(key, []) for page in pages]
    assert len(pages) > 1, "the pages are as small as they were asked to be"
    return [entry for page in pages for entry in page]


def test_every_paginator_gives_all_and_each_once(logs):
    names = [f"/paged/{n:02}" for n in range(7)]
    for name in names:
        logs.create_log_group(logGroupName=name, tags={"of": "pages"})
    groups = paged(logs, "describe_log_groups", "logGroups", 3, logGroupNamePrefix="/paged/")
    assert [group["logGroupName"] for group in groups] == names
    group = names[0]
    for n in range(5):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s{n}")
        put(logs, group, f"s{n}", f"one of {n}", f"two of {n}")
    streams = paged(logs, "describe_log_streams", "logStreams", 2, logGroupName=group)
    assert [stream["logStreamName"] for stream in streams] == [f"s{n}" for n in range(5)]
    by_time = paged(logs, "describe_log_streams", "logStreams", 2, logGroupName=group, orderBy="LastEventTime", descending=True)
    assert [stream["logStreamName"] for stream in by_time] == [f"s{n}" for n in reversed(range(5))]
    found = paged(logs, "filter_log_events", "events", 2, logGroupName=group, filterPattern="two -3")
    assert [event["message"] for event in found] == [f"two of {n}" for n in (0, 1, 2, 4)]
    query = {"logGroupName": group, "startTime": 0, "endTime": now() // 1000 + 60}
    started = [logs.start_query(queryString=f"limit {n}", **query)["queryId"] for n in range(1, 6)]
    queries = paged_by_hand(logs.describe_queries, "queries", logGroupName=group, maxResults=2)
    assert [one["queryId"] for one in queries] == started[::-1]


def paged_by_hand(call, key, **arguments):
    answer = call(**arguments)
    entries = answer[key]
    while "nextToken" in answer:
        answer = call(**arguments, nextToken=answer["nextToken"])
        entries += answer[key]
    return entries


def test_a_stream_is_read_until_the_token_stays(logs):
    stream_of(logs, "read")
    put(logs, "read", "s", *[f"line {n}" for n in range(25)])
    read, token = [], None
    while True:
        more = {"nextToken": token} if token else {"startFromHead": True}
        answer = logs.get_log_events(logGroupName="read", logStreamName="s", limit=10, **more)
        read += [event["message"] for event in answer["events"]]
        if answer["nextForwardToken"] == token:
            break
        token = answer["nextForwardToken"]
    assert read == [f"line {n}" for n in range(25)]


def test_what_is_too_old_or_too_new_is_told(logs):
    stream_of(logs, "limits")
    day = 24 * 3600 * 1000
    put_at = lambda *ats: logs.put_log_events(
        logGroupName="limits", logStreamName="s", logEvents=[{"timestamp": at, "message": "m"} for at in ats])
    assert put_at(now(), now() + 3 * 3600 * 1000)["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert put_at(now() - 14 * day - 60_000, now() - 14 * day + 60_000)["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    with pytest.raises(logs.exceptions.InvalidParameterException, match="chronological order"):
        put_at(now(), now() - 1000)
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log group does not exist"):
        put(logs, "nowhere", "s", "m")


def test_a_query_counts_by_time(logs):
    stream_of(logs, "query")
    put(logs, "query", "s", *[json.dumps({"level": "ERROR" if n % 4 else "INFO", "took": n}) for n in range(20)])
    query = {"logGroupNames": ["query"], "startTime": now() // 1000 - 3600, "endTime": now() // 1000 + 60}
    text = "filter took > 4 | stats count(*) as n, max(took) as longest by level | sort n desc"
    started = logs.start_query(queryString=text, **query)["queryId"]
    deadline = time.monotonic() + DEADLINE
    while (answer := logs.get_query_results(queryId=started))["status"] == "Running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
    assert rows == [{"level": "ERROR", "n": "12", "longest": "19"}, {"level": "INFO", "n": "3", "longest": "16"}]
    assert answer["statistics"]["recordsScanned"] == 20
    with pytest.raises(logs.exceptions.MalformedQueryException, match="`unnest` is not implemented") as refused:
        logs.start_query(queryString="fields a | unnest a into b", **query)
    assert refused.value.response["queryCompileError"]["location"] == {"startCharOffset": 11, "endCharOffset": 17}
    with pytest.raises(logs.exceptions.InvalidParameterException, match="already ended"):
        logs.stop_query(queryId=started)


def test_the_cli_walks_from_a_group_to_its_end(gateway):
    logs = lambda *arguments, **options: gateway.aws("logs", *arguments, **options)
    group = ("--log-group-name", "/fleet/walk")
    logs("create-log-group", *group, "--tags", "team=dock")
    logs("create-log-group", *group, fails="ResourceAlreadyExistsException")
    logs("put-retention-policy", *group, "--retention-in-days", "14")
    described = logs("describe-log-groups", "--log-group-name-prefix", "/fleet/walk")["logGroups"][0]
    assert described["retentionInDays"] == 14
    arn = described["logGroupArn"]
    assert logs("list-tags-for-resource", "--resource-arn", arn)["tags"] == {"team": "dock"}
    logs("tag-resource", "--resource-arn", arn, "--tags", "a=b")
    logs("untag-resource", "--resource-arn", arn, "--tag-keys", "team")
    assert logs("list-tags-for-resource", "--resource-arn", arn)["tags"] == {"a": "b"}
    logs("delete-retention-policy", *group)
    stream = (*group, "--log-stream-name", "one")
    logs("create-log-stream", *stream)
    event = {"timestamp": now(), "message": "ERROR it broke"}
    answer = logs("put-log-events", *stream, "--log-events", json.dumps([event]))
    assert "rejectedLogEventsInfo" not in answer
    assert logs("get-log-events", *stream)["events"][0]["message"] == event["message"]
    assert logs("filter-log-events", *group, "--filter-pattern", "ERROR")["events"][0]["logStreamName"] == "one"
    logs("filter-log-events", *group, "--filter-pattern", "it-broke", fails="Invalid character(s) in term 'it-broke'")
    tested = logs("test-metric-filter", "--filter-pattern", "[level, ...]", "--log-event-messages", event["message"])
    assert tested["matches"][0]["extractedValues"]["$level"] == "ERROR"
    logs("describe-metric-filters", *group)
    assert logs("describe-subscription-filters", *group)["subscriptionFilters"] == []
    started = logs("start-query", *group, "--start-time", "0", "--end-time", now() // 1000 + 60, "--query-string", "fields @message")
    assert started["queryId"] in [query["queryId"] for query in logs("describe-queries", *group)["queries"]]
    logs("get-query-results", "--query-id", started["queryId"])
    logs("delete-log-stream", *stream)
    logs("delete-log-group", *group)
    logs("delete-log-group", *group, fails="ResourceNotFoundException")


def followed(logs, group, until):
    """What `aws logs tail --follow` shows, by the calls that version 2 of the AWS CLI makes for it; the version that is
    installed here, 1, does not have the command."""
    asked = {"logGroupName": group, "interleaved": True, "startTime": now() - 3_600_000}
    shown, seen, deadline = [], set(), time.monotonic() + DEADLINE
    while not until(shown):
        assert time.monotonic() < deadline, shown
        answer = logs.filter_log_events(**asked)
        for event in answer["events"]:
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                shown.append(event["message"])
                asked["startTime"] = event["timestamp"]
        asked.pop("nextToken", None)
        if "nextToken" in answer:
            asked["nextToken"] = answer["nextToken"]
    return shown


def test_a_group_is_followed_as_by_aws_logs_tail(logs):
    stream_of(logs, "tailed", "a/b")
    put(logs, "tailed", "a/b", "the first", "ERROR the second")
    assert followed(logs, "tailed", lambda shown: len(shown) == 2) == ["the first", "ERROR the second"]
    late = iter(["and one more"])

    def more(shown):
        if shown:
            for message in late:
                put(logs, "tailed", "a/b", message)
        return len(shown) == 3

    assert followed(logs, "tailed", more) == ["the first", "ERROR the second", "and one more"]


def test_aws_iot_writes_its_own_log(gateway, logs):
    gateway.aws("iot", "set-v2-logging-options", "--default-log-level", "INFO", "--role-arn", ROLE)
    gateway.run("iot-data", "publish", "--topic", "dock/lamp", "--payload", "1")
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            pattern = '{ $.eventType = "Publish-In" && $.topicName = "dock/*" }'
            found = logs.filter_log_events(logGroupName="AWSIotLogsV2", filterPattern=pattern)["events"]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        if found:
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert json.loads(found[0]["message"])["status"] == "Success"
    described = logs.describe_log_groups(logGroupNamePrefix="AWSIotLogsV2")["logGroups"][0]
    assert described["retentionInDays"] == 30


def test_the_template_makes_the_groups_of_its_functions(logs):
    groups = logs.describe_log_groups(limit=50)["logGroups"]
    of_functions = [group for group in groups if "elemetry" in group["logGroupName"]]
    assert of_functions and of_functions[0]["retentionInDays"] > 0, groups


def test_what_is_not_here_is_refused_by_name(logs):
    for call, named in [
        (lambda: logs.put_resource_policy(policyName="p", policyDocument="{}"), "PutResourcePolicy"),
        (lambda: logs.create_log_group(logGroupName="k", kmsKeyId="key"), "kmsKeyId"),
        (lambda: logs.create_log_group(logGroupName="k", logGroupClass="INFREQUENT_ACCESS"), "INFREQUENT_ACCESS"),
    ]:
        with pytest.raises(botocore.exceptions.ClientError, match=named):
            call()
