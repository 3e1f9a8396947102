#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 executor that runs the shell commands in its tasks' data, and comes back to its agent however often that dies."""

import base64
import http.client
import json
import os
import subprocess
import sys
import threading
import time
import uuid

from mixed import Scheduler

host, port = os.environ["MESOS_AGENT_ENDPOINT"].rsplit(":", 1)
identity = {"executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
            "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]}}
# How long the agent is waited for.
PATIENCE = 60
heard = [time.monotonic()]
lock = threading.Lock()
tasks = {}
# Not acknowledged yet, in order.
updates = {}


def post(body, timeout=10):
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    connection.request("POST", "/slave(1)/api/v1/executor", json.dumps({**identity, **body}), headers)
    return connection.getresponse()


def tell(task, state):
    id = base64.b64encode(uuid.uuid4().bytes).decode()
    status = {"task_id": {"value": task}, "state": state, "uuid": id, "source": "SOURCE_EXECUTOR",
              "timestamp": time.time()}
    with lock:
        updates[id] = {"status": status}
    try:
        post({"type": "UPDATE", "update": {"status": status}}).read()
    except OSError:
        # It is told with the next subscription.
        pass


def run(task, command):
    child = subprocess.Popen(["bash", "-c", command])
    tell(task, "TASK_RUNNING")
    tell(task, "TASK_FINISHED" if child.wait() == 0 else "TASK_FAILED")


def subscribe():
    with lock:
        known = {"unacknowledged_tasks": list(tasks.values()), "unacknowledged_updates": list(updates.values())}
    response = post({"type": "SUBSCRIBE", "subscribe": known}, timeout=None)
    if response.status != 200:
        raise OSError(response.read())
    for event in Scheduler.events(response):
        heard[0] = time.monotonic()
        kind = event["type"]
        if kind == "LAUNCH":
            task = event["launch"]["task"]
            name = task["task_id"]["value"]
            with lock:
                tasks[name] = task
            command = base64.b64decode(task["data"]).decode()
            threading.Thread(target=run, args=(name, command), daemon=True).start()
        elif kind == "ACKNOWLEDGED":
            with lock:
                tasks.pop(event["acknowledged"]["task_id"]["value"], None)
                updates.pop(event["acknowledged"]["uuid"], None)
                done = not updates and not tasks
            if done and threading.active_count() == 1:
                sys.exit(0)
        elif kind == "SHUTDOWN":
            sys.exit(0)


while time.monotonic() - heard[0] < PATIENCE:
    try:
        subscribe()
    except (OSError, AssertionError, http.client.HTTPException):
        # The agent has died, or is not back yet.
        time.sleep(0.2)
sys.exit("no agent came back")
