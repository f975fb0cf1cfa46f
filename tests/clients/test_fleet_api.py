"""The fleet's API as an app uses it, behind `drydock up`: claim a device, control it, share the home; and what strangers get."""

import base64
import hashlib
import json
import time

import boto3
import paho.mqtt.client as paho
import pytest

from conftest import Gateway, openssl
from fleet_client import FleetClient, Problem

ISSUER = "https://login.example.com"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Who issues the tokens that people have."""

    def __init__(self, folder):
        self.key = folder / "issuer.pem"
        openssl("genrsa", "-out", self.key, "2048")
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip().split("=")[1]
        key = {"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": encoded(bytes.fromhex(modulus)), "e": "AQAB"}
        (folder / "jwks.json").write_text(json.dumps({"keys": [key]}))
        (folder / "drydock.toml").write_text(f'[issuers]\n"{ISSUER}" = "jwks.json"\n')

    def token(self, subject):
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": subject, "aud": "fleet-api", "iat": now - 10, "exp": now + 3600}
        parts = [encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k1"}, claims)]
        signature = openssl("dgst", "-sha256", "-sign", self.key, input=".".join(parts).encode())
        return ".".join([*parts, encoded(signature)])


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    issuer = Issuer(folder)
    running = Gateway(folder, "--parameter", f"ApiIssuer={ISSUER}", deadline=600)
    (url,) = running.ready["httpApis"].values()
    running.client = lambda subject: FleetClient(url, issuer.token(subject) if subject else None)
    yield running
    running.stop()


def made(gateway, serial_number, thing_name, code):
    """What the maker of a device writes down of its code."""
    tables = boto3.client(
        "dynamodb", endpoint_url=gateway.api_url, region_name=gateway.region,
        aws_access_key_id="local", aws_secret_access_key="local",
    )
    (table,) = [name for name in tables.list_tables()["TableNames"] if "HomesTable" in name]
    salt, iterations = b"0123456789abcdef", 1000
    digest = hashlib.pbkdf2_hmac("sha256", code.replace("-", "").upper().encode(), salt, iterations)
    row = {"pk": f"serial#{serial_number}", "sk": "code", "thingName": thing_name, "salt": salt.hex(), "hash": digest.hex()}
    item = {name: {"S": value} for name, value in row.items()}
    tables.put_item(TableName=table, Item={**item, "iterations": {"N": str(iterations)}})


def obedient(gateway, name):
    """A device that does what it is wanted to, and says so."""
    files = gateway.device(name)
    device = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name)
    device.tls_set(gateway.root_ca, files["certificate"], files["privateKey"])
    topic = f"$aws/things/{name}/shadow/update"
    subscribed = []

    def on_message(client, _, message):
        state = json.loads(message.payload)["state"]
        client.publish(topic, json.dumps({"state": {"reported": state}}), qos=1)

    device.on_message = on_message
    device.on_connect = lambda client, *_: client.subscribe(f"{topic}/delta", qos=1)
    device.on_subscribe = lambda *_: subscribed.append(True)
    device.connect(*gateway.tls)
    device.loop_start()
    deadline = time.monotonic() + 30
    while not subscribed:
        assert time.monotonic() < deadline, "the device does not get its subscription"
        time.sleep(0.01)
    return device


def refused(status, kind, ask, *arguments, **more):
    with pytest.raises(Problem) as caught:
        ask(*arguments, **more)
    assert (caught.value.status, caught.value.kind) == (status, kind), caught.value


def test_an_app_claims_controls_and_shares(fleet):
    ali, bob, eve = map(fleet.client, ("ali", "bob", "eve"))
    made(fleet, "SN-1", "lamp-1", "ABCD-2345")
    home = ali.create_home("Hütte")
    refused(403, "claim-refused", ali.claim, home, "SN-1", "ABCD-0000", "Lamp")
    refused(403, "claim-refused", ali.claim, home, "SN-2", "ABCD-2345", "Lamp")
    assert ali.claim(home, "SN-1", "abcd2345", "Lamp")["deviceId"] == "lamp-1"
    refused(409, "already-claimed", eve.claim, eve.create_home("Mine"), "SN-1", "ABCD-2345", "Lamp")

    # Nobody is there yet who would do it; then there is.
    status, headers, said = ali.ask("PATCH", f"/homes/{home}/devices/lamp-1/state", {"desired": {"on": True}})
    assert (status, said["status"]) == (202, "pending")
    device = obedient(fleet, "lamp-1")
    status, said = ali.control(home, "lamp-1", {"level": 5}, wait=20)
    assert (status, said["status"]) == (200, "confirmed")
    (lamp,) = ali.devices(home)
    assert lamp["state"]["reported"]["level"] == 5
    device.loop_stop()
    device.disconnect()

    # Whoever has the link is let in, once, and may do what a guest may.
    refused(404, "not-found", bob.devices, home)
    token = ali.share(home, "guest")
    assert bob.accept(token) == home
    refused(404, "not-found", eve.accept, token)
    assert [found["deviceId"] for found in bob.devices(home)] == ["lamp-1"]
    refused(403, "forbidden", bob.share, home, "guest")
    refused(404, "not-found", eve.control, home, "lamp-1", {"on": False})

    # A request with a key is done once.
    first = ali.ask("POST", "/homes", {"name": "Twice"}, idempotency_key="k1")
    again = ali.ask("POST", "/homes", {"name": "Twice"}, idempotency_key="k1")
    assert first[2] == again[2] and again[1]["idempotency-replayed"] == "true"
    assert len(ali.ask("GET", "/homes")[2]["items"]) == 2
    refused(422, "idempotency-key-reused", ali.ask, "POST", "/homes", {"name": "Thrice"}, idempotency_key="k1")

    # The state of others is not overwritten by whoever has not seen it.
    _, headers, _ = ali.ask("GET", f"/homes/{home}")
    tag = headers["etag"]
    assert ali.ask("PATCH", f"/homes/{home}", {"name": "Haus"}, if_match=tag)[0] == 200
    refused(412, "precondition-failed", ali.ask, "PATCH", f"/homes/{home}", {"name": "Hof"}, if_match=tag)

    # What is taken out of a home may be claimed for another.
    assert ali.ask("DELETE", f"/homes/{home}/devices/lamp-1")[0] == 204
    assert ali.devices(home) == []
    assert bob.claim(bob.create_home("Bob's"), "SN-1", "ABCD-2345", "Lamp")["name"] == "Lamp"


def test_what_is_hostile_is_refused_by_name(fleet):
    nobody, ali = fleet.client(""), fleet.client("mallory")
    with pytest.raises(Problem) as caught:
        nobody.ask("GET", "/homes")
    assert caught.value.status == 401
    assert nobody.ask("GET", "/openapi.json")[2]["openapi"] == "3.1.0"
    refused(400, "bad-request", ali.ask, "POST", "/homes", b"{")
    refused(400, "bad-request", ali.ask, "POST", "/homes", b"[" * 9000)
    refused(413, "too-large", ali.ask, "POST", "/homes", {"name": "x" * 20_000})
    refused(422, "unprocessable", ali.ask, "POST", "/homes", {"name": 1})
    refused(422, "unprocessable", ali.ask, "POST", "/homes", ["x"])
    refused(415, "unsupported-media-type", ali.ask, "POST", "/homes", {"name": "x"}, content_type="text/plain")
    refused(400, "bad-request", ali.ask, "GET", "/homes?limit=0")
    refused(400, "bad-request", ali.ask, "GET", "/homes?admin=1")
    refused(405, "method-not-allowed", ali.ask, "PUT", "/homes", {})
    for path in ("/homes/../openapi", "/homes/a%2Fb/rooms", "/homes/%00/rooms", "/nothing", "/homes//rooms"):
        refused(404, "not-found", ali.ask, "GET", path)
