#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler that runs two tasks on each agent and prints what it hears of them: partition.py HOST:PORT AGENTS aware|plain

Each line is the time, the framework's name, then `UPDATE task state reason` or `FAILURE host`. A task is named after its
agent's host. It ends with its stream.
"""

import sys
import time

from mixed import Scheduler, room

master, agents, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
scheduler = Scheduler(master)
capabilities = [{"type": "PARTITION_AWARE"}] if name == "aware" else []
hosts = {}


def say(*words):
    # One write: another framework may share the log.
    sys.stdout.write(" ".join((f"{time.time():.3f}", name, *words)) + "\n")
    sys.stdout.flush()


def launch(offer):
    resources = [{"name": kind, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "*"}}
                 for kind, value in (("cpus", 0.1), ("mem", 16))]
    host = offer["hostname"]
    tasks = [{"name": "t", "task_id": {"value": f"{host}-{name}-{number}"}, "agent_id": offer["agent_id"],
              "resources": resources, "command": {"value": "exec sleep 100000"}} for number in (1, 2)]
    return [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]


for event in scheduler.subscribe(name=name, failover_timeout=3600.0, capabilities=capabilities):
    kind = event["type"]
    if kind == "SUBSCRIBED":
        scheduler.framework = event["subscribed"]["framework_id"]
    elif kind == "OFFERS":
        for offer in event["offers"]["offers"]:
            fresh = offer["agent_id"]["value"] not in hosts and room(offer) > 0
            if fresh:
                hosts[offer["agent_id"]["value"]] = offer["hostname"]
            scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": launch(offer) if fresh else [],
                                             "filters": {"refuse_seconds": 0.5}})
        if len(hosts) == agents:
            scheduler.call("SUPPRESS")
    elif kind == "UPDATE":
        status = event["update"]["status"]
        if "uuid" in status:
            scheduler.call("ACKNOWLEDGE", acknowledge={key: status[key] for key in ("agent_id", "task_id", "uuid")})
        say("UPDATE", status["task_id"]["value"], status["state"], status.get("reason", "-"))
    elif kind == "FAILURE":
        say("FAILURE", hosts.get(event["failure"]["agent_id"]["value"], "-"))
