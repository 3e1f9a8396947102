#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler that runs one task, healthy until a file appears: checked.py HOST:PORT FILE

It prints a line for each update, `STATE REASON healthy`, and ends with the task.
"""

import sys

from mixed import TERMINAL, Scheduler, room, task

master, file = sys.argv[1:]
scheduler = Scheduler(master)
check = {"type": "COMMAND", "command": {"value": f"test ! -e {file}"}, "delay_seconds": 0, "interval_seconds": 0.2,
         "grace_period_seconds": 0, "consecutive_failures": 3}
launched = False
seen = set()
events = scheduler.subscribe()
for event in events:
    if event["type"] == "SUBSCRIBED":
        scheduler.framework = event["subscribed"]["framework_id"]
    elif event["type"] == "OFFERS":
        for offer in event["offers"]["offers"]:
            if launched or not room(offer):
                scheduler.call("DECLINE", decline={"offer_ids": [offer["id"]]})
                continue
            launched = True
            one = {**task(5, offer, "", False), "health_check": check}
            launch = {"type": "LAUNCH", "launch": {"task_infos": [one]}}
            scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [launch]})
    elif event["type"] == "UPDATE":
        status = event["update"]["status"]
        # An update whose acknowledgement has crossed a restart comes again.
        if status.get("uuid") not in seen:
            print(status["state"], status.get("reason", "-"), status.get("healthy", "-"), flush=True)
        seen.add(status.get("uuid"))
        if "uuid" in status:
            acknowledge = {key: status[key] for key in ("agent_id", "task_id", "uuid")}
            scheduler.call("ACKNOWLEDGE", acknowledge=acknowledge)
        if status["state"] in TERMINAL:
            break
scheduler.call("TEARDOWN")
