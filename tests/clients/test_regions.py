"""Other regions and other accounts than the gateway's own: botocore, which boto3 is made of, and the AWS IoT Device SDK for Python
v2 by what DescribeEndpoint answers alone."""

import concurrent.futures
import json

import botocore.session
from awscrt import mqtt
from awsiot import mqtt_connection_builder

DEADLINE = 20
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})


def client(gateway, service, region, account="local"):
    session = botocore.session.Session()
    session.set_credentials(account, "any")
    return session.create_client(service, region_name=region, endpoint_url=gateway.api_url)


def test_each_has_what_was_made_in_it(gateway):
    west, other = client(gateway, "iot", "eu-west-1"), client(gateway, "iot", "eu-west-1", "210987654321")
    assert west.create_thing(thingName="pump")["thingArn"] == "arn:aws:iot:eu-west-1:123456789012:thing/pump"
    assert other.list_things()["things"] == []
    assert other.create_thing(thingName="pump")["thingArn"] == "arn:aws:iot:eu-west-1:210987654321:thing/pump"
    assert client(gateway, "iot", gateway.region).list_things()["things"] == []
    queue = client(gateway, "sqs", "eu-west-1", "210987654321").create_queue(QueueName="alarms")["QueueUrl"]
    assert queue.endswith("/210987654321/alarms")
    identity = client(gateway, "sts", "eu-west-1", "210987654321").get_caller_identity()
    assert identity["Account"] == "210987654321"


def test_a_device_comes_by_the_endpoint_that_is_described(gateway):
    iot = client(gateway, "iot", "ap-northeast-1", "210987654321")
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_policy(policyName="all", policyDocument=POLICY)
    iot.attach_policy(policyName="all", target=made["certificateArn"])
    host, port = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"].rsplit(":", 1)
    connection = mqtt_connection_builder.mtls_from_bytes(
        endpoint=host, port=int(port), cert_bytes=made["certificatePem"].encode(),
        pri_key_bytes=made["keyPair"]["PrivateKey"].encode(), ca_filepath=gateway.root_ca, client_id="far-1",
    )
    connection.connect().result(DEADLINE)
    received = concurrent.futures.Future()
    subscribed, _ = connection.subscribe(
        topic="cmd/far-1", qos=mqtt.QoS.AT_LEAST_ONCE, callback=lambda topic, payload, **_: received.set_result(payload),
    )
    subscribed.result(DEADLINE)
    client(gateway, "iot-data", gateway.region).publish(topic="cmd/far-1", qos=1, payload=b"of another account")
    client(gateway, "iot-data", "ap-northeast-1", "210987654321").publish(topic="cmd/far-1", qos=1, payload=b"its own")
    assert received.result(DEADLINE) == b"its own"
    connection.disconnect().result(DEADLINE)
