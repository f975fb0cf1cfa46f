"""CloudWatch: metrics and alarms with boto3, which speaks Smithy RPC v2 CBOR, and with the AWS CLI."""

import datetime
import json
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import ROOT, Gateway

MINUTE = datetime.timedelta(minutes=1)


def client(gateway, service, **options):
    return boto3.client(
        service, endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id=gateway.keys[0], aws_secret_access_key=gateway.keys[1], **options,
    )


def clock(gateway, **change):
    """Asks for the gateway's clock, or changes it; returns the time that it shows."""
    body = json.dumps(change).encode() if change else None
    request = urllib.request.Request(f"{gateway.api_url}/_drydock/clock", body, method="POST" if change else "GET")
    return datetime.datetime.fromisoformat(json.load(urllib.request.urlopen(request))["now"])


@pytest.fixture(scope="module")
def watch(gateway):
    # It stands where it is but for when a test moves it: no minute ends in between.
    clock(gateway, stop=True)
    return client(gateway, "cloudwatch")


def stat(metric, statistic="Sum", period=60, dimensions=()):
    named = [{"Name": name, "Value": value} for name, value in dimensions]
    return {"Metric": {"Namespace": "clients", "MetricName": metric, "Dimensions": named}, "Period": period, "Stat": statistic}


