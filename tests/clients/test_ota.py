"""Streams, AWS Signer and OTA updates with boto3."""

import json
import time

import boto3
import conftest
import pytest
from botocore.exceptions import ClientError

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/6a55389b-306b-4e8c-a95c-0123456789ab"
ROLE = "arn:aws:iam::123456789012:role/ota"


@pytest.fixture(scope="module")
def client(gateway):
    def make(service):
        return boto3.client(
            service, endpoint_url=gateway.api_url, region_name=gateway.region,
            aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
        )

    return make


@pytest.fixture(scope="module")
def image(client):
    """An image in a bucket that keeps versions, as OTA updates of FreeRTOS want it, and the role that AWS IoT reads it with."""
    trust = {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    client("iam").create_role(
        RoleName="ota", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    s3 = client("s3")
    s3.create_bucket(Bucket="ota-images")
    s3.put_bucket_versioning(Bucket="ota-images", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="ota-images", Key="app.bin", Body=b"image")["VersionId"]
    return {"bucket": "ota-images", "key": "app.bin", "version": version}


def until(ask, ended):
    """What is answered once it is so."""
    deadline = time.monotonic() + conftest.DEADLINE
    while not ended(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


def test_boto3_keeps_streams(client, image):
    iot = client("iot")
    made = iot.create_stream(
        streamId="boto", files=[{"fileId": 3, "s3Location": image}], roleArn=ROLE, description="firmware",
        tags=[{"Key": "fleet", "Value": "north"}],
    )
    assert (made["streamVersion"], made["streamArn"].rpartition(":")[2]) == (1, "stream/boto")
    assert iot.update_stream(streamId="boto", description="other")["streamVersion"] == 2
    info = iot.describe_stream(streamId="boto")["streamInfo"]
    assert (info["files"], info["description"]) == ([{"fileId": 3, "s3Location": image}], "other")
    assert [stream["streamId"] for stream in iot.list_streams(ascendingOrder=False)["streams"]] == ["boto"]
    assert iot.list_tags_for_resource(resourceArn=made["streamArn"])["tags"] == [{"Key": "fleet", "Value": "north"}]
    iot.delete_stream(streamId="boto")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_stream(streamId="boto")


def test_boto3_signs(client, image):
    signer, s3 = client("signer"), client("s3")
    s3.create_bucket(Bucket="ota-signed")
    signer.put_signing_profile(
        profileName="boto", platformId="AWSIoTDeviceManagement-SHA256-ECDSA", signingMaterial={"certificateArn": CERTIFICATE},
        signingParameters={"certname": "/certs/code.crt"},
    )
    source = {"bucketName": image["bucket"], "key": image["key"], "version": image["version"]}
    started = signer.start_signing_job(
        source={"s3": source}, destination={"s3": {"bucketName": "ota-signed", "prefix": "signed-"}}, profileName="boto",
    )
    job = until(lambda: signer.describe_signing_job(jobId=started["jobId"]), lambda job: job["status"] != "InProgress")
    assert job["status"] == "Succeeded", job
    where = job["signedObject"]["s3"]
    signed = json.load(s3.get_object(Bucket=where["bucketName"], Key=where["key"])["Body"])
    assert (signed["rawPayloadSize"], signed["payloadLocation"]["s3"]) == (5, source)
    assert [profile["profileName"] for profile in signer.list_signing_profiles()["profiles"]] == ["boto"]
    assert [job["jobId"] for job in signer.list_signing_jobs(status="Succeeded")["jobs"]] == [started["jobId"]]
    with pytest.raises(ClientError) as refused:
        signer.list_signing_platforms()
    assert refused.value.response["Error"]["Code"] == "NotImplementedException"


def test_boto3_makes_an_ota_update(client, image):
    iot, s3 = client("iot"), client("s3")
    target = iot.create_thing(thingName="boto-ota")["thingArn"]
    s3.create_bucket(Bucket="ota-update")
    parameter = {
        "signingProfileName": "boto_ota", "destination": {"s3Destination": {"bucket": "ota-update", "prefix": "SignedImages/"}},
        "signingProfileParameter": {
            "certificateArn": CERTIFICATE, "platform": "AWSIoTDeviceManagement-SHA256-ECDSA", "certificatePathOnDevice": "/c.crt",
        },
    }
    begun = iot.create_ota_update(
        otaUpdateId="boto", targets=[target], protocols=["MQTT", "HTTP"], roleArn=ROLE,
        files=[{
            "fileName": "/app.bin", "fileLocation": {"s3Location": image},
            "codeSigning": {"startSigningJobParameter": parameter},
        }],
    )
    assert (begun["otaUpdateStatus"], begun["awsIotJobId"]) == ("CREATE_PENDING", "AFR_OTA-boto")
    made = until(
        lambda: iot.get_ota_update(otaUpdateId="boto")["otaUpdateInfo"],
        lambda info: info["otaUpdateStatus"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"),
    )
    assert made["otaUpdateStatus"] == "CREATE_COMPLETE", made
    document = json.loads(iot.get_job_document(jobId="AFR_OTA-boto")["document"])["afr_ota"]
    assert document["protocols"] == ["MQTT", "HTTP"]
    assert iot.describe_stream(streamId=document["streamname"])["streamInfo"]["files"][0]["s3Location"] == image
    assert [update["otaUpdateId"] for update in iot.list_ota_updates()["otaUpdates"]] == ["boto"]
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.delete_ota_update(otaUpdateId="boto")
    iot.delete_ota_update(otaUpdateId="boto", deleteStream=True, forceDeleteAWSJob=True)
    assert iot.list_streams()["streams"] == []
