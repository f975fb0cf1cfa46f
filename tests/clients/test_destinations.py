"""Topic rule destinations with the AWS CLI, and the HTTP action behind them at a web server."""

import http.server
import json
import queue
import threading
import urllib.request

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