def test_boto3_puts_values_and_reads_their_statistics(gateway, watch):
    now = clock(gateway)
    at = now.replace(second=0, microsecond=0) - 5 * MINUTE
    dimensions = [{"Name": "device", "Value": "lamp"}]
    watch.put_metric_data(Namespace="clients", MetricData=[
        {"MetricName": "temperature", "Dimensions": dimensions, "Timestamp": at, "Value": 20.5, "Unit": "None"},
        {"MetricName": "temperature", "Dimensions": dimensions, "Timestamp": at, "Values": [21.5, 22.5], "Counts": [1, 2], "Unit": "None"},
        {"MetricName": "latency", "Timestamp": at, "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}},
    ])
    found = watch.get_metric_statistics(
        Namespace="clients", MetricName="temperature", Dimensions=dimensions, StartTime=at, EndTime=now, Period=60,
        Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"],
    )
    assert found["Label"] == "temperature"
    assert found["Datapoints"] == [{
        "Timestamp": at, "SampleCount": 4.0, "Average": 21.75, "Sum": 87.0, "Minimum": 20.5, "Maximum": 22.5, "Unit": "None",
    }]
    found = watch.get_metric_statistics(
        Namespace="clients", MetricName="temperature", Dimensions=dimensions, StartTime=at, EndTime=now, Period=60,
        ExtendedStatistics=["p50", "tm90"],
    )
    assert found["Datapoints"][0]["ExtendedStatistics"]["p50"] == 22.0
    # Of a statistic set there are no percentiles.
    found = watch.get_metric_statistics(
        Namespace="clients", MetricName="latency", StartTime=at, EndTime=now, Period=60, ExtendedStatistics=["p50"])
    assert "ExtendedStatistics" not in found["Datapoints"][0]


def test_boto3_packs_many_values_and_pages_through_metrics(gateway, watch):
    for start in range(0, 600, 200):
        # More than 10 KB: packed with gzip on its way.
        watch.put_metric_data(Namespace="many", MetricData=[
            {"MetricName": f"m{number:03}", "Dimensions": [{"Name": "number", "Value": str(number)}], "Value": number}
            for number in range(start, start + 200)
        ])
    pages = list(watch.get_paginator("list_metrics").paginate(Namespace="many"))
    assert [len(page["Metrics"]) for page in pages] == [500, 100]
    found = watch.list_metrics(Namespace="many", Dimensions=[{"Name": "number", "Value": "7"}], RecentlyActive="PT3H")
    assert [metric["MetricName"] for metric in found["Metrics"]] == ["m007"]


def test_boto3_evaluates_expressions_over_metrics(gateway, watch):
    now = clock(gateway)
    begin = now.replace(second=0, microsecond=0) - 10 * MINUTE
    for minute, value in enumerate([1, 2, None, 4]):
        if value is not None:
            data = {"MetricName": "count", "Timestamp": begin + minute * MINUTE, "Value": value}
            watch.put_metric_data(Namespace="clients", MetricData=[data])
    queries = [
        {"Id": "m1", "MetricStat": stat("count"), "Label": "the counts"},
        {"Id": "e1", "Expression": "FILL(m1, 0) * 10", "Label": "filled"},
        {"Id": "e2", "Expression": "IF(m1 > 1, m1)"},
    ]
    asked = {"MetricDataQueries": queries, "StartTime": begin, "EndTime": begin + 4 * MINUTE, "ScanBy": "TimestampAscending"}
    results = {one["Id"]: one for one in watch.get_metric_data(**asked)["MetricDataResults"]}
    assert results["m1"]["Values"] == [1.0, 2.0, 4.0] and results["m1"]["Label"] == "the counts"
    assert results["m1"]["Timestamps"] == [begin, begin + MINUTE, begin + 3 * MINUTE]
    assert results["e1"]["Values"] == [10.0, 20.0, 0.0, 40.0]
    assert results["e2"]["Values"] == [2.0, 4.0]
    paged = watch.get_paginator("get_metric_data").paginate(**asked, MaxDatapoints=3)
    values = [value for page in paged for one in page["MetricDataResults"] if one["Id"] == "e1" for value in one["Values"]]
    assert values == [10.0, 20.0, 0.0, 40.0]
    with pytest.raises(ClientError, match="SEARCH is not implemented by this gateway"):
        watch.get_metric_data(**{**asked, "MetricDataQueries": [{"Id": "e1", "Expression": "SEARCH('{n,d}', 'Sum')"}]})


def test_an_alarm_rings_through_sns_in_a_queue_when_the_clock_is_moved(gateway, watch):
    sns, sqs = client(gateway, "sns"), client(gateway, "sqs")
    topic = sns.create_topic(Name="watch")["TopicArn"]
    queue = sqs.create_queue(QueueName="watch")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    watch.put_metric_alarm(
        AlarmName="hot", Namespace="clients", MetricName="heat", ExtendedStatistic="p90", Period=60, EvaluationPeriods=3,
        DatapointsToAlarm=2, Threshold=30, ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="ignore",
        AlarmActions=[topic], OKActions=[topic], Tags=[{"Key": "team", "Value": "light"}],
    )
    states = []
    for value in (31, 20, 40):
        watch.put_metric_data(Namespace="clients", MetricData=[{"MetricName": "heat", "Values": [value, value], "Counts": [5, 5]}])
        clock(gateway, advance="1m")
        states.append(watch.describe_alarms(AlarmNames=["hot"])["MetricAlarms"][0]["StateValue"])
    assert states == ["INSUFFICIENT_DATA", "OK", "ALARM"]
    told = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=3600).get("Messages"):
        told += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
    told.sort(key=lambda message: message["StateChangeTime"])
    assert [(message["OldStateValue"], message["NewStateValue"]) for message in told] == [
        ("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"),
    ]
    assert told[1]["Trigger"]["ExtendedStatistic"] == "p90" and told[1]["Trigger"]["DatapointsToAlarm"] == 2
    assert "2 out of the last 3 datapoints" in told[1]["NewStateReason"]
    alarm = watch.describe_alarms_for_metric(Namespace="clients", MetricName="heat")["MetricAlarms"][0]
    assert alarm["AlarmName"] == "hot" and alarm["StateReason"] == told[1]["NewStateReason"]
    assert watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "light"}]
    history = watch.get_paginator("describe_alarm_history").paginate(AlarmName="hot", PaginationConfig={"PageSize": 2})
    kinds = [item["HistoryItemType"] for page in history for item in page["AlarmHistoryItems"]]
    assert kinds == ["Action", "StateUpdate", "Action", "StateUpdate", "ConfigurationUpdate"]


def test_the_aws_cli_sets_the_state_of_an_alarm_and_deletes_it(gateway):
    def aws(*arguments, **options):
        return gateway.aws("cloudwatch", *arguments, **options)

    aws("put-metric-alarm", "--alarm-name", "cli", "--namespace", "clients", "--metric-name", "cli", "--statistic", "Sum",
        "--period", "60", "--evaluation-periods", "1", "--threshold", "1", "--comparison-operator", "LessThanThreshold")
    aws("set-alarm-state", "--alarm-name", "cli", "--state-value", "ALARM", "--state-reason", "by hand")
    alarm = aws("describe-alarms", "--state-value", "ALARM", "--alarm-name-prefix", "cl")["MetricAlarms"][0]
    assert (alarm["StateReason"], alarm["ActionsEnabled"]) == ("by hand", True)
    aws("disable-alarm-actions", "--alarm-names", "cli")
    assert aws("describe-alarms", "--alarm-names", "cli")["MetricAlarms"][0]["ActionsEnabled"] is False
    aws("tag-resource", "--resource-arn", alarm["AlarmArn"], "--tags", "Key=a,Value=b")
    aws("untag-resource", "--resource-arn", alarm["AlarmArn"], "--tag-keys", "a")
    assert aws("list-tags-for-resource", "--resource-arn", alarm["AlarmArn"])["Tags"] == []
    aws("delete-alarms", "--alarm-names", "cli")
    aws("set-alarm-state", "--alarm-name", "cli", "--state-value", "OK", "--state-reason", "r", fails="ResourceNotFound")
    aws("put-metric-data", "--namespace", "clients", "--metric-name", "cli", "--value", "3", "--unit", "Count")
    found = aws("list-metrics", "--namespace", "clients", "--metric-name", "cli")["Metrics"]
    assert found == [{"Namespace": "clients", "MetricName": "cli", "Dimensions": []}]
    aws("put-metric-data", "--namespace", "clients", "--metric-name", "cli", "--value", "3", "--unit", "Lumps", fails="Unit")


