"""Fleet indexing and dynamic thing groups: boto3 (`iot`, `iot-data`), and the AWS CLI's paginator."""

import json
import time

import boto3
import pytest
from conftest import DEADLINE

CONFIG = {
    "thingIndexingMode": "REGISTRY_AND_SHADOW",
    "thingConnectivityIndexingMode": "STATUS",
    "customFields": [
        {"name": "attributes.temperature", "type": "Number"},
        {"name": "attributes.rackId", "type": "String"},
    ],
}
TEMPERATURES = [70, 71, 72, 73, 74, 75, 47, 97, 98, 99]


def client(gateway, service):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


def wait_for(ask):
    """Asks until there is an answer that counts."""
    deadline = time.monotonic() + DEADLINE
    while not (answer := ask()):
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.02)
    return answer


@pytest.fixture(scope="module")
def iot(gateway):
    iot = client(gateway, "iot")
    iot.update_indexing_configuration(
        thingIndexingConfiguration=CONFIG, thingGroupIndexingConfiguration={"thingGroupIndexingMode": "ON"}
    )
    wait_for(lambda: iot.describe_index(indexName="AWS_Things")["indexStatus"] == "ACTIVE")
    for i, temperature in enumerate(TEMPERATURES):
        attributes = {"temperature": str(temperature), "rackId": f"Rack{i // 3}"}
        iot.create_thing(thingName=f"TempSensor{i}", attributePayload={"attributes": attributes})
    wait_for(lambda: len(found(iot, "thingName:TempSensor*")) == 10)
    return iot


def found(iot, query, **more):
    """The names of the things that a query finds, over all pages."""
    names, token = [], {}
    while True:
        page = iot.search_index(queryString=query, **more, **token)
        names += [thing["thingName"] for thing in page["things"]]
        if "nextToken" not in page:
            return sorted(names)
        token = {"nextToken": page["nextToken"]}


def test_boto3_configures_and_describes_the_indexes(iot):
    configuration = iot.get_indexing_configuration()
    things = configuration["thingIndexingConfiguration"]
    assert things["customFields"] == CONFIG["customFields"]
    assert {"name": "connectivity.connected", "type": "Boolean"} in things["managedFields"]
    assert configuration["thingGroupIndexingConfiguration"]["thingGroupIndexingMode"] == "ON"
    assert iot.list_indices()["indexNames"] == ["AWS_ThingGroups", "AWS_Things"]
    assert iot.describe_index(indexName="AWS_Things")["schema"] == "REGISTRY_AND_SHADOW_AND_CONNECTIVITY_STATUS"
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_index(indexName="other")
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.update_indexing_configuration(
            thingIndexingConfiguration={"thingIndexingMode": "OFF", "thingConnectivityIndexingMode": "STATUS"}
        )


def test_boto3_searches_page_by_page(iot, gateway):
    assert found(iot, "attributes.temperature>97", maxResults=1) == ["TempSensor8", "TempSensor9"]
    assert found(iot, "thingName:TempSensor* AND attributes.temperature:[70 TO 71]") == ["TempSensor0", "TempSensor1"]
    data = client(gateway, "iot-data")
    data.update_thing_shadow(thingName="TempSensor3", payload=json.dumps({"state": {"reported": {"fan": {"rpm": 900}}}}))
    wait_for(lambda: found(iot, "shadow.reported.fan.rpm>=900") == ["TempSensor3"])
    thing = iot.search_index(queryString="shadow.reported.fan.rpm:900")["things"][0]
    assert json.loads(thing["shadow"])["reported"] == {"fan": {"rpm": 900}}
    assert thing["connectivity"] == {"connected": False}
    with pytest.raises(iot.exceptions.InvalidQueryException) as refused:
        iot.search_index(queryString="thingName:(a OR OR b)")
    assert "character 17" in str(refused.value)
    answer = iot.get_thing_connectivity_data(thingName="TempSensor3")
    assert answer["connected"] is False and answer["disconnectReason"] == "NONE"


def test_boto3_aggregates(iot):
    query = "thingName:TempSensor*"
    statistics = iot.get_statistics(queryString=query, aggregationField="attributes.temperature")["statistics"]
    assert (statistics["count"], statistics["sum"], statistics["minimum"]) == (10, 776.0, 47.0)
    percentiles = iot.get_percentiles(
        queryString=query, aggregationField="attributes.temperature", percents=[10, 25, 50, 75, 90]
    )["percentiles"]
    values = [round(pair["value"], 6) for pair in percentiles]
    # As the AWS CLI's own example prints them.
    assert values == [67.7, 71.25, 73.5, 91.5, 98.1]
    assert iot.get_cardinality(queryString=query, aggregationField="attributes.rackId")["cardinality"] == 4
    buckets = iot.get_buckets_aggregation(
        queryString=query, aggregationField="attributes.rackId",
        bucketsAggregationType={"termsAggregation": {"maxBuckets": 2}},
    )
    assert buckets["totalCount"] == 10
    assert buckets["buckets"] == [{"keyValue": "Rack0", "count": 3}, {"keyValue": "Rack1", "count": 3}]
    with pytest.raises(iot.exceptions.InvalidAggregationException):
        iot.get_statistics(queryString=query, aggregationField="attributes.color")


