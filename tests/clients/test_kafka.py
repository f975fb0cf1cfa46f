"""Kafka actions at librdkafka's mock cluster, which speaks Kafka's protocol on real sockets: plain, and behind TLS and SASL."""

import functools
import json
import queue

import confluent_kafka
import conftest
import pytest
from kafka_front import Front, Plain, Scram512

ROLE = "arn:aws:iam::123456789012:role/rules"
USER, PASSWORD = "docks", "a password of the docks"


class Cluster:
    """A cluster of two brokers, and what one may do with it."""

    def __init__(self):
        # It lives as long as this producer.
        self.producer = confluent_kafka.Producer({"test.mock.num.brokers": 2})
        brokers = self.producer.list_topics(timeout=conftest.DEADLINE).brokers.values()
        self.ports = [broker.port for broker in brokers]
        self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def records(self, topic, count):
        """The first records of a topic."""
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self.servers, "group.id": topic, "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        seen = []
        while len(seen) < count:
            message = consumer.poll(conftest.DEADLINE)
            assert message is not None, f"{len(seen)} of {count} records of {topic} arrived"
            if message.error() is None:
                seen.append(message)
        consumer.close()
        return seen


@pytest.fixture(scope="module")
def cluster():
    return Cluster()


@pytest.fixture(scope="module")
def destination(gateway):
    configuration = {"vpcConfiguration": {"vpcId": "vpc-1", "subnetIds": ["subnet-1"], "roleArn": ROLE}}
    made = gateway.aws("iot", "create-topic-rule-destination", "--destination-configuration", json.dumps(configuration))
    return made["topicRuleDestination"]["arn"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The PEM files of a CA, of a server that it signed for loopback, and of a client."""
    folder = tmp_path_factory.mktemp("kafka")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl = functools.partial(conftest.openssl, cwd=folder)
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=CA of the docks", "-days", 2)
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", "-addext", extension)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2,
                "-copy_extensions", "copy", "-out", f"{name}.pem")
    return folder


def rule(gateway, destination, name, properties):
    """A rule that sends what comes on `kafka/NAME/+` to the topic NAME."""
    kafka = {
        "destinationArn": destination, "topic": name, "key": "${topic(3)}",
        "headers": [{"key": "thing", "value": "${topic(3)}"}], "clientProperties": properties,
    }
    payload = {"sql": f"SELECT * FROM 'kafka/{name}/+'", "awsIotSqlVersion": "2016-03-23", "actions": [{"kafka": kafka}]}
    gateway.aws("iot", "create-topic-rule", "--rule-name", name, "--topic-rule-payload", json.dumps(payload))


def publish(gateway, name, payload):
    gateway.aws("iot-data", "publish", "--topic", f"kafka/{name}/dock-1", "--qos", "1", "--payload", json.dumps(payload))


def test_records_arrive_in_the_partition_of_their_key(gateway, destination, cluster):
    rule(gateway, destination, "plain", {"bootstrap.servers": cluster.servers, "security.protocol": "PLAINTEXT", "acks": "1"})
    for count in range(3):
        publish(gateway, "plain", {"count": count})
    seen = cluster.records("plain", 3)
    assert {json.loads(message.value())["count"] for message in seen} == {0, 1, 2}
    assert {(message.key(), tuple(message.headers())) for message in seen} == {(b"dock-1", (("thing", b"dock-1"),))}
    # One key goes to one partition, the same that Kafka's own producers choose.
    mine = {message.partition() for message in seen}
    theirs = queue.Queue()
    other = confluent_kafka.Producer({"bootstrap.servers": cluster.servers, "partitioner": "murmur2"})
    other.produce("plain", b"x", b"dock-1", on_delivery=lambda _, message: theirs.put(message.partition()))
    other.flush(conftest.DEADLINE)
    assert mine == {theirs.get(timeout=conftest.DEADLINE)}


def secured(gateway, destination, cluster, files, name, properties, **front):
    """Sends a record through a front; what it saw of the connections that it let in."""
    front = Front(cluster.ports, files / "server.pem", files / "server.key", **front)
    trusted = {"bootstrap.servers": front.servers, "ssl.truststore": (files / "ca.pem").read_text()}
    rule(gateway, destination, name, {**trusted, **properties})
    publish(gateway, name, {"n": 1})
    assert [json.loads(message.value()) for message in cluster.records(name, 1)] == [{"n": 1}]
    return set(front.seen)


def test_over_tls(gateway, destination, cluster, files):
    seen = secured(gateway, destination, cluster, files, "tls", {"security.protocol": "SSL"})
    assert seen == {("TLSv1.3", None, False)}


def test_over_tls_with_a_certificate(gateway, destination, cluster, files):
    store = (files / "client.key").read_text() + (files / "client.pem").read_text()
    properties = {"security.protocol": "SSL", "ssl.keystore": store}
    seen = secured(gateway, destination, cluster, files, "mutual", properties, client_ca=files / "ca.pem")
    assert seen == {("TLSv1.3", None, True)}


def test_with_a_password_over_tls(gateway, destination, cluster, files):
    properties = {
        "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.plain.username": USER, "sasl.plain.password": PASSWORD,
    }
    sasl = {"PLAIN": functools.partial(Plain, USER, PASSWORD)}
    seen = secured(gateway, destination, cluster, files, "password", properties, sasl=sasl)
    assert seen == {("TLSv1.3", "PLAIN", False)}


def test_with_a_proof_of_a_password_from_a_secret(gateway, destination, cluster, files):
    gateway.aws("secretsmanager", "create-secret", "--name", "docks",
                "--secret-string", json.dumps({"username": USER, "password": PASSWORD}))
    secret = {key: f"${{get_secret('docks', 'SecretString', '{key}', '{ROLE}')}}" for key in ("username", "password")}
    properties = {
        "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.scram.username": secret["username"], "sasl.scram.password": secret["password"],
    }
    sasl = {"SCRAM-SHA-512": functools.partial(Scram512, USER, PASSWORD)}
    seen = secured(gateway, destination, cluster, files, "proof", properties, sasl=sasl)
    assert seen == {("TLSv1.3", "SCRAM-SHA-512", False)}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_is_told(gateway, destination, cluster, files, mechanism):
    name, kind = f"wrong_{mechanism[:5].lower()}", "plain" if mechanism == "PLAIN" else "scram"
    half = {"PLAIN": Plain, "SCRAM-SHA-512": Scram512}[mechanism]
    sasl = {mechanism: functools.partial(half, USER, PASSWORD)}
    front = Front(cluster.ports, files / "server.pem", files / "server.key", sasl=sasl)
    rule(gateway, destination, name, {
        "bootstrap.servers": front.servers, "ssl.truststore": (files / "ca.pem").read_text(), "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism, f"sasl.{kind}.username": USER, f"sasl.{kind}.password": "another",
    })
    publish(gateway, name, {"n": 1})
    gateway.told("refused the credentials: wrong user or password")
    assert "another" not in gateway.log.read_text()


def test_a_broker_that_nobody_trusts_is_told(gateway, destination, cluster, files):
    front = Front(cluster.ports, files / "server.pem", files / "server.key")
    rule(gateway, destination, "untrusted", {"bootstrap.servers": front.servers, "security.protocol": "SSL"})
    publish(gateway, "untrusted", {"n": 1})
    gateway.told("invalid peer certificate: UnknownIssuer")