def breaching(alarm):
    """The metric that an alarm of the template watches, and values that make it ring, the newest first."""
    if "MetricName" in alarm:
        metric = {"Namespace": alarm["Namespace"], "MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"]}
        value = alarm["Threshold"] + (-1 if alarm["ComparisonOperator"].startswith("Less") else 1)
        return metric, alarm["Period"], [value] * (alarm["EvaluationPeriods"] + 2)
    expression = next(query["Expression"] for query in alarm["Metrics"] if "Expression" in query)
    if expression.startswith("DIFF("):
        stat = next(query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query)
        return stat["Metric"], stat["Period"], [3, 2, 1]
    assert expression.startswith("SELECT SUM(ErrorActionFailure)"), f"what makes {alarm['AlarmName']} ring?"
    dimensions = [{"Name": "ActionType", "Value": "Sqs"}, {"Name": "RuleName", "Value": "a_rule"}]
    return {"Namespace": "AWS/IoT", "MetricName": "ErrorActionFailure", "Dimensions": dimensions}, 60, [1]


def test_each_alarm_of_the_template_is_there_and_rings(gateway, watch):
    def alarms():
        pages = watch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 5})
        all_of_them = [alarm for page in pages for alarm in page["MetricAlarms"]]
        return [alarm for alarm in all_of_them if any("Alerts" in action for action in alarm["AlarmActions"])]

    text = (ROOT / "template.yaml").read_text()
    # Those under a condition are there where the parameter is that switches it on.
    declared = text.count("Type: AWS::CloudWatch::Alarm\n") - text.count("Type: AWS::CloudWatch::Alarm\n    Condition: ")
    there = alarms()
    assert len(there) == declared > 10
    now = clock(gateway).replace(second=0, microsecond=0)
    for alarm in there:
        metric, period, values = breaching(alarm)
        watch.put_metric_data(Namespace=metric["Namespace"], MetricData=[
            {
                "MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"], "Value": value,
                "Timestamp": now - place * datetime.timedelta(seconds=period),
            }
            for place, value in enumerate(values)
        ])
    clock(gateway, advance="1m")
    quiet = [alarm["AlarmName"] for alarm in alarms() if alarm["StateValue"] != "ALARM"]
    assert quiet == []
    for alarm in there:
        items = watch.describe_alarm_history(AlarmName=alarm["AlarmName"], HistoryItemType="Action")["AlarmHistoryItems"]
        assert items[0]["HistorySummary"] == f"Successfully executed action {alarm['AlarmActions'][0]}"


def test_the_rule_actions_on_metrics_and_alarms_end_here(gateway, watch):
    iot, data = client(gateway, "iot"), client(gateway, "iot-data")
    role = "arn:aws:iam::123456789012:role/rules"
    watch.put_metric_alarm(
        AlarmName="by-rule", Namespace="clients", MetricName="none", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )
    iot.create_topic_rule(ruleName="watched", topicRulePayload={"sql": "SELECT * FROM 'watched'", "actions": [
        {"cloudwatchMetric": {"metricNamespace": "rules", "metricName": "t", "metricValue": "${t}", "metricUnit": "Count", "roleArn": role}},
        {"cloudwatchAlarm": {"alarmName": "by-rule", "stateReason": "${why}", "stateValue": "ALARM", "roleArn": role}},
    ]})
    data.publish(topic="watched", qos=1, payload=json.dumps({"t": 7, "why": "too hot"}))
    clock(gateway, advance="1m")
    alarm = watch.describe_alarms(AlarmNames=["by-rule"])["MetricAlarms"][0]
    assert (alarm["StateValue"], alarm["StateReason"]) == ("ALARM", "too hot")
    now = clock(gateway)
    asked = {"StartTime": now - 5 * MINUTE, "EndTime": now + MINUTE, "Period": 60, "Statistics": ["Sum"]}
    found = watch.get_metric_statistics(Namespace="rules", MetricName="t", **asked)["Datapoints"]
    assert [point["Sum"] for point in found] == [7.0]
    # And what the rule itself did is a metric of AWS IoT.
    for metric, dimensions in (("TopicMatch", {"RuleName": "watched"}), ("Success", {"RuleName": "watched", "ActionType": "CloudwatchAlarm"})):
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        found = watch.get_metric_statistics(Namespace="AWS/IoT", MetricName=metric, Dimensions=named, **asked)["Datapoints"]
        assert [point["Sum"] for point in found] == [1.0], metric


