"""mosquitto_pub and mosquitto_sub with the files of `drydock device create`."""

import subprocess

import pytest

DEADLINE = 20


def options(gateway, device, client_id):
    host, port = gateway.mqtt
    return [
        "-h", host, "-p", str(port), "--cafile", gateway.root_ca, "--cert", device["certificate"], "--key", device["privateKey"],
        "-i", client_id,
    ]


class Subscriber:
    """A `mosquitto_sub` that is known to be subscribed."""

    def __init__(self, gateway, device, client_id, topic, *more):
        command = ["mosquitto_sub", *options(gateway, device, client_id), "-t", topic, "-d", "-C", "1", "-W", str(DEADLINE), *more]
        self.process = subprocess.Popen(["stdbuf", "-oL", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("Subscribed"):
                return
        raise AssertionError("mosquitto_sub did not subscribe:\n" + "".join(self.lines))

    def rest(self):
        output = self.process.communicate(timeout=DEADLINE + 5)[0]
        return output


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
@pytest.mark.parametrize("qos", ["0", "1"])
def test_publish_reaches_a_subscriber(gateway, version, qos):
    name = f"pump-{version}-{qos}"
    device = gateway.device(name)
    topic = f"dt/{name}/telemetry"
    subscriber = Subscriber(gateway, device, name, f"cmd/{name}/#", "-q", qos, "-V", version)
    sent = subprocess.run(
        ["mosquitto_pub", *options(gateway, device, f"{name}-2"), "-t", topic, "-m", "x", "-q", qos, "-V", version],
        capture_output=True, text=True, timeout=DEADLINE,
    )
    # The policy ties the client id to the thing: a second client with the same certificate is refused at CONNECT.
    assert sent.returncode != 0, sent
    gateway.aws("iot-data", "publish", "--topic", f"cmd/{name}/go", "--qos", qos, 
                "--payload", f"hello {version}")
    assert f"hello {version}" in subscriber.rest()
    assert subscriber.process.returncode == 0


def test_a_device_publishes_its_telemetry(gateway):
    name = "pump-out"
    device = gateway.device(name)
    done = subprocess.run(
        ["mosquitto_pub", *options(gateway, device, name), "-t", f"dt/{name}/telemetry", "-m", '{"temperature": 20}', "-q", "1", "-d"],
        capture_output=True, text=True, timeout=DEADLINE,
    )
    assert done.returncode == 0, done
    assert "received PUBACK" in done.stdout, done.stdout


def test_a_topic_that_the_policy_does_not_allow_ends_the_connection(gateway):
    name = "pump-denied"
    device = gateway.device(name)
    done = subprocess.run(
        ["mosquitto_pub", *options(gateway, device, name), "-t", "dt/another/telemetry", "-m", "x", "-q", "1", "-d"],
        capture_output=True, text=True, timeout=DEADLINE,
    )
    assert "received PUBACK" not in done.stdout, done.stdout


def test_an_unknown_certificate_is_refused_in_the_handshake(gateway, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=stranger",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    stranger = {"certificate": str(certificate), "privateKey": str(key)}
    done = subprocess.run(
        ["mosquitto_pub", *options(gateway, stranger, "stranger"), "-t", "a", "-m", "x"],
        capture_output=True, text=True, timeout=DEADLINE,
    )
    assert done.returncode != 0, done
