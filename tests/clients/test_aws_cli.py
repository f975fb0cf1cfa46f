"""The AWS CLI with `--endpoint-url`: the control plane, the data plane and the services beside IoT, as people type them."""

import functools
import json
import uuid

import conftest
import pytest


def test_who_am_i(gateway):
    assert gateway.aws("sts", "get-caller-identity")["Account"] == gateway.ready["account"]


def test_endpoints(gateway):
    address = gateway.aws("iot", "describe-endpoint", "--endpoint-type", "iot:Data-ATS")["endpointAddress"]
    assert address


def test_things_and_types(gateway):
    gateway.aws("iot", "create-thing-type", "--thing-type-name", "pump")
    made = gateway.aws("iot", "create-thing", "--thing-name", "pump-1", "--thing-type-name", "pump",
                       "--attribute-payload", '{"attributes": {"site": "harbour", "bay": "7"}}')
    assert made["thingArn"] == f"arn:aws:iot:{gateway.ready['region']}:{gateway.ready['account']}:thing/pump-1"
    seen = gateway.aws("iot", "describe-thing", "--thing-name", "pump-1")
    assert (seen["thingId"], seen["version"], seen["attributes"]) == (made["thingId"], 1, {"site": "harbour", "bay": "7"})
    gateway.aws("iot", "update-thing", "--thing-name", "pump-1", "--attribute-payload", '{"attributes": {"bay": "8"}, "merge": true}')
    assert gateway.aws("iot", "describe-thing", "--thing-name", "pump-1")["attributes"] == {"site": "harbour", "bay": "8"}
    for number in range(2, 8):
        gateway.aws("iot", "create-thing", "--thing-name", f"pump-{number}")
    names = [t["thingName"] for t in gateway.aws("iot", "list-things", "--page-size", "3")["things"]]
    assert {f"pump-{n}" for n in range(1, 8)} <= set(names), "the CLI follows the pagination tokens"
    by_type = gateway.aws("iot", "list-things", "--thing-type-name", "pump")["things"]
    assert [t["thingName"] for t in by_type] == ["pump-1"]
    gateway.aws("iot", "delete-thing", "--thing-name", "pump-7")
    gateway.aws("iot", "describe-thing", "--thing-name", "pump-7", fails="ResourceNotFoundException")


def test_errors_are_those_of_aws(gateway):
    gateway.aws("iot", "create-thing", "--thing-name", "no spaces", fails="InvalidRequestException")
    gateway.aws("iot", "create-policy", "--policy-name", "broken", "--policy-document", "{", fails="MalformedPolicyException")
    gateway.aws("iot", "register-ca-certificate", "--ca-certificate", "no pem", "--verification-certificate", "no pem",
                fails="CertificateValidationException")
    gateway.aws("iot", "create-topic-rule", "--rule-name", "broken", "--topic-rule-payload",
                '{"sql": "SELEKT * FROM \'a\'", "actions": []}', fails="SqlParseException")
    gateway.aws("iot", "create-stream", "--stream-id", "s", "--role-arn", "arn:aws:iam::123456789012:role/streams",
                "--files", '[{"fileId": 1, "s3Location": {"bucket": "b", "key": "k"}}]', fails="CreateStream")


