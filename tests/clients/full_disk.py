#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler whose agent's disk gets full: full_disk.py HOST:PORT FOLDER

FOLDER lies on the agent's disk. A task that runs goes on, and what becomes of it is told when there is room; until then the
agent refuses tasks.
"""

import os
import sys
import threading
import time

from mixed import TERMINAL, Scheduler, room

master, folder = sys.argv[1:]
scheduler = Scheduler(master)
updates = []
wanted = []
changed = threading.Condition()


def launch(offer, name, command):
    resources = [{"name": kind, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "*"}}
                 for kind, value in (("cpus", 0.1), ("mem", 16))]
    return {"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "resources": resources,
            "command": {"value": command}}


def listen(events):
    for event in events:
        if event["type"] == "SUBSCRIBED":
            scheduler.framework = event["subscribed"]["framework_id"]
        elif event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                with changed:
                    tasks, wanted[:] = ([launch(offer, *task) for task in wanted], []) if room(offer) else ([], wanted)
                operations = [{"type": "LAUNCH", "launch": {"task_infos": tasks}}] if tasks else []
                accept = {"offer_ids": [offer["id"]], "operations": operations, "filters": {"refuse_seconds": 0.1}}
                scheduler.call("ACCEPT", accept=accept)
        elif event["type"] == "UPDATE":
            status = event["update"]["status"]
            if "uuid" in status:
                acknowledge = {key: status[key] for key in ("agent_id", "task_id", "uuid")}
                scheduler.call("ACKNOWLEDGE", acknowledge=acknowledge)
            print(status["task_id"]["value"], status["state"], status.get("reason"), status.get("message"), flush=True)
            with changed:
                updates.append(status)
                changed.notify_all()


def heard(name, state):
    return next((one for one in updates if (one["task_id"]["value"], one["state"]) == (name, state)), None)


def await_update(name, state, within=20):
    with changed:
        assert changed.wait_for(lambda: heard(name, state), within), f"{name} is not {state} after {within} s"
        return heard(name, state)


def run(name, command):
    with changed:
        wanted.append((name, command))


threading.Thread(target=listen, args=(scheduler.subscribe(name="full"),), daemon=True).start()
run("long", f"while [ ! -e {folder}/enough ]; do sleep 0.1; done")
await_update("long", "TASK_RUNNING")
# All the room there is, in files and in bytes.
with open(f"{folder}/ballast", "wb", buffering=0) as ballast:
    try:
        while True:
            ballast.write(bytes(4096))
    except OSError as error:
        print("full:", error, flush=True)
# Whoever finds out is held up. It was promised to nobody.
run("early", "true")
time.sleep(2)
run("late", "true")
refused = await_update("late", "TASK_LOST")
assert refused["reason"] == "REASON_CONTAINER_LAUNCH_FAILED" and "No space left" in refused["message"], refused
os.rename(f"{folder}/token", f"{folder}/enough")
time.sleep(3)
with changed:
    assert not any(heard("long", state) for state in TERMINAL), "an end was told that is written nowhere"
    assert not heard("early", "TASK_RUNNING"), "a task was begun that is written nowhere"
os.remove(f"{folder}/ballast")
await_update("long", "TASK_FINISHED")
await_update("early", "TASK_FINISHED")
run("again", "true")
await_update("again", "TASK_FINISHED")
scheduler.call("TEARDOWN")
