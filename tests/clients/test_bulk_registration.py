"""S3 and bulk registration with the AWS CLI: a file goes up, its lines become things, the reports come by their links."""

import json
import time
import urllib.error
import urllib.request

import conftest
import pytest

TEMPLATE = {
    "Parameters": {"ThingName": {"Type": "String"}, "Serial": {"Type": "String"}},
    "Resources": {
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {"ThingName": {"Ref": "ThingName"}, "AttributePayload": {"serial": {"Ref": "Serial"}}},
        },
    },
}


@pytest.fixture(scope="module", params=["gateway", "signed_gateway"])
def store(request):
    """A gateway that takes any key, and one that checks every signature."""
    return request.getfixturevalue(request.param)


def fetch(link):
    with urllib.request.urlopen(link, timeout=conftest.DEADLINE) as answer:
        return answer.read().decode()


def test_objects(store, tmp_path):
    store.run("s3", "mb", "s3://files")
    small, large = tmp_path / "small.txt", tmp_path / "large.bin"
    small.write_text("hello")
    # More than the CLI sends at once: it goes up in parts.
    large.write_bytes(bytes(range(256)) * 4 * 1024 * 10)
    store.run("s3", "cp", small, "s3://files/in/a b+c.txt", "--acl", "private")
    store.run("s3", "cp", large, "s3://files/in/large.bin")
    listed = store.run("s3", "ls", "s3://files/in/")
    assert "a b+c.txt" in listed and str(large.stat().st_size) in listed
    assert "PRE in/" in store.run("s3", "ls", "s3://files")
    back = tmp_path / "back.bin"
    store.run("s3", "cp", "s3://files/in/large.bin", back)
    assert back.read_bytes() == large.read_bytes()
    head = store.aws("s3api", "head-object", "--bucket", "files", "--key", "in/a b+c.txt", "--checksum-mode", "ENABLED")
    assert head["ContentLength"] == 5 and any(name.startswith("Checksum") for name in head)
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        put = store.aws("s3api", "put-object", "--bucket", "files", "--key", algorithm, "--body", small, "--checksum-algorithm", algorithm)
        assert put["Checksum" + algorithm]
    if store.keys == conftest.KEYS:
        # The CLI's own choice in us-east-1 is Signature Version 2, which AWS refuses for buckets made since 2020.
        config = tmp_path / "config"
        config.write_text("[default]\ns3 =\n    signature_version = s3v4\n")
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(store.run("s3", "presign", "s3://files/in/a b+c.txt").strip())
        assert "Please use AWS4-HMAC-SHA256" in refused.value.read().decode()
        store.environment["AWS_CONFIG_FILE"] = str(config)
    link = store.run("s3", "presign", "s3://files/in/a b+c.txt").strip()
    assert fetch(link) == "hello"
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(link.replace("a%20b", "b%20b"))
    assert refused.value.code == (403 if store.keys == conftest.KEYS else 404)
    store.run("s3", "cp", "s3://files/in/a b+c.txt", "s3://files/copy.txt")
    pages = store.aws("s3api", "list-objects-v2", "--bucket", "files", "--page-size", "2")
    assert len(pages["Contents"]) == 8
    store.run("s3", "rm", "s3://files", "--recursive")
    store.run("s3", "rb", "s3://files")
    store.aws("s3api", "head-bucket", "--bucket", "files", fails="404")


def test_bulk_registration(store, tmp_path):
    lines = tmp_path / "devices.json"
    devices = [{"ThingName": f"bulk-{at}", "Serial": f"SN-{at}"} for at in range(150)]
    lines.write_text("\n".join(map(json.dumps, devices)) + '\n{"ThingName": "bad"}\n')
    store.run("s3", "mb", "s3://inputs")
    store.run("s3", "cp", lines, "s3://inputs/devices.json")
    # A role that the template declares and that trusts AWS IoT.
    name = store.aws("iot", "list-provisioning-templates")["templates"][0]["templateName"]
    role = store.aws("iot", "describe-provisioning-template", "--template-name", name)["provisioningRoleArn"]
    task = store.aws("iot", "start-thing-registration-task", "--template-body", json.dumps(TEMPLATE), "--input-file-bucket", "inputs",
                     "--input-file-key", "devices.json", "--role-arn", role)["taskId"]
    end = time.monotonic() + conftest.DEADLINE
    while (seen := store.aws("iot", "describe-thing-registration-task", "--task-id", task))["status"] == "InProgress":
        assert time.monotonic() < end, seen
    assert (seen["status"], seen["successCount"], seen["failureCount"], seen["percentageProgress"]) == ("Completed", 150, 1, 100)
    reports = {}
    for kind in ("RESULTS", "ERRORS"):
        links = store.aws("iot", "list-thing-registration-task-reports", "--task-id", task, "--report-type", kind)["resourceLinks"]
        reports[kind] = [json.loads(line) for link in links for line in fetch(link).splitlines()]
    assert [entry["lineNumber"] for entry in reports["RESULTS"]] == list(range(1, 151))
    assert reports["RESULTS"][7]["response"]["ResourceArns"]["thing"].endswith(":thing/bulk-7")
    assert [entry["lineNumber"] for entry in reports["ERRORS"]] == [151]
    assert "Serial" in reports["ERRORS"][0]["errorMessage"]
    thing = store.aws("iot", "describe-thing", "--thing-name", "bulk-149")
    assert thing["attributes"] == {"serial": "SN-149"}
    assert task in store.aws("iot", "list-thing-registration-tasks", "--status", "Completed")["taskIds"]
    store.aws("iot", "stop-thing-registration-task", "--task-id", task, fails="InvalidRequestException")
