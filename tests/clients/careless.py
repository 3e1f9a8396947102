#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler that runs a group of two tasks, and acknowledges no end: careless.py HOST:PORT

Each task writes its id, and sleeps. The scheduler prints a line for each update, `TASK STATE`.
"""

import sys

from mixed import TERMINAL, Scheduler, room

scheduler = Scheduler(sys.argv[1])
launched = False


def resources(cpus):
    return [{"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "*"}}
            for name, value in {"cpus": cpus, "mem": 32, "disk": 1}.items()]


def group(agent):
    executor = {"type": "DEFAULT", "executor_id": {"value": "both"}, "framework_id": scheduler.framework,
                "resources": resources(0.1)}
    tasks = [{"name": name, "task_id": {"value": name}, "agent_id": agent, "resources": resources(0.1),
              "command": {"value": f"echo {name}; echo {name} >&2; exec sleep 600"}} for name in ("one", "two")]
    return {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}


for event in scheduler.subscribe(name="careless", failover_timeout=3600.0):
    if event["type"] == "SUBSCRIBED":
        scheduler.framework = event["subscribed"]["framework_id"]
    elif event["type"] == "OFFERS":
        for offer in event["offers"]["offers"]:
            if launched or not room(offer):
                scheduler.call("DECLINE", decline={"offer_ids": [offer["id"]]})
                continue
            launched = True
            accept = {"offer_ids": [offer["id"]], "operations": [group(offer["agent_id"])]}
            scheduler.call("ACCEPT", accept=accept)
    elif event["type"] == "UPDATE":
        status = event["update"]["status"]
        print(status["task_id"]["value"], status["state"], flush=True)
        if "uuid" in status and status["state"] not in TERMINAL:
            acknowledge = {key: status[key] for key in ("agent_id", "task_id", "uuid")}
            scheduler.call("ACKNOWLEDGE", acknowledge=acknowledge)
