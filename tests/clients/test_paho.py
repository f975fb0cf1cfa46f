"""Eclipse Paho for Python: TLS with a certificate, and WebSockets that botocore presigned, in MQTT 3.1.1 and 5."""

import concurrent.futures
import urllib.parse

import paho.mqtt.client as paho
import pytest

DEADLINE = 20
VERSIONS = [paho.MQTTv311, paho.MQTTv5]


def round_trip(client, address, client_id):
    """Connects, subscribes, publishes to itself, says goodbye; returns what the server said and what arrived."""
    connected, granted, received, gone = (concurrent.futures.Future() for _ in range(4))
    client.on_connect = lambda _c, _u, _f, reason, _p: connected.set_result(reason)
    client.on_subscribe = lambda _c, _u, _m, reasons, _p: granted.set_result(reasons)
    client.on_message = lambda _c, _u, message: received.set_result((message.topic, message.payload))
    client.on_disconnect = lambda _c, _u, _f, reason, _p: gone.set_result(reason)
    client.connect(*address, keepalive=60)
    client.loop_start()
    try:
        assert connected.result(DEADLINE) == "Success"
        client.subscribe(f"dt/{client_id}/py", qos=1)
        assert granted.result(DEADLINE) == ["Granted QoS 1"]
        client.publish(f"dt/{client_id}/py", "from paho", qos=1).wait_for_publish(DEADLINE)
        assert received.result(DEADLINE) == (f"dt/{client_id}/py", b"from paho")
        client.disconnect()
        assert not gone.result(DEADLINE).is_failure
    finally:
        client.loop_stop()


@pytest.mark.parametrize("version", VERSIONS)
def test_mutual_tls(gateway, version):
    client_id = f"paho-tls-{version}"
    device = gateway.device(client_id)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, protocol=version)
    client.tls_set(gateway.root_ca, device["certificate"], device["privateKey"])
    round_trip(client, gateway.mqtt, client_id)


@pytest.mark.parametrize("version", VERSIONS)
def test_presigned_websocket(signed_gateway, version):
    client_id = f"paho-wss-{version}"
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, protocol=version, transport="websockets")
    client.tls_set(signed_gateway.root_ca)
    url = urllib.parse.urlsplit(signed_gateway.websocket_url())
    client.ws_set_options(path=f"{url.path}?{url.query}")
    round_trip(client, signed_gateway.tls, client_id)
