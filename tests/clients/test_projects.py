"""Projects of SAM, CloudFormation and the CDK, as their authors would have them, brought up unedited; and a message through each."""

import json
import os
import pathlib
import shutil
import subprocess
import time
import zipfile

import paho.mqtt.client as paho
import pytest

from conftest import DEADLINE, DRYDOCK, ROOT, Gateway, openssl

PROJECTS = pathlib.Path(__file__).parent / "projects"
# What functions require is installed once for all runs.
RUNTIMES = pathlib.Path(os.environ.get("DRYDOCK_RUNTIMES", ROOT / "target" / "clients-runtimes"))
# The first run installs it.
INSTALLED = 10 * 60


@pytest.fixture
def up(tmp_path):
    """Copies a project, brings it up, and gives the gateway; `before` may add to the copy what is built elsewhere."""
    running = []

    def start(name, file="template.yaml", *options, before=None):
        folder = tmp_path / name
        shutil.copytree(PROJECTS / name, folder)
        if before:
            before(folder)
        options = ("--runtimes", str(RUNTIMES), *options)
        gateway = Gateway(folder, *options, template=folder / file, deadline=INSTALLED)
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        gateway.stop()
        assert gateway.process.returncode == 0, gateway.log.read_text()


def publish(gateway, topic, message):
    gateway.aws("iot-data", "publish", "--topic", topic, "--qos", "1", "--payload", json.dumps(message))


def eventually(gateway, look):
    """Looks until there is something, or the log is told."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(gateway.log.read_text())


def table(gateway, word):
    (name,) = [name for name in gateway.aws("dynamodb", "list-tables")["TableNames"] if word in name]
    return name


def items(gateway, word):
    name = table(gateway, word)
    return eventually(gateway, lambda: gateway.aws("dynamodb", "scan", "--table-name", name)["Items"])


def messages(gateway, word):
    (url,) = [url for url in gateway.aws("sqs", "list-queues")["QueueUrls"] if word in url]
    receive = ("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "2")
    found = eventually(gateway, lambda: gateway.aws(*receive).get("Messages"))
    return [json.loads(message["Body"]) for message in found]


def test_sam_in_python(up):
    gateway = up("sam-python")
    publish(gateway, "sensors/s1/reading", {"celsius": 61.5, "at": "2026-03-01T00:00:00Z"})
    (item,) = items(gateway, "ReadingsTable")
    assert (item["sensor"], item["celsius"], item["year"]) == ({"S": "s1"}, {"N": "61.5"}, {"N": "2026"})
    assert messages(gateway, "HotQueue") == [{"hot": "s1"}]
    gateway.told("stored s1")
    log = gateway.log.read_text()
    assert "StoreFunction.Events.Read" in log and "UserPool (AWS::Cognito::UserPool)" in log, log


def test_sam_in_javascript_with_an_alias(up):
    gateway = up("sam-node")
    publish(gateway, "alarms/d1", {"device": "d1", "level": 1})
    publish(gateway, "alarms/d2", {"device": "d2", "level": 3})
    (told,) = messages(gateway, "AlarmQueue")
    assert (told["device"], told["silence"]) == ("d2", 300_000)
    gateway.told('"message":"told { device: \'d2\' }"')
    name = told["by"].split(":")[6]
    arguments = ("lambda", "get-function", "--function-name", name, "--qualifier")
    assert gateway.aws(*arguments, "live")["Configuration"]["Runtime"] == "nodejs20.x"
    gateway.aws(*arguments, "dead", fails="ResourceNotFoundException")


def test_sam_with_a_layer_and_a_bucket_that_tells_a_function(up):
    gateway = up("sam-layer")
    publish(gateway, "meters/m1", {"kwh": 100})
    (bucket,) = [b["Name"] for b in gateway.aws("s3api", "list-buckets")["Buckets"] if "archive" in b["Name"]]
    objects = lambda: gateway.aws("s3api", "list-objects-v2", "--bucket", bucket).get("Contents")
    assert [o["Key"] for o in eventually(gateway, objects)] == ["m1.txt"]
    gateway.told("archived m1.txt")


def test_what_the_cdk_synthesises(up):
    gateway = up("cdk-out", "Meters.template.json")
    assert table(gateway, "EventsTable").startswith("Meters-Prod-"), "the stack is called as the app calls it"
    publish(gateway, "cdk/c1/events", {"kwh": 7})
    assert items(gateway, "EventsTable") == [{"id": {"S": "c1"}, "kwh": {"N": "7"}}]


def test_cloudformation_with_things_certificates_and_inline_code(up, tmp_path):
    key, csr = tmp_path / "device.key", tmp_path / "device.csr"
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pump-1", "-keyout", key, "-out", csr)
    gateway = up("cfn-fleet", "template.yaml", "--parameter", f"DeviceCsr={csr.read_text()}")
    (arn,) = gateway.aws("iot", "list-thing-principals", "--thing-name", "pump-1")["principals"]
    certificate = gateway.aws("iot", "describe-certificate", "--certificate-id", arn.rsplit("/", 1)[1])
    pem = tmp_path / "device.pem"
    pem.write_text(certificate["certificateDescription"]["certificatePem"])
    assert certificate["certificateDescription"]["status"] == "ACTIVE"
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "pump-1")
    client.tls_set(gateway.root_ca, pem, key)
    client.connect(*gateway.mqtt)
    client.loop_start()
    client.publish("pumps/pump-1", '{"bar": 3}', qos=1).wait_for_publish(DEADLINE)
    client.disconnect()
    client.loop_stop()
    assert messages(gateway, "Results") == [{"bar": 3, "certificate": arn.rsplit("/", 1)[1]}]
    assert gateway.aws("iot", "describe-thing", "--thing-name", "pump-1")["attributes"] == {"site": "north"}
    assert gateway.aws("iot", "list-thing-groups")["thingGroups"][0]["groupName"] == "pumps"
    assert "Stream (AWS::Kinesis::Stream)" in gateway.log.read_text()


def test_sam_with_callbacks_a_package_and_a_queue(up, tmp_path):
    def package(folder):
        with zipfile.ZipFile(folder / "relay.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(folder / "app" / "relay.js", "app/relay.js")
        shutil.rmtree(folder / "app")

    gateway = up("sam-node-classic", before=package)
    publish(gateway, "mail", {"id": "a"})
    assert items(gateway, "Ledger") == [{"id": {"S": "a"}, "left": {"BOOL": True}}]
    (name,) = [f["FunctionName"] for f in gateway.aws("lambda", "list-functions")["Functions"] if "Echo" in f["FunctionName"]]
    assert invoke(gateway, tmp_path, name, '{"a": 1}') == {"echoed": {"a": 1}}
    command = [DRYDOCK, "clock", "advance", "1d", "--api-url", gateway.api_url]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
    gateway.told('echo {"daily":true}')


CODE_IN_A_BUCKET = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Lambda:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: lambda
      Runtime: python3.12
      Handler: app.handler
      Role: arn:aws:iam::123456789012:role/any
      Timeout: 20
      Code: {S3Bucket: packages, S3Key: app/1.zip}
  Sam:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: sam, Runtime: python3.12, Handler: app.handler, Timeout: 20, CodeUri: "s3://packages/app/1.zip"}
"""


