#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler whose host is emptied under it.

    emptied.py --masters HOST:PORT,… --name NAME --host HOST --polite N --stubborn N --folder FOLDER [--partition-aware]
               [--more]

Once it runs that many tasks on HOST it notes `ready`; with --more it launches another for each further offer of that host. Polite tasks end
when they are told to, with the status 0; stubborn ones do not listen. Each notes in FOLDER/began/NAME-KIND-NUMBER what its
process is. FOLDER/NAME.history gets a line for whatever happens, each with the time:

    subscribed MASTER · offered HOST · update TASK STATE REASON MESSAGE… · failure · ready
"""

import argparse

from failover import TASK, Scheduler

SCRIPTS = {
    "polite": "trap 'kill $!; exit 0' TERM; sleep 3600 & wait",
    "stubborn": "trap '' TERM; while :; do sleep 1; done",
}


class Emptied(Scheduler):
    def __init__(self, arguments):
        arguments.tasks = arguments.polite + arguments.stubborn
        super().__init__(arguments)
        self.host, self.more = arguments.host, arguments.more
        self.left = ["polite"] * arguments.polite + ["stubborn"] * arguments.stubborn

    def handle(self, event):
        if event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                self.note("offered", offer["hostname"])
                self.use(offer)
        elif event["type"] == "FAILURE":
            self.note("failure")
        else:
            super().handle(event)

    def use(self, offer):
        filters = {"refuse_seconds": 0.5}
        if offer["hostname"] != self.host or not (self.left or self.more):
            return self.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": filters})
        tasks = []
        for kind in self.left or ["polite"]:
            name = f"{self.name}-{kind}-{len(self.launched)}"
            self.launched.add(name)
            script = f"echo $$ >>{self.folder}/began/{name}; {SCRIPTS[kind]}"
            resources = [{"name": of, "type": "SCALAR", "scalar": {"value": amount},
                          "allocation_info": {"role": self.name}} for of, amount in TASK.items()]
            command = {"shell": False, "value": "/bin/bash", "arguments": ["bash", "-c", script]}
            tasks.append({"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"],
                          "resources": resources, "command": command})
        self.left = []
        operations = [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]
        self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": operations, "filters": filters})

    def update(self, status):
        task, state = status["task_id"]["value"], status["state"]
        self.note("update", task, state, status.get("reason", "-"), status.get("message", "-"))
        if "uuid" in status:
            self.call("ACKNOWLEDGE", acknowledge={key: status[key] for key in ("agent_id", "task_id", "uuid")})
        if state == "TASK_RUNNING" and task not in self.running:
            self.running.add(task)
            if len(self.running) == self.wanted:
                self.note("ready")

    def is_over(self):
        return False


def main():
    parser = argparse.ArgumentParser()
    for name in ("masters", "name", "host", "folder"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("polite", "stubborn"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("partition-aware", "more"):
        parser.add_argument(f"--{name}", action="store_true")
    Emptied(parser.parse_args()).run()


if __name__ == "__main__":
    main()
