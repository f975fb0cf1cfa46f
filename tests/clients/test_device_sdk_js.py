"""The AWS IoT Device SDK for JavaScript v2: mutual TLS, by DescribeEndpoint's answer too, and WebSockets signed with SigV4, in MQTT
3.1.1 and 5."""

import pytest
from conftest import node

VERSIONS = [3, 5]


def given(gateway, address, client_id, version, **more):
    host, port = address
    return {
        "version": version, "host": host, "port": port, "ca": gateway.root_ca, "clientId": client_id,
        "topic": f"dt/{client_id}/js", **more,
    }


def check(done, client_id, version):
    well, seen = done
    assert well, seen
    assert (seen["granted"], seen["topic"], seen["payload"]) == (1, f"dt/{client_id}/js", "from the SDK")
    if version == 5:
        assert seen["properties"] == {"fw": "1.2.3"}


@pytest.mark.parametrize("version", VERSIONS)
def test_mutual_tls(gateway, version):
    client_id = f"sdk-js-{version}"
    device = gateway.device(client_id)
    more = {"cert": device["certificate"], "key": device["privateKey"]}
    check(node("device_sdk_js.mjs", given(gateway, gateway.mqtt, client_id, version, **more)), client_id, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_endpoint_that_is_described(gateway, version):
    client_id = f"sdk-js-described-{version}"
    device = gateway.device(client_id)
    described = gateway.aws("iot", "describe-endpoint", "--endpoint-type", "iot:Data-ATS")["endpointAddress"]
    host, port = described.rsplit(":", 1)
    more = {"cert": device["certificate"], "key": device["privateKey"]}
    check(node("device_sdk_js.mjs", given(gateway, (host, int(port)), client_id, version, **more)), client_id, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_signed_websocket(signed_gateway, version):
    client_id = f"sdk-js-wss-{version}"
    key, secret = signed_gateway.keys
    more = {"region": signed_gateway.region, "keys": {"id": key, "secret": secret}}
    check(node("device_sdk_js.mjs", given(signed_gateway, signed_gateway.tls, client_id, version, **more)), client_id, version)