def test_boto3_has_dynamic_groups_follow(iot):
    made = iot.create_dynamic_thing_group(
        thingGroupName="RoomTooWarm", queryString="attributes.temperature>97", tags=[{"Key": "team", "Value": "heat"}]
    )
    assert made["queryVersion"] == "2017-09-30"
    members = lambda: sorted(iot.list_things_in_thing_group(thingGroupName="RoomTooWarm")["things"])
    wait_for(lambda: members() == ["TempSensor8", "TempSensor9"])
    iot.update_thing(thingName="TempSensor9", attributePayload={"attributes": {"temperature": "20"}, "merge": True})
    wait_for(lambda: members() == ["TempSensor8"])
    updated = iot.update_dynamic_thing_group(
        thingGroupName="RoomTooWarm", queryString="attributes.temperature<30", thingGroupProperties={}, expectedVersion=1
    )
    assert updated["version"] == 2
    wait_for(lambda: members() == ["TempSensor9"])
    wait_for(lambda: iot.describe_thing_group(thingGroupName="RoomTooWarm")["status"] == "ACTIVE")
    wait_for(lambda: found(iot, "thingGroupNames:RoomTooWarm") == ["TempSensor9"])
    groups = iot.search_index(indexName="AWS_ThingGroups", queryString="thingGroupName:room*")["thingGroups"]
    assert [group["thingGroupName"] for group in groups] == ["RoomTooWarm"]
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.add_thing_to_thing_group(thingGroupName="RoomTooWarm", thingName="TempSensor1")
    with pytest.raises(iot.exceptions.VersionConflictException):
        iot.delete_dynamic_thing_group(thingGroupName="RoomTooWarm", expectedVersion=1)
    iot.delete_dynamic_thing_group(thingGroupName="RoomTooWarm", expectedVersion=2)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing_group(thingGroupName="RoomTooWarm")


def test_the_aws_cli_walks_through_every_operation(iot, gateway):
    def aws(*words, **options):
        return gateway.aws("iot", *words, **options)

    things = aws("get-indexing-configuration")["thingIndexingConfiguration"]
    assert things["thingIndexingMode"] == "REGISTRY_AND_SHADOW"
    kept = {name: things[name] for name in CONFIG}
    aws("update-indexing-configuration", "--thing-indexing-configuration", json.dumps(kept))
    wait_for(lambda: aws("describe-index", "--index-name", "AWS_Things")["indexStatus"] == "ACTIVE")
    assert aws("list-indices", "--max-results", "1", "--no-paginate")["indexNames"] == ["AWS_ThingGroups"]
    query = ("--query-string", "thingName:TempSensor* AND attributes.temperature:[70 TO 75]")
    found = aws("search-index", *query)["things"]
    assert sorted(thing["thingName"] for thing in found) == [f"TempSensor{n}" for n in range(6)]
    field = ("--aggregation-field", "attributes.temperature")
    statistics = aws("get-statistics", *query, *field)["statistics"]
    assert (statistics["count"], statistics["sum"], statistics["average"], statistics["variance"]) == (6, 435.0, 72.5, 2.9166666666666665)
    assert aws("get-cardinality", *query, *field)["cardinality"] == 6
    percentiles = aws("get-percentiles", *query, *field, "--percents", "50", "100")["percentiles"]
    assert percentiles == [{"percent": 50.0, "value": 72.5}, {"percent": 100.0, "value": 75.0}]
    buckets = aws("get-buckets-aggregation", *query, "--aggregation-field", "attributes.rackId",
                  "--buckets-aggregation-type", "termsAggregation={maxBuckets=5}")
    assert buckets == {"totalCount": 6, "buckets": [{"keyValue": "Rack0", "count": 3}, {"keyValue": "Rack1", "count": 3}]}
    data = aws("get-thing-connectivity-data", "--thing-name", "TempSensor0")
    assert (data["thingName"], data["connected"], data["disconnectReason"]) == ("TempSensor0", False, "NONE")
    made = aws("create-dynamic-thing-group", "--thing-group-name", "cool", *query)
    assert made["indexName"] == "AWS_Things"
    wait_for(lambda: len(aws("list-things-in-thing-group", "--thing-group-name", "cool")["things"]) == 6)
    updated = aws("update-dynamic-thing-group", "--thing-group-name", "cool", "--thing-group-properties", "thingGroupDescription=d",
                  "--query-string", "attributes.temperature<71")
    assert updated["version"] == 2
    aws("delete-dynamic-thing-group", "--thing-group-name", "cool")
    aws("search-index", "--query-string", "a AND", fails="InvalidQueryException")
    aws("describe-index", "--index-name", "other", fails="ResourceNotFoundException")
