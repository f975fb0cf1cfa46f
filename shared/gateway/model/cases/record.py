"""Records how botocore writes requests and reads responses, as cases for `tests/cases.rs`.

Not run by the tests: `pip install botocore` into a virtual environment, then `python record.py`. `requests.json` is
written anew from CALLS; for `responses.json`, which is written by hand, botocore must read every response as the
output that the case names.
"""
import base64
import datetime
import json
import pathlib

import botocore
import botocore.parsers
import botocore.session

HERE = pathlib.Path(__file__).parent
SOURCE = f"botocore {botocore.__version__}"
CLIENT_TOKEN = "6f2c1b9e-0000-4000-8000-000000000000"
CERTIFICATE = "arn:aws:iot:us-east-1:123456789012:cert/" + "0a" * 32
RULE_ARN = "arn:aws:iot:us-east-1:123456789012:rule/telemetry"

CALLS = [
    ("a label and a body", "iot", "CreateThing", {
        "thingName": "lamp:1_a-b", "thingTypeName": "lamp",
        "attributePayload": {"attributes": {"room": "kitchen", "wattage": "75"}, "merge": True}}),
    ("an empty body", "iot", "CreateThing", {"thingName": "lamp"}),
    ("a long in the body", "iot", "UpdateThing", {"thingName": "lamp", "expectedVersion": 9007199254740993}),
    ("a label alone", "iot", "DescribeThing", {"thingName": "lamp"}),
    ("an integer and a boolean in the query", "iot", "ListThings", {
        "maxResults": 25, "attributeName": "room", "attributeValue": "a,b=c/d", "usePrefixAttributeValue": True}),
    ("a token with signs in the query", "iot", "ListThings", {"nextToken": "a+/=&?ü"}),
    ("a header", "iot", "AttachThingPrincipal", {"thingName": "lamp", "principal": CERTIFICATE}),
    ("another header's name", "iot", "ListPrincipalPolicies", {"principal": CERTIFICATE}),
    ("a structure that is the body, and a header", "iot", "CreateTopicRule", {
        "ruleName": "telemetry", "tags": "team=lamps&stage=test",
        "topicRulePayload": {
            "sql": "SELECT * FROM 'dt/+/telemetry'", "awsIotSqlVersion": "2016-03-23", "ruleDisabled": False,
            "actions": [
                {"lambda": {"functionArn": "arn:aws:lambda:us-east-1:123456789012:function:telemetry"}},
                {"dynamoDBv2": {"roleArn": "arn:aws:iam::123456789012:role/r", "putItem": {"tableName": "t"}}},
                {"republish": {"roleArn": "arn:aws:iam::123456789012:role/r", "topic": "a/${topic(2)}", "qos": 1,
                               "headers": {"userProperties": [{"key": "k", "value": "v"}]}}}]}}),
    ("a greedy label", "iot", "GetTopicRuleDestination", {
        "arn": "arn:aws:iot:us-east-1:123456789012:ruledestination/http/5e2b-4f"}),
    ("an ARN in the query", "iot", "ListTagsForResource", {"resourceArn": RULE_ARN}),
    ("a list of structures", "iot", "TagResource", {
        "resourceArn": RULE_ARN, "tags": [{"Key": "team", "Value": "lamps"}, {"Key": "stage"}]}),
    ("timestamps in the query", "iot", "ListAuditTasks", {
        "startTime": datetime.datetime(2026, 11, 1, 12, 30, 0, tzinfo=datetime.timezone.utc),
        "endTime": datetime.datetime(2026, 11, 2, 0, 0, 0, 250000, tzinfo=datetime.timezone.utc),
        "taskStatus": "COMPLETED"}),
    ("timestamps in the body", "iot", "ListAuditFindings", {
        "startTime": datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc),
        "endTime": datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone.utc)}),
    ("booleans in the query of a body that stays", "iot", "RegisterCertificate", {
        "certificatePem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "status": "ACTIVE"}),
    ("an enum in the query", "iot", "UpdateCertificate", {"certificateId": "0a" * 32, "newStatus": "INACTIVE"}),
    ("a boolean in the query and no body", "iot", "CreateKeysAndCertificate", {"setAsActive": True}),
    ("a map with enum keys", "iot", "CreateSecurityProfile", {
        "securityProfileName": "p",
        "behaviors": [{"name": "b", "metric": "aws:message-byte-size", "criteria": {
            "comparisonOperator": "less-than-equals", "value": {"count": 1024}, "consecutiveDatapointsToAlarm": 1}}],
        "alertTargets": {"SNS": {"alertTargetArn": "arn:aws:sns:us-east-1:123456789012:t", "roleArn": "arn:aws:iam::123456789012:role/r"}}}),
    ("doubles in the body", "iot", "CreateJob", {
        "jobId": "update-1", "targets": ["arn:aws:iot:us-east-1:123456789012:thing/lamp"], "document": "{}",
        "jobExecutionsRolloutConfig": {"maximumPerMinute": 50, "exponentialRate": {
            "baseRatePerMinute": 5, "incrementFactor": 1.5, "rateIncreaseCriteria": {"numberOfSucceededThings": 10}}},
        "abortConfig": {"criteriaList": [{"failureType": "FAILED", "action": "CANCEL", "thresholdPercentage": 20.0,
                                         "minNumberOfExecutedThings": 10}]}}),
    ("a blob in the body", "iot", "CreateCommand", {
        "commandId": "reboot", "payload": {"content": b"\x00\xff{}", "contentType": "application/octet-stream"}}),
    ("a client token in the query", "iot", "CreatePackage", {"packageName": "firmware", "clientToken": CLIENT_TOKEN}),
    ("two labels", "iot", "CancelJobExecution", {"jobId": "update-1", "thingName": "lamp", "force": True}),
    ("a blob that is the body", "iot-data", "Publish", {"topic": "dt/lamp/telemetry", "qos": 1, "payload": b'{"t":21}'}),
    ("the headers of MQTT 5", "iot-data", "Publish", {
        "topic": "cmd/lamp", "retain": True, "payload": b"\x00\x01\xfe", "contentType": "application/octet-stream",
        "responseTopic": "cmd/lamp/reply", "messageExpiry": 3600, "payloadFormatIndicator": "UNSPECIFIED_BYTES",
        "correlationData": base64.b64encode(b"c-1").decode(), "userProperties": [{"deviceName": "alpha"}, {"deviceCnt": "45"}]}),
    ("no body", "iot-data", "Publish", {"topic": "a"}),
    ("a topic with spaces and signs", "iot-data", "GetRetainedMessage", {"topic": "a b/ü/$c+#%"}),
    ("a shadow by name", "iot-data", "GetThingShadow", {"thingName": "lamp", "shadowName": "config"}),
    ("a shadow that is the body", "iot-data", "UpdateThingShadow", {
        "thingName": "lamp", "payload": b'{"state":{"desired":{"on":true}}}'}),
    ("two queries", "iot-data", "ListNamedShadowsForThing", {"thingName": "lamp", "nextToken": "t", "pageSize": 5}),
    ("a literal dollar", "iot-jobs-data", "StartNextPendingJobExecution", {
        "thingName": "lamp", "statusDetails": {"step": "1"}, "stepTimeoutInMinutes": 60}),
    ("a label that may be a dollar word", "iot-jobs-data", "DescribeJobExecution", {
        "jobId": "$next", "thingName": "lamp", "includeJobDocument": True, "executionNumber": 3}),
    ("an enum and longs", "iot-jobs-data", "UpdateJobExecution", {
        "jobId": "update-1", "thingName": "lamp", "status": "SUCCEEDED", "expectedVersion": 2, "executionNumber": 1}),
]


def client(session, service):
    return session.create_client(service, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s",
                                 endpoint_url="https://example.invalid")


def logical(value):
    """A parameter as the document that drydock-model's `to_json` gives."""
    if isinstance(value, datetime.datetime):
        seconds = value.timestamp()
        return int(seconds) if seconds == int(seconds) else seconds
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: logical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [logical(item) for item in value]
    return value


def record(session, name, service, operation, parameters):
    api = client(session, service)
    model = api.meta.service_model.operation_model(operation)
    members = model.input_shape.members
    prepared = api._convert_to_request_dict(dict(parameters), model, "https://example.invalid")
    body = prepared["body"]
    body = body.encode() if isinstance(body, str) else bytes(body or b"")
    expected = logical(parameters)
    for key in parameters:
        if members[key].serialization.get("jsonvalue"):
            expected[key] = json.dumps(parameters[key], separators=(",", ":"))
    path, _, query = prepared["url"].removeprefix("https://example.invalid").partition("?")
    headers = {key: value for key, value in dict(prepared["headers"]).items()
               if key.lower().startswith(("x-amz-", "x-amzn-", "content-type"))}
    request = {"method": prepared["method"], "path": path, "query": query, "headers": headers}
    try:
        request["body"] = body.decode()
    except UnicodeDecodeError:
        request["bodyBase64"] = base64.b64encode(body).decode()
    return {"name": name, "source": SOURCE, "service": service, "operation": operation, "request": request,
            "input": expected}


def check(session, case):
    api = client(session, case["service"])
    model = api.meta.service_model.operation_model(case["operation"])
    parser = botocore.parsers.create_parser("rest-json")
    response = case["response"]
    parsed = parser.parse({"status_code": response["status"], "headers": response["headers"],
                           "body": response["body"].encode()}, model.output_shape)
    parsed.pop("ResponseMetadata", None)
    if "error" in case:
        seen = {key[0].lower() + key[1:]: value for key, value in parsed["Error"].items()}
        expected = {"code": case["error"]["code"], "message": case["error"]["message"]}
        assert seen == expected, (case["name"], seen, expected)
        return
    payload = case.get("payload")
    if payload is not None:
        [stream] = [parsed.pop(key) for key in list(parsed) if model.output_shape.serialization.get("payload") == key]
        assert (stream if isinstance(stream, str) else stream.decode()) == payload, case["name"]
    assert logical(parsed) == case["output"], (case["name"], logical(parsed), case["output"])


def main():
    session = botocore.session.Session()
    cases = [record(session, *call) for call in CALLS]
    (HERE / "requests.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
    responses = json.loads((HERE / "responses.json").read_text())
    for case in responses:
        check(session, case)
    print(f"{len(cases)} requests recorded, {len(responses)} responses read")


main()
