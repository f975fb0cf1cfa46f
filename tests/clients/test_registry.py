"""The registry with the AWS CLI: types, things, groups, billing groups, tags, events, and an account to files and back."""

import json
import subprocess

import conftest
import pytest


def names(items, key):
    return [item[key] for item in items]


def test_thing_types(gateway):
    properties = {
        "thingTypeDescription": "a dock", "searchableAttributes": ["room"],
        "mqtt5Configuration": {"propagatingAttributes": [{"userPropertyKey": "room", "thingAttribute": "room"}]},
    }
    made = gateway.aws("iot", "create-thing-type", "--thing-type-name", "dock", "--thing-type-properties", json.dumps(properties),
                       "--tags", "Key=team,Value=north")
    seen = gateway.aws("iot", "describe-thing-type", "--thing-type-name", "dock")
    assert (seen["thingTypeProperties"], seen["thingTypeMetadata"]["deprecated"]) == (properties, False)
    properties["mqtt5Configuration"]["propagatingAttributes"].append({"userPropertyKey": "who", "connectionAttribute": "iot:ClientId"})
    update = {"mqtt5Configuration": properties["mqtt5Configuration"]}
    gateway.aws("iot", "update-thing-type", "--thing-type-name", "dock", "--thing-type-properties", json.dumps(update))
    assert gateway.aws("iot", "describe-thing-type", "--thing-type-name", "dock")["thingTypeProperties"] == properties
    gateway.aws("iot", "update-thing-type", "--thing-type-name", "dock", "--thing-type-properties",
                '{"thingTypeDescription": "another"}', fails="InvalidRequestException")
    gateway.aws("iot", "create-thing-type", "--thing-type-name", "dock", fails="ResourceAlreadyExistsException")
    assert gateway.aws("iot", "list-tags-for-resource", "--resource-arn", made["thingTypeArn"])["tags"] == [{"Key": "team", "Value": "north"}]

    gateway.aws("iot", "create-thing", "--thing-name", "dock-1", "--thing-type-name", "dock")
    gateway.aws("iot", "deprecate-thing-type", "--thing-type-name", "dock")
    gateway.aws("iot", "create-thing", "--thing-name", "dock-2", "--thing-type-name", "dock", fails="InvalidRequestException")
    gateway.aws("iot", "delete-thing-type", "--thing-type-name", "dock", fails="Please wait for 5 minutes after deprecation")
    gateway.aws("iot", "deprecate-thing-type", "--thing-type-name", "dock", "--undo-deprecate")
    gateway.aws("iot", "create-thing", "--thing-name", "dock-2", "--thing-type-name", "dock")
    assert "dock" in names(gateway.aws("iot", "list-thing-types")["thingTypes"], "thingTypeName")


def test_things_and_their_versions(gateway):
    gateway.aws("iot", "create-thing", "--thing-name", "v", "--attribute-payload", '{"attributes": {"serial": "SN-1", "bay": "7"}}')
    gateway.aws("iot", "create-thing", "--thing-name", "v", "--attribute-payload", '{"attributes": {"serial": "SN-1", "bay": "7"}}')
    gateway.aws("iot", "create-thing", "--thing-name", "v", fails="ResourceAlreadyExistsException")
    gateway.aws("iot", "update-thing", "--thing-name", "v", "--expected-version", "1", "--attribute-payload",
                '{"attributes": {"bay": ""}, "merge": true}')
    gateway.aws("iot", "update-thing", "--thing-name", "v", "--expected-version", "1", fails="VersionConflictException")
    seen = gateway.aws("iot", "describe-thing", "--thing-name", "v")
    assert (seen["version"], seen["attributes"], seen["defaultClientId"]) == (2, {"serial": "SN-1"}, "v")
    exact = gateway.aws("iot", "list-things", "--attribute-name", "serial", "--attribute-value", "SN-1")["things"]
    prefix = gateway.aws("iot", "list-things", "--attribute-name", "serial", "--attribute-value", "SN", "--use-prefix-attribute-value")["things"]
    assert names(exact, "thingName") == names(prefix, "thingName") == ["v"]
    gateway.aws("iot", "delete-thing", "--thing-name", "v", "--expected-version", "1", fails="VersionConflictException")
    gateway.aws("iot", "delete-thing", "--thing-name", "v", "--expected-version", "2")


def test_exclusive_principals(gateway):
    arn = gateway.aws("iot", "create-keys-and-certificate", "--set-as-active")["certificateArn"]
    for thing in ("one", "two"):
        gateway.aws("iot", "create-thing", "--thing-name", thing)
    gateway.aws("iot", "attach-thing-principal", "--thing-name", "one", "--principal", arn, "--thing-principal-type", "EXCLUSIVE_THING")
    gateway.aws("iot", "attach-thing-principal", "--thing-name", "two", "--principal", arn, fails="InvalidRequestException")
    things = gateway.aws("iot", "list-principal-things-v2", "--principal", arn)["principalThingObjects"]
    assert things == [{"thingName": "one", "thingPrincipalType": "EXCLUSIVE_THING"}]
    principals = gateway.aws("iot", "list-thing-principals-v2", "--thing-name", "one")["thingPrincipalObjects"]
    assert principals == [{"principal": arn, "thingPrincipalType": "EXCLUSIVE_THING"}]


