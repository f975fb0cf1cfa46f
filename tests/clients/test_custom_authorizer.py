"""A signed token in place of a certificate: mosquitto_pub and the MQTT 5 client of the AWS IoT Device SDK for Python v2, through the
template's own authorizer and its real function. (The SDK's MQTT 3.1.1 client connects so to port 443 alone, whatever it is told.)"""

import base64
import concurrent.futures
import json
import subprocess
import time

import pytest
from awscrt import mqtt5
from awsiot import mqtt5_client_builder

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


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=DEADLINE, **options).stdout


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
