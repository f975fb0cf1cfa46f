"""The software package catalog: boto3 (`iot`), with bills of materials in `s3`."""

import io
import json
import uuid
import zipfile

import boto3
import pytest

SPDX = {
    "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "dataLicense": "CC0-1.0", "name": "lamp",
    "documentNamespace": "https://example.com/lamp-1.0",
    "creationInfo": {"created": "2026-11-30T00:00:00Z", "creators": ["Tool: lamp"]},
    "packages": [{"SPDXID": "SPDXRef-rtos", "name": "rtos", "downloadLocation": "NOASSERTION"}],
}
CYCLONE_DX = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [{"type": "library", "name": "tls"}]}


def client(gateway, service):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


@pytest.fixture(scope="module")
def iot(gateway):
    return client(gateway, "iot")


def package(iot, name, *versions):
    iot.create_package(packageName=name)
    for version in versions:
        iot.create_package_version(packageName=name, versionName=version)
        iot.update_package_version(packageName=name, versionName=version, action="PUBLISH")


def archive(**files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(f"{name}.json", json.dumps(content))
    return memory.getvalue()


def test_boto3_makes_changes_lists_and_deletes_packages(iot):
    made = iot.create_package(packageName="lamp", description="Firmware of lamps", tags={"team": "light"})
    assert made["packageArn"].endswith(":package/lamp") and made["description"] == "Firmware of lamps"
    assert iot.list_tags_for_resource(resourceArn=made["packageArn"])["tags"] == [{"Key": "team", "Value": "light"}]
    with pytest.raises(iot.exceptions.ConflictException):
        iot.create_package(packageName="lamp")
    with pytest.raises(iot.exceptions.ValidationException):
        iot.create_package(packageName="a lamp")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.get_package(packageName="none")
    token = str(uuid.uuid4())
    asked = {"packageName": "pump", "clientToken": token}
    assert iot.create_package(**asked)["packageArn"] == iot.create_package(**asked)["packageArn"]
    with pytest.raises(iot.exceptions.ConflictException):
        iot.create_package(**asked | {"packageName": "valve"})
    pages = iot.get_paginator("list_packages").paginate(PaginationConfig={"PageSize": 1})
    assert [one["packageName"] for page in pages for one in page["packageSummaries"]] == ["lamp", "pump"]
    iot.update_package(packageName="lamp", description="Lamps")
    got = iot.get_package(packageName="lamp")
    assert got["description"] == "Lamps" and got["lastModifiedDate"] >= got["creationDate"] and "defaultVersionName" not in got
    iot.delete_package(packageName="pump")
    assert [one["packageName"] for one in iot.list_packages()["packageSummaries"]] == ["lamp"]


def test_a_version_goes_from_draft_to_deleted(iot):
    iot.create_package(packageName="door")
    location = {"s3Location": {"bucket": "firmware", "key": "door-1.bin"}}
    made = iot.create_package_version(
        packageName="door", versionName="1.0", description="First", attributes={"os": "rtos"}, artifact=location,
        recipe='{"steps": []}', tags={"stage": "beta"},
    )
    assert (made["status"], made["attributes"]) == ("DRAFT", {"os": "rtos"})
    assert made["packageVersionArn"].endswith(":package/door/version/1.0")
    assert iot.list_tags_for_resource(resourceArn=made["packageVersionArn"])["tags"] == [{"Key": "stage", "Value": "beta"}]
    version = {"packageName": "door", "versionName": "1.0"}
    with pytest.raises(iot.exceptions.ConflictException):
        iot.update_package(packageName="door", defaultVersionName="1.0")
    with pytest.raises(iot.exceptions.ValidationException, match="3072 bytes"):
        iot.update_package_version(**version, attributes={"much": "x" * 3069})
    iot.update_package_version(**version, attributes={"os": "linux"}, action="PUBLISH")
    with pytest.raises(iot.exceptions.ConflictException, match="PUBLISHED"):
        iot.update_package_version(**version, attributes={"os": "rtos"})
    iot.update_package_version(**version, recipe='{"steps": ["reboot"]}')
    iot.update_package(packageName="door", defaultVersionName="1.0")
    got = iot.get_package_version(**version)
    assert (got["status"], got["attributes"], got["artifact"]) == ("PUBLISHED", {"os": "linux"}, location)
    assert got["recipe"] == '{"steps": ["reboot"]}' and "sbom" not in got
    iot.update_package_version(**version, action="DEPRECATE")
    listed = iot.list_package_versions(packageName="door", status="DEPRECATED")["packageVersionSummaries"]
    assert [one["versionName"] for one in listed] == ["1.0"]
    with pytest.raises(iot.exceptions.ValidationException, match="default version"):
        iot.delete_package_version(**version)
    with pytest.raises(iot.exceptions.ValidationException):
        iot.update_package(packageName="door", defaultVersionName="1.0", unsetDefaultVersion=True)
    iot.update_package(packageName="door", unsetDefaultVersion=True)
    with pytest.raises(iot.exceptions.ValidationException, match="has versions"):
        iot.delete_package(packageName="door")
    iot.delete_package_version(**version)
    iot.delete_package(packageName="door")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.get_package_version(**version)


def test_a_bill_of_materials_is_validated(gateway, iot):
    s3 = client(gateway, "s3")
    s3.create_bucket(Bucket="bills")
    s3.put_bucket_versioning(Bucket="bills", VersioningConfiguration={"Status": "Enabled"})
    package(iot, "gate", "1.0")
    version = {"packageName": "gate", "versionName": "1.0"}

    def associate(key, **of):
        return iot.associate_sbom_with_package_version(**version, sbom={"s3Location": {"bucket": "bills", "key": key, **of}})

    with pytest.raises(iot.exceptions.ValidationException, match="no object"):
        associate("gate.zip")
    first = s3.put_object(Bucket="bills", Key="gate.zip", Body=archive(spdx=SPDX, cyclone=CYCLONE_DX))["VersionId"]
    assert associate("gate.zip")["sbomValidationStatus"] == "IN_PROGRESS"
    got = iot.get_package_version(**version)
    assert (got["sbomValidationStatus"], got["sbom"]["s3Location"]["key"]) == ("SUCCEEDED", "gate.zip")
    results = iot.list_sbom_validation_results(**version)["validationResultSummaries"]
    assert {one["fileName"]: one["validationResult"] for one in results} == {"spdx.json": "SUCCEEDED", "cyclone.json": "SUCCEEDED"}
    s3.put_object(Bucket="bills", Key="gate.zip", Body=archive(spdx=SPDX, other={"a": 1}))
    associate("gate.zip", version=first)
    assert iot.get_package_version(**version)["sbomValidationStatus"] == "SUCCEEDED"
    with pytest.raises(iot.exceptions.ValidationException, match="no object"):
        associate("gate.zip", version="none")
    associate("gate.zip")
    assert iot.get_package_version(**version)["sbomValidationStatus"] == "FAILED"
    failed = iot.list_sbom_validation_results(**version, validationResult="FAILED")["validationResultSummaries"]
    assert [(one["fileName"], one["errorCode"]) for one in failed] == [("other.json", "INCOMPATIBLE_FORMAT")]
    iot.disassociate_sbom_from_package_version(**version)
    assert "sbomValidationStatus" not in iot.get_package_version(**version)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.disassociate_sbom_from_package_version(**version)


def test_the_configuration_is_kept(iot):
    assert iot.get_package_configuration()["versionUpdateByJobsConfig"] == {"enabled": False}
    with pytest.raises(iot.exceptions.ValidationException, match="roleArn"):
        iot.update_package_configuration(versionUpdateByJobsConfig={"enabled": True})
