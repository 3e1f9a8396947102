#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one task through the v1 scheduler API with nothing but sockets and JSON: raw_http.py HOST:PORT"""

import http.client
import json
import sys

host = sys.argv[1]


def records(response):
    """Cuts the RecordIO records out of an answer that never ends."""
    while True:
        length = b""
        while not length.endswith(b"\n"):
            byte = response.read(1)
            if not byte:
                return
            length += byte
        yield json.loads(response.read(int(length)))


def call(kind, **members):
    """Makes one call on a connection of its own; the master takes it with 202."""
    connection = http.client.HTTPConnection(host, timeout=30)
    body = {"type": kind, "framework_id": {"value": framework_id}, **members}
    headers = {"Content-Type": "application/json", "Mesos-Stream-Id": stream_id}
    connection.request("POST", "/api/v1/scheduler", json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 202, f"{kind}: {answer.status} {text}"


subscription = http.client.HTTPConnection(host, timeout=60)
info = {"user": "root", "name": "raw", "capabilities": [{"type": "PARTITION_AWARE"}]}
subscription.request(
    "POST",
    "/api/v1/scheduler",
    json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}),
    {"Content-Type": "application/json", "Accept": "application/json"},
)
stream = subscription.getresponse()
assert stream.status == 200, (stream.status, stream.read())
assert stream.getheader("Content-Type") == "application/json"
stream_id = stream.getheader("Mesos-Stream-Id")
launched, states = None, []

for event in records(stream):
    kind = event["type"]
    if kind == "SUBSCRIBED":
        framework_id = event["subscribed"]["framework_id"]["value"]
        assert event["subscribed"]["heartbeat_interval_seconds"] == 15.0
        print("subscribed as", framework_id)
    elif kind == "OFFERS":
        for offer in event["offers"]["offers"]:
            if "TASK_FINISHED" in states:
                continue  # it was on its way when the framework was torn down
            if launched:
                call("DECLINE", decline={"offer_ids": [offer["id"]]})
                continue
            launched = "raw-task"
            task = {
                "name": launched,
                "task_id": {"value": launched},
                "agent_id": offer["agent_id"],
                "command": {"value": "echo hello; exit 0"},
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                    {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
                ],
            }
            operation = {"type": "LAUNCH", "launch": {"task_infos": [task]}}
            call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [operation]})
            print("launched on", offer["hostname"])
    elif kind == "UPDATE":
        status = event["update"]["status"]
        print(status["state"], status.get("message", ""))
        states.append(status["state"])
        if "uuid" in status:
            acknowledge = {key: status[key] for key in ("agent_id", "task_id", "uuid")}
            call("ACKNOWLEDGE", acknowledge=acknowledge)
        if status["state"] == "TASK_FINISHED":
            call("TEARDOWN")
            print("torn down")
        assert status["state"] in ("TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"), status
    elif kind == "ERROR":
        sys.exit(event["error"]["message"])

# The master ends the stream of a framework that is torn down.
assert states == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"], states
print("the stream has ended")
