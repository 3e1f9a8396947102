#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A framework that always has more tasks of one cpu: endless.py HOST:PORT ROLE [REFUSE_SECONDS]

It runs until its stream ends, and prints a line for each batch of offers, so that a test can see how often it is asked.
With REFUSE_SECONDS it wants nothing, and declines every offer for so long; with `sleep` for it, it never answers.
"""

import http.client
import itertools
import json
import random
import sys

host, role = sys.argv[1], sys.argv[2]
refuse = sys.argv[3] if len(sys.argv) > 3 else None
numbers = itertools.count()


def records(response):
    while True:
        length = b""
        while not length.endswith(b"\n"):
            byte = response.read(1)
            if not byte:
                return
            length += byte
        yield json.loads(response.read(int(length)))


def call(kind, **members):
    body = {"type": kind, "framework_id": {"value": framework_id}, **members}
    headers = {"Content-Type": "application/json", "Mesos-Stream-Id": stream_id}
    calls.request("POST", "/api/v1/scheduler", json.dumps(body), headers)
    answer = calls.getresponse()
    text = answer.read().decode()
    assert answer.status == 202, f"{kind}: {answer.status} {text}"


def task(offer):
    number = next(numbers)
    return {
        "name": "endless",
        "task_id": {"value": f"{role}-{number}"},
        "agent_id": offer["agent_id"],
        "command": {"value": f"exec sleep {random.uniform(1, 2):.2f}"},
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}],
    }


subscription = http.client.HTTPConnection(host, timeout=120)
calls = http.client.HTTPConnection(host, timeout=30)
info = {"user": "root", "name": f"endless-{role}", "roles": [role], "capabilities": [{"type": "MULTI_ROLE"}]}
subscribe = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}})
subscription.request("POST", "/api/v1/scheduler", subscribe, {"Content-Type": "application/json"})
stream = subscription.getresponse()
assert stream.status == 200, (stream.status, stream.read())
stream_id = stream.getheader("Mesos-Stream-Id")

for event in records(stream):
    if event["type"] == "SUBSCRIBED":
        framework_id = event["subscribed"]["framework_id"]["value"]
    elif event["type"] == "OFFERS":
        offers = event["offers"]["offers"]
        print("offers", len(offers), flush=True)
        if refuse == "sleep":
            continue
        for offer in offers:
            ids = {"offer_ids": [offer["id"]]}
            if refuse is not None:
                call("DECLINE", decline={**ids, "filters": {"refuse_seconds": float(refuse)}})
                continue
            cpus = sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == "cpus")
            operations = [{"type": "LAUNCH", "launch": {"task_infos": [task(offer) for _ in range(int(cpus))]}}]
            call("ACCEPT", accept={**ids, "operations": operations, "filters": {"refuse_seconds": 0.1}})
    elif event["type"] == "RESCIND":
        print("rescind", flush=True)
    elif event["type"] == "UPDATE":
        status = event["update"]["status"]
        assert status["state"] in ("TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"), status
        if "uuid" in status:
            call("ACKNOWLEDGE", acknowledge={key: status[key] for key in ("agent_id", "task_id", "uuid")})
    elif event["type"] == "ERROR":
        sys.exit(event["error"]["message"])