def test_code_in_a_bucket_that_an_earlier_run_has_kept(tmp_path):
    package = tmp_path / "1.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return [context.function_name, event]\n")
    template = tmp_path / "template.yaml"
    template.write_text("Resources: {}")
    options = {"template": template, "data": tmp_path / "state", "deadline": INSTALLED}
    gateway = Gateway(tmp_path, "--runtimes", str(RUNTIMES), **options)
    gateway.aws("s3api", "create-bucket", "--bucket", "packages")
    gateway.aws("s3api", "put-object", "--bucket", "packages", "--key", "app/1.zip", "--body", package)
    gateway.stop()
    template.write_text(CODE_IN_A_BUCKET)
    gateway = Gateway(tmp_path, "--runtimes", str(RUNTIMES), **options)
    for name in ("lambda", "sam"):
        assert invoke(gateway, tmp_path, name, '{"a": 1}') == [name, {"a": 1}]
    gateway.stop()
    # What is not there is told with the place of the function.
    template.write_text(CODE_IN_A_BUCKET.replace("app/1.zip", "app/2.zip"))
    with pytest.raises(RuntimeError, match="s3://packages/app/2.zip`, which is not here"):
        Gateway(tmp_path, "--runtimes", str(RUNTIMES), **options)


def invoke(gateway, folder, name, payload):
    out = folder / "out.json"
    gateway.aws("lambda", "invoke", "--function-name", name, "--payload", payload, out)
    return json.loads(out.read_text())


def check(folder, text, *options):
    (folder / "t.yaml").write_text(text)
    command = [DRYDOCK, "template", "check", "t.yaml", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE)


def test_a_template_is_checked_beforehand(tmp_path):
    good = "Resources:\n  Table:\n    Type: AWS::SNS::Topic\n  Pool:\n    Type: AWS::Cognito::UserPool\n"
    done = check(tmp_path, good)
    assert done.returncode == 0, done.stdout
    assert "AWS::SNS::Topic: Table" in done.stdout and "t.yaml:4:3: Pool (AWS::Cognito::UserPool)" in done.stdout, done.stdout
    bad = "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicNam: t\n"
    done = check(tmp_path, bad, "--json")
    assert done.returncode == 1, done.stdout
    (wrong,) = json.loads(done.stdout)["wrong"]
    assert (wrong["place"]["line"], wrong["place"]["column"], wrong["help"]) == (5, 7, "did you mean `TopicName`?"), wrong
    java = (
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        "      Runtime: java21\n      Handler: a.B\n      CodeUri: .\n"
    )
    done = check(tmp_path, java)
    assert done.returncode == 1 and "t.yaml:6:16" in done.stdout and "java21" in done.stdout, done.stdout
    assert check(tmp_path, java, "--no-functions").returncode == 0
    assert check(tmp_path, java, "--lenient").returncode == 0
