"""Topic rule destinations with the AWS CLI, and the actions behind them at real receivers: a web server, a Kafka broker."""

import http.server
import json
import queue
import threading
import urllib.request

import confluent_kafka
import conftest
import pytest

ROLE = "arn:aws:iam::123456789012:role/rules"


@pytest.fixture
def receiver():
    """A web server on loopback; what it is posted goes to a queue."""
    arrived = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.put((self.path, dict(self.headers), body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", lambda: arrived.get(timeout=conftest.DEADLINE)
    server.shutdown()


def rule(gateway, name, sql, action):
    payload = {"sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [action]}
    gateway.aws("iot", "create-topic-rule", "--rule-name", name, "--topic-rule-payload", json.dumps(payload))


def publish(gateway, topic, payload):
    gateway.aws("iot-data", "publish", "--topic", topic, "--qos", "1", "--payload", json.dumps(payload))


def test_a_destination_from_creation_to_deletion(gateway, receiver):
    url, arrived = receiver
    configuration = json.dumps({"httpUrlConfiguration": {"confirmationUrl": url}})
    made = gateway.aws("iot", "create-topic-rule-destination", "--destination-configuration", configuration)["topicRuleDestination"]
    arn = made["arn"]
    assert (made["status"], made["httpUrlProperties"]) == ("IN_PROGRESS", {"confirmationUrl": url})
    gateway.aws("iot", "create-topic-rule-destination", "--destination-configuration", configuration,
                fails="ResourceAlreadyExistsException")
    gateway.aws("iot", "update-topic-rule-destination", "--arn", arn, "--status", "ENABLED", fails="confirmed first")
    _, headers, body = arrived()
    asked = json.loads(body)
    assert headers["x-amz-rules-engine-message-type"] == asked["messageType"] == "DestinationConfirmation"
    gateway.aws("iot", "confirm-topic-rule-destination", "--confirmation-token", asked["confirmationToken"])
    assert gateway.aws("iot", "get-topic-rule-destination", "--arn", arn)["topicRuleDestination"]["status"] == "ENABLED"

    rule(gateway, "hook", "SELECT * FROM 'hook/+'", {"http": {"url": url + "/${topic(2)}", "confirmationUrl": url}})
    publish(gateway, "hook/a", {"n": 1})
    path, headers, body = arrived()
    assert (path, json.loads(body), headers["content-type"]) == ("/a", {"n": 1}, "application/json")

    for status in ("DISABLED", "ENABLED"):
        gateway.aws("iot", "update-topic-rule-destination", "--arn", arn, "--status", status)
        assert gateway.aws("iot", "get-topic-rule-destination", "--arn", arn)["topicRuleDestination"]["status"] == status
    gateway.aws("iot", "update-topic-rule-destination", "--arn", arn, "--status", "IN_PROGRESS")
    enable = json.loads(arrived()[2])["enableUrl"]
    assert urllib.request.urlopen(enable, timeout=conftest.DEADLINE).status == 200
    listed = gateway.aws("iot", "list-topic-rule-destinations")["destinationSummaries"]
    assert [(one["arn"], one["status"]) for one in listed] == [(arn, "ENABLED")]
    gateway.aws("iot", "delete-topic-rule-destination", "--arn", arn)
    gateway.aws("iot", "get-topic-rule-destination", "--arn", arn, fails="UnauthorizedException")


def test_records_arrive_at_a_kafka_broker(gateway):
    # librdkafka's mock cluster speaks Kafka's protocol on real sockets; it lives as long as this producer.
    cluster = confluent_kafka.Producer({"test.mock.num.brokers": 2})
    brokers = cluster.list_topics(timeout=conftest.DEADLINE).brokers.values()
    servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    configuration = {"vpcConfiguration": {"vpcId": "vpc-1", "subnetIds": ["subnet-1"], "roleArn": ROLE}}
    made = gateway.aws("iot", "create-topic-rule-destination", "--destination-configuration", json.dumps(configuration))
    rule(gateway, "kafka", "SELECT * FROM 'kafka/+'", {"kafka": {
        "destinationArn": made["topicRuleDestination"]["arn"], "topic": "docks", "key": "${topic(2)}",
        "headers": [{"key": "thing", "value": "${topic(2)}"}],
        "clientProperties": {"bootstrap.servers": servers, "security.protocol": "PLAINTEXT", "acks": "1"},
    }})
    consumer = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe(["docks"])
    for count in range(3):
        publish(gateway, "kafka/dock-1", {"count": count})
    seen = []
    while len(seen) < 3:
        message = consumer.poll(conftest.DEADLINE)
        assert message is not None, gateway.log.read_text()
        if message.error() is None:
            seen.append(message)
    assert {json.loads(message.value())["count"] for message in seen} == {0, 1, 2}
    assert {(message.key(), tuple(message.headers())) for message in seen} == {(b"dock-1", (("thing", b"dock-1"),))}
    # One key goes to one partition, the same that Kafka's own producers choose.
    mine = {message.partition() for message in seen}
    theirs = queue.Queue()
    other = confluent_kafka.Producer({"bootstrap.servers": servers, "partitioner": "murmur2"})
    other.produce("docks", b"x", b"dock-1", on_delivery=lambda _, message: theirs.put(message.partition()))
    other.flush(conftest.DEADLINE)
    assert mine == {theirs.get(timeout=conftest.DEADLINE)}
    consumer.close()