def test_groups(gateway):
    for name, parent in (("harbour", None), ("pier", "harbour"), ("berth", "pier")):
        gateway.aws("iot", "create-thing-group", "--thing-group-name", name, *(("--parent-group-name", parent) if parent else ()))
    gateway.aws("iot", "create-thing", "--thing-name", "boat")
    gateway.aws("iot", "add-thing-to-thing-group", "--thing-group-name", "berth", "--thing-name", "boat")
    gateway.aws("iot", "add-thing-to-thing-group", "--thing-group-name", "pier", "--thing-name", "boat", fails="same hierarchy")
    assert gateway.aws("iot", "list-things-in-thing-group", "--thing-group-name", "harbour", "--recursive")["things"] == ["boat"]
    assert gateway.aws("iot", "list-things-in-thing-group", "--thing-group-name", "harbour")["things"] == []
    assert names(gateway.aws("iot", "list-thing-groups-for-thing", "--thing-name", "boat")["thingGroups"], "groupName") == ["berth"]
    above = gateway.aws("iot", "describe-thing-group", "--thing-group-name", "berth")["thingGroupMetadata"]["rootToParentThingGroups"]
    assert names(above, "groupName") == ["harbour", "pier"]
    gateway.aws("iot", "update-thing-groups-for-thing", "--thing-name", "boat", "--thing-groups-to-remove", "berth",
                "--thing-groups-to-add", "pier")
    gateway.aws("iot", "delete-thing-group", "--thing-group-name", "harbour", fails="child groups attached")
    for name in ("berth", "pier", "harbour"):
        gateway.aws("iot", "delete-thing-group", "--thing-group-name", name)
    gateway.aws("iot", "create-dynamic-thing-group", "--thing-group-name", "hot", "--query-string", "attributes.t>50",
                fails="fleet indexing is off")


def test_billing_groups(gateway):
    made = gateway.aws("iot", "create-billing-group", "--billing-group-name", "north", "--billing-group-properties",
                       "billingGroupDescription=all in the north", "--tags", "Key=cost,Value=1")
    gateway.aws("iot", "create-thing", "--thing-name", "billed", "--billing-group-name", "north")
    assert gateway.aws("iot", "describe-thing", "--thing-name", "billed")["billingGroupName"] == "north"
    assert gateway.aws("iot", "list-things-in-billing-group", "--billing-group-name", "north")["things"] == ["billed"]
    assert gateway.aws("iot", "list-tags-for-resource", "--resource-arn", made["billingGroupArn"])["tags"] == [{"Key": "cost", "Value": "1"}]
    changed = gateway.aws("iot", "update-billing-group", "--billing-group-name", "north", "--billing-group-properties",
                          "billingGroupDescription=new", "--expected-version", "1")
    assert changed["version"] == 2
    gateway.aws("iot", "remove-thing-from-billing-group", "--billing-group-name", "north", "--thing-name", "billed")
    gateway.aws("iot", "add-thing-to-billing-group", "--billing-group-name", "north", "--thing-name", "billed")
    assert "north" in names(gateway.aws("iot", "list-billing-groups")["billingGroups"], "groupName")
    gateway.aws("iot", "delete-billing-group", "--billing-group-name", "north", "--expected-version", "1", fails="VersionConflictException")
    gateway.aws("iot", "delete-billing-group", "--billing-group-name", "north")
    gateway.aws("iot", "describe-billing-group", "--billing-group-name", "north", fails="ResourceNotFoundException")


@pytest.mark.parametrize("kind", ["policy", "rule", "thinggroup"])
def test_tags(gateway, kind):
    create = {
        "policy": ("create-policy", "--policy-name", "tagged", "--policy-document", '{"Version": "2012-10-17", "Statement": []}',
                   "--tags", "Key=team,Value=north"),
        "rule": ("create-topic-rule", "--rule-name", "tagged", "--topic-rule-payload", '{"sql": "SELECT * FROM \'a\'", "actions": []}',
                 "--tags", "team=north"),
        "thinggroup": ("create-thing-group", "--thing-group-name", "tagged", "--tags", "Key=team,Value=north"),
    }[kind]
    gateway.aws("iot", *create)
    arn = f"arn:aws:iot:{gateway.ready['region']}:{gateway.ready['account']}:{kind}/tagged"
    gateway.aws("iot", "tag-resource", "--resource-arn", arn, "--tags", "Key=stage,Value=test")
    gateway.aws("iot", "untag-resource", "--resource-arn", arn, "--tag-keys", "team")
    assert gateway.aws("iot", "list-tags-for-resource", "--resource-arn", arn)["tags"] == [{"Key": "stage", "Value": "test"}]
    gateway.aws("iot", "tag-resource", "--resource-arn", arn, "--tags", "Key=aws:x,Value=1", fails="InvalidRequestException")
    gateway.aws("iot", "tag-resource", "--resource-arn", arn + "-not", "--tags", "Key=x,Value=1", fails="ResourceNotFoundException")


def test_event_configurations(gateway):
    everything = gateway.aws("iot", "describe-event-configurations")["eventConfigurations"]
    assert len(everything) == 11 and not any(of["Enabled"] for of in everything.values())
    gateway.aws("iot", "update-event-configurations", "--event-configurations", '{"THING": {"Enabled": true}}')
    assert gateway.aws("iot", "describe-event-configurations")["eventConfigurations"]["THING"] == {"Enabled": True}


def test_export_and_import(gateway, tmp_path):
    def drydock(*arguments):
        subprocess.run([conftest.DRYDOCK, *map(str, arguments), "--api-url", gateway.api_url], check=True, capture_output=True)

    gateway.aws("iot", "create-thing", "--thing-name", "kept")
    drydock("export", tmp_path / "one")
    gateway.aws("iot", "delete-thing", "--thing-name", "kept")
    drydock("import", tmp_path / "one", "--replace")
    gateway.aws("iot", "describe-thing", "--thing-name", "kept")
    drydock("export", tmp_path / "two")
    first, second = ({path.name: path.read_text() for path in (tmp_path / folder).iterdir()} for folder in ("one", "two"))
    assert first == second
