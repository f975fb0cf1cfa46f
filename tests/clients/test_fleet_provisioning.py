"""Fleet provisioning with the AWS IoT Device SDK's own client: claim, permanent certificate, reconnect; and CBOR by hand."""

import concurrent.futures
import json
import struct
import subprocess

import pytest
from awscrt import mqtt
from awsiot import iotidentity, mqtt_connection_builder

DEADLINE = 20
ROLE = "arn:aws:iam::123456789012:role/provisioning"
QOS = mqtt.QoS.AT_LEAST_ONCE


def body():
    connection = "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"
    topic = "arn:aws:iot:*:*:topic/dt/${iot:Connection.Thing.ThingName}/*"
    document = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": connection},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": topic},
    ]}
    return json.dumps({
        "Parameters": {"SerialNumber": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {
                "ThingName": {"Fn::Join": ["-", ["dock", {"Ref": "SerialNumber"}]]},
                "AttributePayload": {"serialNumber": {"Ref": "SerialNumber"}}}},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": document}},
        },
        "DeviceConfiguration": {"stage": "test"},
    })


@pytest.fixture(scope="module")
def template(gateway):
    made = gateway.aws(
        "iot", "create-provisioning-template", "--template-name", "sdk", "--template-body", body(),
        "--provisioning-role-arn", ROLE, "--enabled",
    )
    assert made["defaultVersionId"] == 1
    return "sdk"


def connect(gateway, certificate, key, client_id):
    host, port = gateway.mqtt
    connection = mqtt_connection_builder.mtls_from_bytes(
        endpoint=host, port=port, cert_bytes=certificate.encode(), pri_key_bytes=key.encode(),
        ca_filepath=gateway.root_ca, client_id=client_id, clean_session=True, keep_alive_secs=30,
    )
    connection.connect().result(DEADLINE)
    return connection


def claimed(gateway, template, client_id):
    claim = gateway.aws("iot", "create-provisioning-claim", "--template-name", template)
    return connect(gateway, claim["certificatePem"], claim["keyPair"]["PrivateKey"], client_id)


class Provisioning:
    """The SDK's client with a future for each operation."""

    def __init__(self, connection, template):
        self.client = iotidentity.IotIdentityClient(connection)
        self.template = template

    def ask(self, operation, subscription, request):
        answer = concurrent.futures.Future()
        for outcome in ("accepted", "rejected"):
            subscribe = getattr(self.client, f"subscribe_to_{operation}_{outcome}")
            subscribed, _ = subscribe(
                request=subscription, qos=QOS,
                callback=lambda response, outcome=outcome: answer.done() or answer.set_result((outcome, response)),
            )
            subscribed.result(DEADLINE)
        getattr(self.client, f"publish_{operation}")(request, QOS).result(DEADLINE)
        return answer.result(DEADLINE)

    def create_keys(self):
        return self.ask(
            "create_keys_and_certificate", iotidentity.CreateKeysAndCertificateSubscriptionRequest(),
            iotidentity.CreateKeysAndCertificateRequest(),
        )

    def create_from_csr(self, csr):
        return self.ask(
            "create_certificate_from_csr", iotidentity.CreateCertificateFromCsrSubscriptionRequest(),
            iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=csr),
        )

    def register(self, token, **parameters):
        return self.ask(
            "register_thing", iotidentity.RegisterThingSubscriptionRequest(template_name=self.template),
            iotidentity.RegisterThingRequest(
                template_name=self.template, certificate_ownership_token=token, parameters=parameters),
        )


def test_claim_to_permanent_certificate_to_reconnect(gateway, template):
    connection = claimed(gateway, template, "claim-json")
    provisioning = Provisioning(connection, template)
    outcome, keys = provisioning.create_keys()
    assert outcome == "accepted"
    outcome, registered = provisioning.register(keys.certificate_ownership_token, SerialNumber="1")
    assert (outcome, registered.thing_name) == ("accepted", "dock-1")
    assert registered.device_configuration == {"stage": "test"}
    connection.disconnect().result(DEADLINE)

    own = connect(gateway, keys.certificate_pem, keys.private_key, "dock-1")
    published, _ = own.publish(topic="dt/dock-1/telemetry", payload="1", qos=QOS)
    published.result(DEADLINE)
    own.disconnect().result(DEADLINE)
    described = gateway.aws("iot", "describe-thing", "--thing-name", "dock-1")
    assert described["attributes"] == {"serialNumber": "1"}


def test_every_malformed_request_is_answered(gateway, template):
    connection = claimed(gateway, template, "claim-bad")
    provisioning = Provisioning(connection, template)
    outcome, error = provisioning.create_from_csr("rubbish")
    assert (outcome, error.status_code, error.error_code) == ("rejected", 400, "InvalidCertificateSigningRequest")
    outcome, error = provisioning.register("made up", SerialNumber="2")
    assert (outcome, error.status_code, error.error_code) == ("rejected", 400, "InvalidCertificateOwnershipToken")
    _, keys = provisioning.create_keys()
    outcome, error = provisioning.register(keys.certificate_ownership_token)
    assert (outcome, error.status_code, error.error_code) == ("rejected", 400, "InvalidParameters")
    assert "SerialNumber" in error.error_message
    connection.disconnect().result(DEADLINE)


