"""Device shadows: `aws iot-data` and the shadow client of the AWS IoT Device SDK for Python v2."""

import concurrent.futures
import json

import awsiot
import pytest
from awscrt import mqtt, mqtt_request_response
from awsiot import iotshadow, mqtt_connection_builder

DEADLINE = 20


def shadow(gateway, command, thing, *arguments, payload=None, fails=None):
    """Runs `aws iot-data COMMAND`; returns the document that it wrote."""
    out = gateway.folder / "document.json"
    words = ["iot-data", command, "--thing-name", thing, *arguments]
    if payload is not None:
        words += ["--payload", json.dumps(payload)]
    answer = gateway.aws(*words, out, fails=fails)
    return answer if fails else json.loads(out.read_text())


def test_the_cli_walks_through_a_shadow(gateway):
    shadow(gateway, "get-thing-shadow", "lamp", fails="ResourceNotFoundException")
    made = shadow(gateway, "update-thing-shadow", "lamp", payload={"state": {"desired": {"on": True, "level": 3}}})
    assert (made["version"], made["state"]) == (1, {"desired": {"on": True, "level": 3}})
    assert made["metadata"]["desired"]["on"]["timestamp"] == made["timestamp"]
    shadow(gateway, "update-thing-shadow", "lamp", payload={"state": {"reported": {"on": True, "level": 1}}})
    got = shadow(gateway, "get-thing-shadow", "lamp")
    assert (got["version"], got["state"]["delta"]) == (2, {"level": 3})
    shadow(gateway, "update-thing-shadow", "lamp", payload={"state": {}, "version": 1}, fails="ConflictException")
    shadow(gateway, "update-thing-shadow", "lamp", payload={"state": 1}, fails="State node must be an object")
    for name in ("colour", "alarm", "wifi"):
        shadow(gateway, "update-thing-shadow", "lamp", "--shadow-name", name, payload={"state": {"reported": {"a": 1}}})
    listed = gateway.aws("iot-data", "list-named-shadows-for-thing", "--thing-name", "lamp")
    assert listed["results"] == ["alarm", "colour", "wifi"]
    assert shadow(gateway, "delete-thing-shadow", "lamp")["version"] == 2
    shadow(gateway, "get-thing-shadow", "lamp", fails="No shadow exists with name: 'lamp'")
    assert shadow(gateway, "get-thing-shadow", "lamp", "--shadow-name", "wifi")["version"] == 1


def connect(gateway, name):
    device = gateway.device(name)
    host, port = gateway.mqtt
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=device["certificate"], pri_key_filepath=device["privateKey"],
        ca_filepath=gateway.root_ca, client_id=name, clean_session=True, keep_alive_secs=30,
    )
    connection.connect().result(DEADLINE)
    return connection


def test_the_sdk_follows_what_is_wanted(gateway):
    connection = connect(gateway, "sdk-lamp")
    client = iotshadow.IotShadowClient(connection)
    wanted, rejected = concurrent.futures.Future(), concurrent.futures.Future()
    subscribed, _ = client.subscribe_to_shadow_delta_updated_events(
        iotshadow.ShadowDeltaUpdatedSubscriptionRequest(thing_name="sdk-lamp"), mqtt.QoS.AT_LEAST_ONCE, wanted.set_result)
    subscribed.result(DEADLINE)
    subscribed, _ = client.subscribe_to_get_shadow_rejected(
        iotshadow.GetShadowSubscriptionRequest(thing_name="sdk-lamp"), mqtt.QoS.AT_LEAST_ONCE, rejected.set_result)
    subscribed.result(DEADLINE)
    client.publish_get_shadow(iotshadow.GetShadowRequest(thing_name="sdk-lamp", client_token="t-1"), mqtt.QoS.AT_LEAST_ONCE)
    error = rejected.result(DEADLINE)
    assert (error.code, error.client_token) == (404, "t-1")
    shadow(gateway, "update-thing-shadow", "sdk-lamp", payload={"state": {"desired": {"level": 7}}})
    delta = wanted.result(DEADLINE)
    assert (delta.state, delta.version) == ({"level": 7}, 1)
    connection.disconnect().result(DEADLINE)


def test_the_sdks_second_client_asks_and_is_answered(gateway):
    connection = connect(gateway, "sdk-lamp-2")
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=2, max_streaming_subscriptions=2, operation_timeout_in_seconds=DEADLINE)
    client = iotshadow.IotShadowClientV2(connection, options)
    state = iotshadow.ShadowState(reported={"level": 2}, desired={"level": 4})
    updated = client.update_named_shadow(iotshadow.UpdateNamedShadowRequest(
        thing_name="sdk-lamp-2", shadow_name="light", state=state)).result(DEADLINE)
    assert (updated.version, updated.state.desired) == (1, {"level": 4})
    got = client.get_named_shadow(
        iotshadow.GetNamedShadowRequest(thing_name="sdk-lamp-2", shadow_name="light")).result(DEADLINE)
    assert got.state.delta == {"level": 4}
    client.delete_named_shadow(
        iotshadow.DeleteNamedShadowRequest(thing_name="sdk-lamp-2", shadow_name="light")).result(DEADLINE)
    with pytest.raises(awsiot.V2ServiceException) as refused:
        client.get_named_shadow(
            iotshadow.GetNamedShadowRequest(thing_name="sdk-lamp-2", shadow_name="light")).result(DEADLINE)
    assert refused.value.modeled_error.code == 404
    connection.disconnect().result(DEADLINE)