def test_certificate_and_policy_walk(gateway):
    made = gateway.aws("iot", "create-keys-and-certificate", "--set-as-active")
    arn, identifier = made["certificateArn"], made["certificateId"]
    assert made["certificatePem"].startswith("-----BEGIN CERTIFICATE-----")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    gateway.aws("iot", "create-policy", "--policy-name", "all", "--policy-document", json.dumps(document))
    assert json.loads(gateway.aws("iot", "get-policy", "--policy-name", "all")["policyDocument"]) == document
    gateway.aws("iot", "attach-policy", "--policy-name", "all", "--target", arn)
    assert [p["policyName"] for p in gateway.aws("iot", "list-attached-policies", "--target", arn)["policies"]] == ["all"]
    gateway.aws("iot", "create-thing", "--thing-name", "walker")
    gateway.aws("iot", "attach-thing-principal", "--thing-name", "walker", "--principal", arn)
    assert gateway.aws("iot", "list-thing-principals", "--thing-name", "walker")["principals"] == [arn]
    gateway.aws("iot", "delete-certificate", "--certificate-id", identifier, fails="CertificateStateException")
    gateway.aws("iot", "update-certificate", "--certificate-id", identifier, "--new-status", "INACTIVE")
    gateway.aws("iot", "delete-certificate", "--certificate-id", identifier, fails="DeleteConflictException")
    gateway.aws("iot", "detach-thing-principal", "--thing-name", "walker", "--principal", arn)
    gateway.aws("iot", "detach-policy", "--policy-name", "all", "--target", arn)
    gateway.aws("iot", "delete-certificate", "--certificate-id", identifier)
    gateway.aws("iot", "describe-certificate", "--certificate-id", identifier, fails="ResourceNotFoundException")
    gateway.aws("iot", "delete-policy", "--policy-name", "all")