ALARMS = """
Resources:
  Worker:
    Type: AWS::SQS::Queue
  Loud:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: loud
      Namespace: AWS/SQS
      MetricName: NumberOfMessagesSent
      Dimensions: [{Name: QueueName, Value: !GetAtt Worker.QueueName}]
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 0.5
      ComparisonOperator: GreaterThanThreshold
      Tags: [{Key: a, Value: b}]
  Seen:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardBody: '{"widgets": []}'
Outputs:
  Queue:
    Value: !Ref Worker
"""


def test_an_alarm_of_a_template_rings_and_is_there_after_a_restart_and_a_reset(tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text(ALARMS)
    data = tmp_path / "data"

    def state(gateway):
        alarms = client(gateway, "cloudwatch").describe_alarms()["MetricAlarms"]
        return [(alarm["AlarmName"], alarm["StateValue"]) for alarm in alarms]

    first = Gateway(tmp_path, template=template, data=data)
    try:
        sqs = client(first, "sqs")
        sqs.send_message(QueueUrl=sqs.list_queues()["QueueUrls"][0], MessageBody="m")
        clock(first, advance="1m")
        assert state(first) == [("loud", "ALARM")]
    finally:
        first.stop()
    (tmp_path / "ready.json").unlink(missing_ok=True)
    second = Gateway(tmp_path, template=template, data=data)
    try:
        assert state(second) == [("loud", "ALARM")]
        urllib.request.urlopen(urllib.request.Request(f"{second.api_url}/_drydock/reset", method="POST"))
        assert state(second) == [("loud", "INSUFFICIENT_DATA")]
        assert client(second, "cloudwatch").list_metrics(Namespace="AWS/SQS")["Metrics"] == []
    finally:
        second.stop()


def test_the_aws_cli_reads_values_and_what_became_of_an_alarm(gateway, watch):
    def aws(*arguments, **options):
        return gateway.aws("cloudwatch", *arguments, **options)

    named = ("--namespace", "clients", "--metric-name", "read")
    now = clock(gateway)
    for value in ("2", "4"):
        aws("put-metric-data", *named, "--value", value, "--unit", "Count", "--dimensions", "floor=1")
    around = ("--start-time", (now - 5 * MINUTE).isoformat(), "--end-time", (now + 5 * MINUTE).isoformat())
    statistics = aws("get-metric-statistics", *named, *around, "--period", "60", "--statistics", "Sum", "Average",
                     "--dimensions", "Name=floor,Value=1")
    point = statistics["Datapoints"][0]
    assert (statistics["Label"], point["Sum"], point["Average"], point["Unit"]) == ("read", 6.0, 3.0, "Count")
    queries = [{"Id": "m", "MetricStat": stat("read", dimensions=[("floor", "1")])}, {"Id": "twice", "Expression": "m*2"}]
    found = aws("get-metric-data", *around, "--metric-data-queries", json.dumps(queries))["MetricDataResults"]
    assert [(result["Id"], result["Values"]) for result in found] == [("m", [6.0]), ("twice", [12.0])]
    aws("put-metric-alarm", "--alarm-name", "cli-read", *named, "--dimensions", "Name=floor,Value=1", "--statistic", "Sum", "--period", "60",
        "--evaluation-periods", "1", "--threshold", "5", "--comparison-operator", "GreaterThanThreshold", "--no-actions-enabled")
    aws("enable-alarm-actions", "--alarm-names", "cli-read")
    clock(gateway, advance="1m")
    alarm = aws("describe-alarms-for-metric", *named, "--dimensions", "Name=floor,Value=1")["MetricAlarms"][0]
    assert (alarm["AlarmName"], alarm["StateValue"], alarm["ActionsEnabled"]) == ("cli-read", "ALARM", True)
    history = aws("describe-alarm-history", "--alarm-name", "cli-read", "--history-item-type", "StateUpdate")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history] == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]
    aws("delete-alarms", "--alarm-names", "cli-read")
    aws("describe-alarms", "--state-value", "BROKEN", fails="StateValue")
