"""Fleet metrics: the tutorial and "Managing fleet metrics" of the developer guide with the AWS CLI, and boto3 with its paginator; their
values in CloudWatch as the gateway's clock goes."""

import datetime
import json
import urllib.request

import boto3
import pytest

from test_indexing import CONFIG, TEMPERATURES, wait_for


def client(gateway, service):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1],
    )


def clock(gateway, **change):
    request = urllib.request.Request(f"{gateway.api_url}/_drydock/clock", json.dumps(change).encode(), method="POST")
    return datetime.datetime.fromisoformat(json.load(urllib.request.urlopen(request))["now"])


@pytest.fixture(scope="module")
def iot(gateway):
    iot = client(gateway, "iot")
    clock(gateway, stop=True)
    iot.update_indexing_configuration(thingIndexingConfiguration=CONFIG)
    wait_for(lambda: iot.describe_index(indexName="AWS_Things")["indexStatus"] == "ACTIVE")
    for i, temperature in enumerate(TEMPERATURES):
        attributes = {"temperature": str(temperature), "rackId": f"Rack{i // 3}"}
        iot.create_thing(thingName=f"TempSensor{i}", attributePayload={"attributes": attributes})
    wait_for(lambda: iot.get_cardinality(queryString="thingName:TempSensor*", aggregationField="thingName")["cardinality"] == 10)
    return iot


def points(gateway, metric, kind, now):
    watch = client(gateway, "cloudwatch")
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/IoTFleetMetrics", "MetricName": metric,
                "Dimensions": [{"Name": "AggregationType", "Value": kind}],
            },
            "Period": 60, "Stat": "Sum",
        },
    }
    hour = datetime.timedelta(hours=1)
    found = watch.get_metric_data(MetricDataQueries=[query], StartTime=now - hour, EndTime=now + hour, ScanBy="TimestampAscending")
    return found["MetricDataResults"][0]["Values"]


def test_the_aws_cli_walks_through_the_tutorial(gateway, iot):
    def aws(*words, **options):
        return gateway.aws("iot", *words, **options)

    made = aws(
        "create-fleet-metric", "--metric-name", "high_temp_FM", "--query-string", "thingName:TempSensor* AND attributes.temperature >80",
        "--period", "60", "--aggregation-field", "attributes.temperature", "--aggregation-type", "name=Statistics,values=count",
    )
    assert made == {"metricName": "high_temp_FM", "metricArn": f"arn:aws:iot:{gateway.region}:123456789012:fleetmetric/high_temp_FM"}
    now = clock(gateway, advance="2m")
    assert points(gateway, "high_temp_FM", "count", now) == [3.0, 3.0]

    name = "YourFleetMetricName"
    aws("create-fleet-metric", "--metric-name", name, "--query-string", "*", "--period", "60", "--aggregation-field",
        "registry.version", "--aggregation-type", "name=Statistics,values=sum")
    described = aws("describe-fleet-metric", "--metric-name", name)
    times = (described.pop("creationDate"), described.pop("lastModifiedDate"))
    assert times[0] == times[1]
    assert described == {
        "queryVersion": "2017-09-30", "queryString": "*", "period": 60, "aggregationField": "registry.version", "version": 1,
        "metricArn": f"arn:aws:iot:{gateway.region}:123456789012:fleetmetric/{name}",
        "aggregationType": {"values": ["sum"], "name": "Statistics"}, "indexName": "AWS_Things", "metricName": name,
    }
    aws("update-fleet-metric", "--metric-name", name, "--query-string", "*", "--period", "120", "--aggregation-field",
        "registry.version", "--aggregation-type", "name=Statistics,values=sum,count", "--index-name", "AWS_Things")
    described = aws("describe-fleet-metric", "--metric-name", name)
    assert (described["period"], described["version"], described["aggregationType"]["values"]) == (120, 2, ["sum", "count"])
    assert [entry["metricName"] for entry in aws("list-fleet-metrics")["fleetMetrics"]] == [name, "high_temp_FM"]
    aws("delete-fleet-metric", "--metric-name", name, "--expected-version", "1", fails="VersionConflictException")
    aws("delete-fleet-metric", "--metric-name", name)
    aws("delete-fleet-metric", "--metric-name", name)
    aws("describe-fleet-metric", "--metric-name", name, fails="ResourceNotFoundException")
    aws("delete-fleet-metric", "--metric-name", "high_temp_FM")


def test_boto3_pages_through_them_and_tags_them(gateway, iot):
    for n in range(7):
        iot.create_fleet_metric(
            metricName=f"paged{n}", queryString="thingName:TempSensor*", aggregationField="attributes.temperature", period=300,
            aggregationType={"name": "Percentiles", "values": ["50", "90"]}, unit="Count", tags=[{"Key": "team", "Value": "heat"}],
        )
    pages = iot.get_paginator("list_fleet_metrics").paginate(PaginationConfig={"PageSize": 3})
    pages = [[entry["metricName"] for entry in page["fleetMetrics"]] for page in pages]
    assert [len(page) for page in pages] == [3, 3, 1] and sum(pages, []) == [f"paged{n}" for n in range(7)]
    arn = iot.describe_fleet_metric(metricName="paged0")["metricArn"]
    iot.tag_resource(resourceArn=arn, tags=[{"Key": "floor", "Value": "2"}])
    assert len(iot.list_tags_for_resource(resourceArn=arn)["tags"]) == 2
    now = clock(gateway, advance="5m")
    assert [round(value, 6) for value in points(gateway, "paged3", "50", now)] == [73.5]
    assert [round(value, 6) for value in points(gateway, "paged3", "90", now)] == [98.1]
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_fleet_metric(
            metricName="paged0", queryString="*", aggregationField="registry.version", period=60,
            aggregationType={"name": "Cardinality"},
        )
    with pytest.raises(iot.exceptions.InvalidAggregationException):
        iot.create_fleet_metric(
            metricName="color", queryString="*", aggregationField="attributes.color", period=60,
            aggregationType={"name": "Statistics", "values": ["sum"]},
        )
    with pytest.raises(iot.exceptions.InvalidRequestException, match="paged"):
        iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
    for n in range(7):
        iot.delete_fleet_metric(metricName=f"paged{n}", expectedVersion=1)
    assert iot.list_fleet_metrics()["fleetMetrics"] == []
