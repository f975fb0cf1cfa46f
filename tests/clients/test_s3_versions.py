"""Versions of objects in S3 with boto3."""

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def s3(gateway):
    return boto3.client(
        "s3", endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


def test_boto3_keeps_finds_and_restores_versions(s3):
    s3.create_bucket(Bucket="versions")
    assert "Status" not in s3.get_bucket_versioning(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket="versions")["Status"] == "Enabled"
    ids = [s3.put_object(Bucket="versions", Key="fw.bin", Body=body)["VersionId"] for body in (b"one", b"two")]
    old = s3.get_object(Bucket="versions", Key="fw.bin", VersionId=ids[0])
    assert (old["Body"].read(), old["VersionId"]) == (b"one", ids[0])
    assert s3.head_object(Bucket="versions", Key="fw.bin")["VersionId"] == ids[1]
    marker = s3.delete_object(Bucket="versions", Key="fw.bin")
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="versions", Key="fw.bin")
    assert refused.value.response["Error"]["Code"] == "NoSuchKey"
    found = s3.list_object_versions(Bucket="versions")
    assert [version["VersionId"] for version in found["Versions"]] == ids[::-1]
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in found["DeleteMarkers"]] == [(marker["VersionId"], True)]
    copied = s3.copy_object(
        Bucket="versions", Key="fw.bin", CopySource={"Bucket": "versions", "Key": "fw.bin", "VersionId": ids[0]},
    )
    assert copied["CopySourceVersionId"] == ids[0]
    assert s3.get_object(Bucket="versions", Key="fw.bin")["Body"].read() == b"one"
    pages = s3.get_paginator("list_object_versions").paginate(Bucket="versions", PaginationConfig={"PageSize": 1})
    everything = [
        {"Key": entry["Key"], "VersionId": entry["VersionId"]}
        for page in pages for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])
    ]
    assert len(everything) == 4
    s3.delete_objects(Bucket="versions", Delete={"Objects": everything})
    s3.delete_bucket(Bucket="versions")
