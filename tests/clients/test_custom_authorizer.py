"""A signed token in place of a certificate: mosquitto_pub, and the AWS IoT Device SDKs for Python and JavaScript v2 in MQTT 3.1.1 and 5,
directly and over WebSocket, through the template's own authorizer and its real function. (Python's MQTT 3.1.1 client connects directly
to port 443 alone, whatever it is told: it is tried over WebSocket.)"""

import base64
import concurrent.futures
import json
import subprocess
import time

import pytest
from awscrt import mqtt, mqtt5
from awscrt.exceptions import AwsCrtError
from awsiot import mqtt5_client_builder, mqtt_connection_builder
from conftest import node, openssl

DEADLINE = 30
KID = "clients"


class Fleet:
    """The fleet's key: its public half stands in the keys table, its private half signs tokens."""

    def __init__(self, gateway, folder):
        self.key = folder / "fleet.pem"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)
        public = openssl("pkey", "-in", self.key, "-pubout").decode()
        self.authorizer = gateway.aws("iot", "list-authorizers")["authorizers"][0]["authorizerName"]
        (table,) = [t for t in gateway.aws("dynamodb", "list-tables")["TableNames"] if "KeysTable" in t]
        row = {"kid": KID, "algorithm": "RS256", "publicKey": public, "status": "active"}
        gateway.aws("dynamodb", "put-item", "--table-name", table, "--item", json.dumps({k: {"S": v} for k, v in row.items()}))

    def token(self, name, seconds=3600):
        now = int(time.time())
        claims = {"sub": name, "aud": "drydock-fleet", "iat": now - 60, "exp": now + seconds}
        signed = f"{part({'alg': 'RS256', 'kid': KID})}.{part(claims)}"
        signature = openssl("dgst", "-sha256", "-sign", self.key, input=signed.encode())
        return f"{signed}.{encode(signature)}"


def part(value):
    return encode(json.dumps(value).encode())


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def fleet(gateway_with_functions, tmp_path_factory):
    return Fleet(gateway_with_functions, tmp_path_factory.mktemp("fleet"))


def publish(gateway, fleet, name, token, topic):
    host, port = gateway.tls
    return subprocess.run(
        ["mosquitto_pub", "-h", host, "-p", str(port), "--cafile", gateway.root_ca, "--tls-alpn", "mqtt", "-i", name,
         "-u", f"{name}?x-amz-customauthorizer-name={fleet.authorizer}", "-P", token, "-t", topic, "-m", "{}", "-q", "1", "-d"],
        capture_output=True, text=True, timeout=DEADLINE,
    )


def test_mosquitto_connects_with_a_token(gateway_with_functions, fleet):
    done = publish(gateway_with_functions, fleet, "meter-1", fleet.token("meter-1"), "dt/meter-1/telemetry")
    assert done.returncode == 0, done
    assert "received PUBACK" in done.stdout, done.stdout


def test_a_token_of_another_device_is_refused(gateway_with_functions, fleet):
    done = publish(gateway_with_functions, fleet, "meter-1", fleet.token("meter-2"), "dt/meter-1/telemetry")
    assert done.returncode != 0, done
    assert "received PUBACK" not in done.stdout, done.stdout


def test_the_sdk_connects_with_mqtt_5(gateway_with_functions, fleet):
    host, port = gateway_with_functions.tls
    connected, stopped = (concurrent.futures.Future() for _ in range(2))
    client = mqtt5_client_builder.direct_with_custom_authorizer(
        endpoint=host, port=port, ca_filepath=gateway_with_functions.root_ca, client_id="meter-5",
        auth_username="meter-5", auth_authorizer_name=fleet.authorizer, auth_password=fleet.token("meter-5"),
        on_lifecycle_connection_success=lambda data: connected.set_result(data),
        on_lifecycle_stopped=lambda data: stopped.set_result(data),
    )
    client.start()
    assert connected.result(DEADLINE).connack_packet.reason_code == mqtt5.ConnectReasonCode.SUCCESS
    puback = client.publish(mqtt5.PublishPacket(
        topic="dt/meter-5/telemetry", payload=b"{}", qos=mqtt5.QoS.AT_LEAST_ONCE)).result(DEADLINE).puback
    assert puback.reason_code == mqtt5.PubackReasonCode.SUCCESS
    client.stop()
    stopped.result(DEADLINE)


def websocket3(gateway, fleet, name, token):
    host, port = gateway.tls
    return mqtt_connection_builder.websockets_with_custom_authorizer(
        endpoint=host, port=port, ca_filepath=gateway.root_ca, client_id=name, clean_session=True, keep_alive_secs=60,
        auth_username=name, auth_authorizer_name=fleet.authorizer, auth_password=token,
    )


def test_the_sdk_connects_with_mqtt_3_over_a_websocket(gateway_with_functions, fleet):
    """Its request is not signed and names nothing: the authorizer's name comes with the CONNECT."""
    connection = websocket3(gateway_with_functions, fleet, "meter-3", fleet.token("meter-3"))
    assert connection.connect().result(DEADLINE)["session_present"] is False
    received = concurrent.futures.Future()
    subscribed, _ = connection.subscribe(
        topic="cmd/meter-3/+", qos=mqtt.QoS.AT_LEAST_ONCE,
        callback=lambda topic, payload, **_: received.set_result((topic, payload)),
    )
    assert subscribed.result(DEADLINE)["qos"] == mqtt.QoS.AT_LEAST_ONCE
    gateway_with_functions.aws("iot-data", "publish", "--topic", "cmd/meter-3/go", "--qos", "1", "--payload", "now")
    assert received.result(DEADLINE) == ("cmd/meter-3/go", b"now")
    published, _ = connection.publish(topic="dt/meter-3/telemetry", payload="{}", qos=mqtt.QoS.AT_LEAST_ONCE)
    published.result(DEADLINE)
    connection.disconnect().result(DEADLINE)


def test_over_a_websocket_a_token_of_another_device_is_refused(gateway_with_functions, fleet):
    connection = websocket3(gateway_with_functions, fleet, "meter-3", fleet.token("meter-2"))
    # The SDK takes each CONNACK that refuses for a protocol error; the gateway says more.
    with pytest.raises(AwsCrtError, match="AWS_ERROR_MQTT_PROTOCOL_ERROR"):
        connection.connect().result(DEADLINE)
    gateway_with_functions.told("meter-3  connect refused: NOT_AUTHENTICATED")


@pytest.mark.parametrize("websocket", [False, True], ids=["direct", "websocket"])
@pytest.mark.parametrize("version", [3, 5])
def test_the_javascript_sdk(gateway_with_functions, fleet, version, websocket):
    name = f"meter-js-{version}-{'ws' if websocket else 'tls'}"
    host, port = gateway_with_functions.tls
    topic = f"$aws/things/{name}/shadow/get"
    well, seen = node("device_sdk_js.mjs", {
        "version": version, "host": host, "port": port, "ca": gateway_with_functions.root_ca, "clientId": name, "topic": topic,
        "filter": f"$aws/things/{name}/shadow/#", "answer": f"{topic}/rejected", "authorizer": fleet.authorizer, "user": name,
        "password": fleet.token(name), "websocket": websocket,
    })
    assert well, seen
    assert (seen["granted"], seen["topic"]) == (1, f"{topic}/rejected")
    assert json.loads(seen["payload"])["code"] == 404, seen