def cbor(value):
    """Just as much CBOR as the requests take."""
    if isinstance(value, dict):
        return struct.pack("B", 0xA0 + len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    text = value.encode()
    return b"\x79" + struct.pack(">H", len(text)) + text


def uncbor(data):
    """Reads what the answers hold: maps, texts and whole numbers."""
    kind, rest = data[0] >> 5, data[0] & 31
    data = data[1:]
    if rest >= 24:
        size = 1 << (rest - 24)
        rest, data = int.from_bytes(data[:size], "big"), data[size:]
    if kind == 0:
        return rest, data
    if kind == 3:
        return data[:rest].decode(), data[rest:]
    assert kind == 5, kind
    found = {}
    for _ in range(rest):
        key, data = uncbor(data)
        found[key], data = uncbor(data)
    return found, data


def test_cbor(gateway, template):
    connection = claimed(gateway, template, "claim-cbor")

    def ask(topic, payload):
        answer = concurrent.futures.Future()
        subscribed, _ = connection.subscribe(
            topic=f"{topic}/+", qos=QOS,
            callback=lambda topic, payload, **_: answer.done() or answer.set_result((topic.rsplit("/", 1)[1], uncbor(payload)[0])),
        )
        subscribed.result(DEADLINE)
        published, _ = connection.publish(topic=topic, payload=payload, qos=QOS)
        published.result(DEADLINE)
        return answer.result(DEADLINE)

    outcome, keys = ask("$aws/certificates/create/cbor", b"")
    assert outcome == "accepted", keys
    provision = f"$aws/provisioning-templates/{template}/provision/cbor"
    outcome, error = ask(provision, b"\xff\x00")
    assert (outcome, error["statusCode"], error["errorCode"]) == ("rejected", 400, "InvalidPayload")
    request = {"certificateOwnershipToken": keys["certificateOwnershipToken"], "parameters": {"SerialNumber": "3"}}
    outcome, registered = ask(provision, cbor(request))
    assert (outcome, registered["thingName"]) == ("accepted", "dock-3"), registered
    connection.disconnect().result(DEADLINE)
    own = connect(gateway, keys["certificatePem"], keys["privateKey"], "dock-3")
    own.disconnect().result(DEADLINE)


def test_the_cli_walks_through_templates(gateway):
    name = ("--template-name", "walk")
    gateway.aws("iot", "create-provisioning-template", *name, "--template-body", "{}", "--provisioning-role-arn", ROLE,
                fails="InvalidRequestException")
    gateway.aws("iot", "create-provisioning-template", *name, "--template-body", body(), "--provisioning-role-arn", ROLE)
    assert gateway.aws("iot", "describe-provisioning-template", *name)["enabled"] is False
    version = gateway.aws("iot", "create-provisioning-template-version", *name, "--template-body", body(), "--set-as-default")
    assert (version["versionId"], version["isDefaultVersion"]) == (2, True)
    gateway.aws("iot", "delete-provisioning-template", *name, fails="DeleteConflictException")
    gateway.aws("iot", "delete-provisioning-template-version", *name, "--version-id", 1)
    gateway.aws("iot", "update-provisioning-template", *name, "--enabled", "--description", "walked")
    listed = gateway.aws("iot", "list-provisioning-templates")["templates"]
    assert [(t["enabled"], t["description"]) for t in listed if t["templateName"] == "walk"] == [(True, "walked")]
    gateway.aws("iot", "delete-provisioning-template", *name)
    gateway.aws("iot", "describe-provisioning-template", *name, fails="ResourceNotFoundException")


def test_register_thing_with_a_signing_request(gateway):
    key = gateway.folder / "registered.key"
    csr = gateway.folder / "registered.csr"
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr,
         "-subj", "/CN=registered"], check=True, capture_output=True, timeout=DEADLINE)
    template = json.loads(body())
    del template["DeviceConfiguration"]
    template["Parameters"]["CSR"] = {"Type": "String"}
    template["Resources"]["certificate"]["Properties"] = {"CertificateSigningRequest": {"Ref": "CSR"}}
    parameters = {"SerialNumber": "4", "CSR": csr.read_text()}
    made = gateway.aws("iot", "register-thing", "--template-body", json.dumps(template), "--parameters", json.dumps(parameters))
    assert set(made["resourceArns"]) == {"thing", "certificate", "policy"}
    connect(gateway, made["certificatePem"], key.read_text(), "dock-4").disconnect().result(DEADLINE)
    parameters["CSR"] = "rubbish"
    gateway.aws("iot", "register-thing", "--template-body", json.dumps(template), "--parameters", json.dumps(parameters),
                fails="ResourceRegistrationFailureException")


def test_the_template_of_the_project_asks_its_hook(gateway_with_functions):
    gateway = gateway_with_functions
    [fleet] = gateway.aws("iot", "list-provisioning-templates")["templates"]
    connection = claimed(gateway, fleet["templateName"], "claim-hook")
    provisioning = Provisioning(connection, fleet["templateName"])
    _, keys = provisioning.create_keys()
    outcome, error = provisioning.register(keys.certificate_ownership_token, SerialNumber="SN-77", Model="charger")
    assert (outcome, error.status_code, error.error_code) == ("rejected", 403, "AccessDenied")
    [table] = [name for name in gateway.aws("dynamodb", "list-tables")["TableNames"] if "AllowList" in name]
    gateway.aws("dynamodb", "put-item", "--table-name", table, "--item", json.dumps({"serialNumber": {"S": "SN-77"}}))
    outcome, registered = provisioning.register(keys.certificate_ownership_token, SerialNumber="SN-77", Model="charger")
    assert (outcome, registered.thing_name) == ("accepted", "SN-77")
    connection.disconnect().result(DEADLINE)
    connect(gateway, keys.certificate_pem, keys.private_key, "SN-77").disconnect().result(DEADLINE)
