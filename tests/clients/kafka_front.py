"""TLS and SASL in front of a Kafka cluster that has neither, such as librdkafka's mock cluster: for each broker a port that proves
who it is, asks who comes, and passes on what is said, with its own ports in place of the cluster's."""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import threading

SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
UNSUPPORTED_MECHANISM, REFUSED = 33, 58
ROUNDS = 4096


class Refused(Exception):
    """A client that may not come in."""


class Plain:
    """RFC 4616."""

    def __init__(self, user, password):
        self.expected = f"\0{user}\0{password}".encode()

    def answer(self, token):
        if token != self.expected:
            raise Refused("wrong user or password")
        return b"", True


class Scram512:
    """The server's half of RFC 5802 with SHA-512."""

    def __init__(self, user, password):
        self.user, self.salt, self.messages = user, os.urandom(16), []
        self.salted = hashlib.pbkdf2_hmac("sha512", password.encode(), self.salt, ROUNDS)

    def mac(self, key, text):
        return hmac.new(key, text.encode(), "sha512").digest()

    def answer(self, token):
        text = token.decode()
        fields = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
        if not self.messages:
            if not text.startswith("n,,") or fields["n"] != self.user:
                raise Refused("wrong user or password")
            self.nonce = fields["r"] + base64.b64encode(os.urandom(12)).decode()
            first = f"r={self.nonce},s={base64.b64encode(self.salt).decode()},i={ROUNDS}"
            self.messages = [text[3:], first]
            return first.encode(), False
        message = ",".join([*self.messages, text.rsplit(",p=", 1)[0]])
        stored = hashlib.sha512(self.mac(self.salted, "Client Key")).digest()
        signature = self.mac(stored, message)
        key = bytes(a ^ b for a, b in zip(base64.b64decode(fields["p"]), signature))
        if fields["c"] != "biws" or fields["r"] != self.nonce or hashlib.sha512(key).digest() != stored:
            raise Refused("wrong user or password")
        server = self.mac(self.mac(self.salted, "Server Key"), message)
        return b"v=" + base64.b64encode(server), True


def frame(stream):
    """The next request or answer, without its length; empty at the end."""
    head = stream.read(4)
    return stream.read(struct.unpack(">i", head)[0]) if len(head) == 4 else b""


class Front:
    """The ports; it goes with the process. `sasl` makes a mechanism's half for a connection, by the mechanism's name."""

    def __init__(self, ports, certificate, key, sasl=None, client_ca=None):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        if client_ca:
            self.tls.verify_mode = ssl.CERT_REQUIRED
            self.tls.load_verify_locations(client_ca)
        self.sasl, self.seen = sasl or {}, []
        listeners = {port: socket.create_server(("127.0.0.1", 0)) for port in ports}
        self.ports = {port: listener.getsockname()[1] for port, listener in listeners.items()}
        self.servers = ",".join(f"127.0.0.1:{port}" for port in self.ports.values())
        for port, listener in listeners.items():
            threading.Thread(target=self.listen, args=(listener, port), daemon=True).start()

    def listen(self, listener, port):
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=self.serve, args=(plain, port), daemon=True).start()

    def serve(self, plain, port):
        try:
            with self.tls.wrap_socket(plain, server_side=True) as client:
                incoming = client.makefile("rb")
                mechanism = self.authenticate(client, incoming) if self.sasl else None
                self.seen.append((client.version(), mechanism, bool(client.getpeercert())))
                with socket.create_connection(("127.0.0.1", port)) as broker:
                    threading.Thread(target=self.answers, args=(broker, client), daemon=True).start()
                    while request := frame(incoming):
                        broker.sendall(struct.pack(">i", len(request)) + request)
        except (OSError, Refused) as error:
            self.seen.append(repr(error))

    def authenticate(self, client, incoming):
        """SaslHandshake, version 1, and SaslAuthenticate, version 0, until the client is known."""
        chosen = half = None
        while request := frame(incoming):
            key, _version, correlation, name = struct.unpack_from(">hhih", request)
            body = request[10 + max(name, 0):]
            done = refused = False
            if key == SASL_HANDSHAKE:
                chosen = body[2:].decode()
                half = self.sasl.get(chosen)
                half = half and half()
                names = b"".join(struct.pack(">h", len(one)) + one.encode() for one in self.sasl)
                answer = struct.pack(">hi", 0 if half else UNSUPPORTED_MECHANISM, len(self.sasl)) + names
            elif key == SASL_AUTHENTICATE and half:
                try:
                    token, done = half.answer(body[4:])
                    answer = struct.pack(">hhi", 0, -1, len(token)) + token
                except Refused as why:
                    text, refused = str(why).encode(), True
                    answer = struct.pack(">hh", REFUSED, len(text)) + text + struct.pack(">i", 0)
            else:
                raise Refused(f"request {key} of a client that nobody knows")
            client.sendall(struct.pack(">ii", len(answer) + 4, correlation) + answer)
            if done:
                return chosen
            if refused:
                break
        raise Refused(f"{chosen} was not proven")

    def answers(self, broker, client):
        """What the broker says, with the ports of this front."""
        incoming = broker.makefile("rb")
        try:
            while answer := frame(incoming):
                for port, mine in self.ports.items():
                    answer = answer.replace(b"127.0.0.1" + struct.pack(">i", port), b"127.0.0.1" + struct.pack(">i", mine))
                client.sendall(struct.pack(">i", len(answer)) + answer)
        except OSError:
            return
