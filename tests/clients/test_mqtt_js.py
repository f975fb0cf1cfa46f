"""MQTT.js: mutual TLS, and WebSockets that botocore presigned."""

import pytest
from conftest import node

VERSIONS = [4, 5]


def connect(url, client_id, version, files):
    options = {"clientId": client_id, "protocolVersion": version}
    return node("mqtt_js.mjs", {"url": url, "topic": f"dt/{client_id}/js", "options": options, "files": files})


def check(done, client_id, version):
    well, seen = done
    assert well, seen
    assert (seen["granted"], seen["topic"], seen["payload"]) == (1, f"dt/{client_id}/js", "from mqtt.js")
    assert seen["properties"] == ({"fw": "1.2.3"} if version == 5 else None)


@pytest.mark.parametrize("version", VERSIONS)
def test_mutual_tls(gateway, version):
    client_id = f"js-tls-{version}"
    device = gateway.device(client_id)
    files = {"cert": device["certificate"], "key": device["privateKey"], "ca": gateway.root_ca}
    check(connect("mqtts://%s:%d" % gateway.mqtt, client_id, version, files), client_id, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_presigned_websocket(signed_gateway, version):
    client_id = f"js-wss-{version}"
    files = {"ca": signed_gateway.root_ca}
    check(connect(signed_gateway.websocket_url(), client_id, version, files), client_id, version)


def test_a_websocket_needs_a_signature_that_holds(signed_gateway):
    files = {"ca": signed_gateway.root_ca}
    url = signed_gateway.websocket_url((signed_gateway.keys[0], "a guess"))
    well, seen = connect(url, "js-refused", 5, files)
    assert not well and seen["error"], seen
    # MQTT.js does not say why a WebSocket was refused; the gateway does.
    signed_gateway.told("InvalidSignatureException")


def test_a_certificate_opens_no_websocket(signed_gateway):
    device = signed_gateway.device("js-refused")
    files = {"ca": signed_gateway.root_ca, "cert": device["certificate"], "key": device["privateKey"]}
    well, seen = connect("wss://%s:%d/mqtt" % signed_gateway.tls, "js-refused", 5, files)
    # Without a signature the CONNECT decides, and names no authorizer.
    assert not well and seen["code"] == 0x86, seen
    signed_gateway.told("CUSTOM_AUTHORIZER_NOT_FOUND")
