"""A client of the fleet's API, as an app has one: it claims devices, controls them and shares the home they are in."""

import json
import time
import urllib.error
import urllib.request
import uuid


class Problem(Exception):
    """What the API says when something is not done (RFC 9457)."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.kind = body.get("type", "").removeprefix("urn:drydock:problem:")


class FleetClient:
    """The API, asked with somebody's token."""

    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token

    def ask(self, method, path, body=None, **headers):
        """Asks; gives back the status, the headers and the body."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers.setdefault("content-type", "application/json")
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, answer.headers, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            raise Problem(error.code, json.loads(text) if text else {}) from error

    def change(self, method, path, body=None, **headers):
        """Asks for a change under a key of its own, so that it can be asked for again wherever the answer was lost."""
        return self.ask(method, path, body, idempotency_key=str(uuid.uuid4()), **headers)[2]

    def create_home(self, name):
        return self.change("POST", "/homes", {"name": name})["homeId"]

    def claim(self, home, serial_number, code, name):
        body = {"serialNumber": serial_number, "code": code, "name": name}
        return self.change("POST", f"/homes/{home}/devices", body)

    def devices(self, home):
        """All devices of a home, however many parts the list has."""
        found, cursor = [], ""
        while cursor is not None:
            page = self.ask("GET", f"/homes/{home}/devices" + (f"?cursor={cursor}" if cursor else ""))[2]
            found += page["items"]
            cursor = page.get("nextCursor")
        return found

    def control(self, home, device, desired, wait=0):
        """Says what a device is wanted to be, and follows the link until the device is that."""
        path = f"/homes/{home}/devices/{device}/state"
        status, headers, said = self.ask("PATCH", path, {"desired": desired}, prefer=f"wait={wait}")
        deadline = time.monotonic() + 30
        while said["status"] == "pending" and time.monotonic() < deadline:
            said = self.ask("GET", headers["location"])[2]
        return status, said

    def share(self, home, role):
        return self.change("POST", f"/homes/{home}/shares", {"role": role})["token"]

    def accept(self, token):
        return self.change("POST", "/shares/accept", {"token": token})["homeId"]