def test_register_a_ca(gateway, tmp_path):
    code = gateway.aws("iot", "get-registration-code")["registrationCode"]

    openssl = functools.partial(conftest.openssl, cwd=tmp_path)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/O=Harbour/CN=Harbour CA",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={code}", "-keyout", "v.key", "-out", "v.csr")
    openssl("x509", "-req", "-in", "v.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "v.pem")
    made = gateway.aws("iot", "register-ca-certificate", "--ca-certificate", f"file://{tmp_path}/ca.pem",
                       "--verification-certificate", f"file://{tmp_path}/v.pem", "--set-as-active", "--allow-auto-registration")
    seen = gateway.aws("iot", "describe-ca-certificate", "--certificate-id", made["certificateId"])["certificateDescription"]
    assert (seen["status"], seen["autoRegistrationStatus"]) == ("ACTIVE", "ENABLE")
    gateway.aws("iot", "register-ca-certificate", "--ca-certificate", f"file://{tmp_path}/ca.pem",
                "--verification-certificate", f"file://{tmp_path}/v.pem", fails="ResourceAlreadyExistsException")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=another code", "-keyout", "w.key", "-out", "w.csr")
    openssl("x509", "-req", "-in", "w.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "w.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Other CA", "-keyout", "o.key", "-out", "o.pem")
    gateway.aws("iot", "register-ca-certificate", "--ca-certificate", f"file://{tmp_path}/o.pem",
                "--verification-certificate", f"file://{tmp_path}/w.pem", fails="CertificateValidationException")


def test_a_rule_brings_messages_to_a_queue(gateway):
    queue = gateway.aws("sqs", "create-queue", "--queue-name", "hot")["QueueUrl"]
    payload = {
        "sql": "SELECT temperature, topic(2) AS thing FROM 'dt/+/telemetry' WHERE temperature > 50",
        "awsIotSqlVersion": "2016-03-23",
        "actions": [{"sqs": {"queueUrl": queue, "roleArn": "arn:aws:iam::123456789012:role/rules", "useBase64": False}}],
    }
    gateway.aws("iot", "create-topic-rule", "--rule-name", "hot", "--topic-rule-payload", json.dumps(payload))
    assert gateway.aws("iot", "get-topic-rule", "--rule-name", "hot")["rule"]["sql"] == payload["sql"]
    for temperature in (20, 80):
        gateway.aws("iot-data", "publish", "--topic", "dt/pump-9/telemetry", "--payload", json.dumps({"temperature": temperature}))
    messages = gateway.aws("sqs", "receive-message", "--queue-url", queue, "--wait-time-seconds", "10")["Messages"]
    assert [json.loads(m["Body"]) for m in messages] == [{"temperature": 80, "thing": "pump-9"}]


@pytest.mark.parametrize("region", ["us-east-1"])
def test_the_services_beside_iot(gateway, region):
    table = f"readings-{uuid.uuid4().hex[:8]}"
    gateway.aws("dynamodb", "create-table", "--table-name", table, "--billing-mode", "PAY_PER_REQUEST",
                "--attribute-definitions", "AttributeName=id,AttributeType=S", "--key-schema", "AttributeName=id,KeyType=HASH")
    gateway.aws("dynamodb", "put-item", "--table-name", table, "--item", '{"id": {"S": "a"}, "n": {"N": "1"}}')
    assert gateway.aws("dynamodb", "get-item", "--table-name", table, "--key", '{"id": {"S": "a"}}')["Item"]["n"] == {"N": "1"}
    topic = gateway.aws("sns", "create-topic", "--name", "alerts")["TopicArn"]
    assert topic == f"arn:aws:sns:{region}:{gateway.ready['account']}:alerts"
    queue = gateway.aws("sqs", "create-queue", "--queue-name", "alerts")["QueueUrl"]
    arn = gateway.aws("sqs", "get-queue-attributes", "--queue-url", queue, "--attribute-names", "QueueArn")["Attributes"]["QueueArn"]
    gateway.aws("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", arn)
    gateway.aws("sns", "publish", "--topic-arn", topic, "--message", "too hot")
    (message,) = gateway.aws("sqs", "receive-message", "--queue-url", queue, "--wait-time-seconds", "10")["Messages"]
    assert json.loads(message["Body"])["Message"] == "too hot"


def test_signatures_are_checked_where_keys_are_configured(signed_gateway):
    signed_gateway.aws("iot", "list-things")
    signed_gateway.aws("sts", "get-caller-identity")
    signed_gateway.aws("dynamodb", "list-tables")
    wrong = {**signed_gateway.environment, "AWS_SECRET_ACCESS_KEY": "a guess"}
    for service, operation, code in [
        ("iot", "list-things", "InvalidSignatureException"),
        ("sts", "get-caller-identity", "SignatureDoesNotMatch"),
        ("dynamodb", "list-tables", "InvalidSignatureException"),
    ]:
        signed_gateway.aws(service, operation, fails=code, environment=wrong)
    nobody = {**signed_gateway.environment, "AWS_ACCESS_KEY_ID": "AKIANOBODY"}
    signed_gateway.aws("iot", "list-things", fails="UnrecognizedClientException", environment=nobody)


def test_policies_are_simulated(gateway):
    arn = gateway.aws("iot", "create-keys-and-certificate", "--set-as-active")["certificateArn"]
    topic = "arn:aws:iot:{region}:{account}:topic/".format(**gateway.ready)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": topic + "a"}]}
    gateway.aws("iot", "create-policy", "--policy-name", "simulated", "--policy-document", json.dumps(document))
    gateway.aws("iot", "attach-policy", "--policy-name", "simulated", "--target", arn)
    effective = gateway.aws("iot", "get-effective-policies", "--principal", arn)["effectivePolicies"]
    assert [policy["policyName"] for policy in effective] == ["simulated"]
    infos = json.dumps([{"actionType": "PUBLISH", "resources": [topic + name]} for name in ("a", "b")])
    results = gateway.aws("iot", "test-authorization", "--principal", arn, "--auth-infos", infos)["authResults"]
    assert [result["authDecision"] for result in results] == ["ALLOWED", "IMPLICIT_DENY"]


def test_logging_options(gateway):
    gateway.aws("iot", "get-v2-logging-options", fails="NotConfiguredException")
    role = "arn:aws:iam::123456789012:role/logs"
    gateway.aws("iot", "set-v2-logging-options", "--role-arn", role, "--default-log-level", "ERROR")
    gateway.aws("iot", "set-v2-logging-level", "--log-target", "targetType=CLIENT_ID,targetName=dock-1", "--log-level", "DEBUG")
    levels = gateway.aws("iot", "list-v2-logging-levels")["logTargetConfigurations"]
    assert [level["logTarget"]["targetType"] for level in levels] == ["DEFAULT", "CLIENT_ID"]
    gateway.aws("iot", "delete-v2-logging-level", "--target-type", "CLIENT_ID", "--target-name", "dock-1")
    assert gateway.aws("iot", "get-v2-logging-options")["defaultLogLevel"] == "ERROR"
    gateway.aws("iot", "set-v2-logging-options", "--role-arn", role, "--default-log-level", "DISABLED")
