"""The AWS IoT Device SDK for Python v2, with its MQTT 3.1.1 and its MQTT 5 client, over mutual TLS and signed WebSockets."""

import concurrent.futures

import pytest
from awscrt import auth, mqtt, mqtt5
from awsiot import mqtt5_client_builder, mqtt_connection_builder

DEADLINE = 20


def test_mqtt_3_round_trip(gateway):
    device = gateway.device("sdk-3")
    host, port = gateway.mqtt
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=device["certificate"], pri_key_filepath=device["privateKey"],
        ca_filepath=gateway.root_ca, client_id="sdk-3", clean_session=True, keep_alive_secs=30,
    )
    assert connection.connect().result(DEADLINE)["session_present"] is False
    received = concurrent.futures.Future()
    subscribed, _ = connection.subscribe(
        topic="cmd/sdk-3/+", qos=mqtt.QoS.AT_LEAST_ONCE,
        callback=lambda topic, payload, **_: received.set_result((topic, payload)),
    )
    assert subscribed.result(DEADLINE)["qos"] == mqtt.QoS.AT_LEAST_ONCE
    gateway.aws("iot-data", "publish", "--topic", "cmd/sdk-3/go", "--qos", "1",
                "--payload", "now")
    assert received.result(DEADLINE) == ("cmd/sdk-3/go", b"now")
    published, _ = connection.publish(topic="dt/sdk-3/telemetry", payload='{"temperature": 21}', qos=mqtt.QoS.AT_LEAST_ONCE)
    published.result(DEADLINE)
    connection.disconnect().result(DEADLINE)


def client5(gateway, device, client_id, **callbacks):
    host, port = gateway.mqtt
    return mqtt5_client_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=device["certificate"], pri_key_filepath=device["privateKey"],
        ca_filepath=gateway.root_ca, client_id=client_id, **callbacks,
    )


def test_mqtt_5_round_trip_with_properties(gateway):
    device = gateway.device("sdk-5")
    connected, stopped, received = (concurrent.futures.Future() for _ in range(3))
    client = client5(
        gateway, device, "sdk-5",
        on_lifecycle_connection_success=lambda data: connected.set_result(data),
        on_lifecycle_stopped=lambda data: stopped.set_result(data),
        on_publish_received=lambda data: received.set_result(data.publish_packet),
    )
    client.start()
    connack = connected.result(DEADLINE).connack_packet
    assert connack.reason_code == mqtt5.ConnectReasonCode.SUCCESS
    assert connack.maximum_qos == mqtt5.QoS.AT_LEAST_ONCE
    suback = client.subscribe(mqtt5.SubscribePacket(
        subscriptions=[mqtt5.Subscription(topic_filter="dt/sdk-5/#", qos=mqtt5.QoS.AT_LEAST_ONCE)])).result(DEADLINE)
    assert suback.reason_codes == [mqtt5.SubackReasonCode.GRANTED_QOS_1]
    puback = client.publish(mqtt5.PublishPacket(
        topic="dt/sdk-5/telemetry", payload=b'{"temperature": 22}', qos=mqtt5.QoS.AT_LEAST_ONCE, content_type="application/json",
        user_properties=[mqtt5.UserProperty(name="fw", value="1.2.3")])).result(DEADLINE).puback
    assert puback.reason_code == mqtt5.PubackReasonCode.SUCCESS
    packet = received.result(DEADLINE)
    assert (packet.topic, packet.payload, packet.content_type) == ("dt/sdk-5/telemetry", b'{"temperature": 22}', "application/json")
    assert [(p.name, p.value) for p in packet.user_properties] == [("fw", "1.2.3")]
    client.stop()
    stopped.result(DEADLINE)


def test_a_client_id_that_is_not_the_thing_is_refused(gateway):
    device = gateway.device("sdk-refused")
    failed = concurrent.futures.Future()

    def on_failure(data):
        if not failed.done():
            failed.set_result(data)

    client = client5(gateway, device, "someone-else", on_lifecycle_connection_failure=on_failure)
    client.start()
    refusal = failed.result(DEADLINE)
    client.stop()
    assert refusal.connack_packet is not None
    assert refusal.connack_packet.reason_code == mqtt5.ConnectReasonCode.NOT_AUTHORIZED


@pytest.mark.parametrize("qos", [mqtt5.QoS.AT_LEAST_ONCE])
def test_a_publish_that_the_policy_denies_is_answered_so(gateway, qos):
    device = gateway.device("sdk-denied")
    connected = concurrent.futures.Future()
    client = client5(gateway, device, "sdk-denied", on_lifecycle_connection_success=lambda data: connected.set_result(data))
    client.start()
    connected.result(DEADLINE)
    answer = client.publish(mqtt5.PublishPacket(topic="dt/another/telemetry", payload=b"x", qos=qos)).result(DEADLINE)
    assert answer.puback.reason_code == mqtt5.PubackReasonCode.NOT_AUTHORIZED
    client.stop()


def provider(gateway):
    return auth.AwsCredentialsProvider.new_static(*gateway.keys)


def test_mqtt_3_over_a_signed_websocket(signed_gateway):
    host, port = signed_gateway.tls
    connection = mqtt_connection_builder.websockets_with_default_aws_signing(
        endpoint=host, port=port, region=signed_gateway.region, credentials_provider=provider(signed_gateway),
        ca_filepath=signed_gateway.root_ca, client_id="sdk-wss-3", clean_session=True, keep_alive_secs=30,
    )
    connection.connect().result(DEADLINE)
    received = concurrent.futures.Future()
    subscribed, _ = connection.subscribe(
        topic="dt/sdk-wss-3", qos=mqtt.QoS.AT_LEAST_ONCE,
        callback=lambda topic, payload, **_: received.set_result((topic, payload)),
    )
    subscribed.result(DEADLINE)
    signed_gateway.aws("iot-data", "publish", "--topic", "dt/sdk-wss-3", "--qos", "1",
                       "--payload", "signed")
    assert received.result(DEADLINE) == ("dt/sdk-wss-3", b"signed")
    connection.disconnect().result(DEADLINE)


def test_mqtt_5_over_a_signed_websocket(signed_gateway):
    host, port = signed_gateway.tls
    connected, stopped, received = (concurrent.futures.Future() for _ in range(3))
    client = mqtt5_client_builder.websockets_with_default_aws_signing(
        endpoint=host, port=port, region=signed_gateway.region, credentials_provider=provider(signed_gateway),
        ca_filepath=signed_gateway.root_ca, client_id="sdk-wss-5",
        on_lifecycle_connection_success=lambda data: connected.set_result(data),
        on_lifecycle_stopped=lambda data: stopped.set_result(data),
        on_publish_received=lambda data: received.set_result(data.publish_packet),
    )
    client.start()
    assert connected.result(DEADLINE).connack_packet.reason_code == mqtt5.ConnectReasonCode.SUCCESS
    client.subscribe(mqtt5.SubscribePacket(
        subscriptions=[mqtt5.Subscription(topic_filter="dt/sdk-wss-5", qos=mqtt5.QoS.AT_LEAST_ONCE)])).result(DEADLINE)
    # Larger than any short frame, on the way there and back.
    payload = bytes(range(256)) * 400
    client.publish(mqtt5.PublishPacket(topic="dt/sdk-wss-5", payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)).result(DEADLINE)
    assert received.result(DEADLINE).payload == payload
    client.stop()
    stopped.result(DEADLINE)
