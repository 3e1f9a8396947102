#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler under whose tasks agents die: steady.py HOST:PORT FOLDER

It keeps each agent busy with command tasks, groups, and tasks of a custom executor; some last as long as the test, others
a second or so. Each notes in FOLDER/began and FOLDER/ended, under its own id, that it ran. Once the file FOLDER/stop is
there nothing new is launched, and all end. Then it checks that

- a task that was seen running finished, and ran exactly once;
- updates came in order, none twice but as a repetition, and just one of them was an end;
- a launch that was on its way when the agent died was dropped, or ran, once.
"""

import collections
import os
import sys
import time

from mixed import TERMINAL, Scheduler, room

ORDER = ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
KINDS = ["command", "group", "custom"]
LONG_PER_AGENT = 6
SHORT_PER_AGENT = 6


class Steady:
    def __init__(self, master, folder):
        self.folder = folder
        self.scheduler = Scheduler(master)
        self.launched, self.kinds = {}, {}
        self.states = collections.defaultdict(list)
        self.seen = set()
        self.ended = {}
        self.count = self.turns = 0
        self.complaints = []

    def stopping(self):
        return os.path.exists(f"{self.folder}/stop")

    def script(self, name, long):
        wait = f"while [ ! -e {self.folder}/stop ]; do sleep 0.3; done" if long else "sleep 0.$((RANDOM % 10)); sleep 0.5"
        return f"echo $$ >>{self.folder}/began/{name}; {wait}; echo $$ >>{self.folder}/ended/{name}"

    def resources(self, cpus):
        amounts = {"cpus": cpus, "mem": 32, "disk": 1}
        return [{"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "*"}}
                for name, value in amounts.items()]

    def operation(self, offer, kind, long):
        """One launch, with its tasks' ids noted."""
        names = [f"{self.count + i}-{kind}-{'long' if long else 'short'}" for i in range(2 if kind == "group" else 1)]
        self.count += len(names)
        agent = offer["agent_id"]
        tasks = []
        for name in names:
            command = {"value": "exec bash -c '" + self.script(name, long) + "'"}
            own = {"command": command} if kind != "custom" else {"data": base64(command["value"])}
            tasks.append({"name": name, "task_id": {"value": name}, "agent_id": agent, "resources": self.resources(0.1), **own})
            self.launched[name], self.kinds[name] = agent["value"], (kind, long)
        executor = {"executor_id": {"value": f"e-{names[0]}"}, "framework_id": self.scheduler.framework,
                    "resources": self.resources(0.1)}
        if kind == "group":
            return {"type": "LAUNCH_GROUP",
                    "launch_group": {"executor": {**executor, "type": "DEFAULT"}, "task_group": {"tasks": tasks}}}
        if kind == "custom":
            program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plain_executor.py")
            command = {"value": f"exec {sys.executable} {program}"}
            tasks[0]["executor"] = {**executor, "type": "CUSTOM", "command": command}
        return {"type": "LAUNCH", "launch": {"task_infos": tasks}}

    def offers(self, offers):
        for offer in offers:
            mine = [name for name, agent in self.launched.items()
                    if agent == offer["agent_id"]["value"] and name not in self.ended]
            operations, left = [], room(offer)
            for long, wanted in ((True, LONG_PER_AGENT), (False, SHORT_PER_AGENT)):
                have = sum(1 for name in mine if self.kinds[name][1] == long)
                while have < wanted and left > 1 and not self.stopping():
                    # Custom executors are slow to start: none for what ends at once.
                    kind = KINDS[self.turns % (3 if long else 2)]
                    operations.append(self.operation(offer, kind, long))
                    self.turns += 1
                    left -= 2
                    have += 1
            filters = {"refuse_seconds": 0.5}
            call = {"offer_ids": [offer["id"]], "filters": filters}
            if operations:
                self.scheduler.call("ACCEPT", accept={**call, "operations": operations})
            else:
                self.scheduler.call("DECLINE", decline=call)

    def update(self, status):
        if "uuid" in status:
            self.scheduler.call("ACKNOWLEDGE", acknowledge={key: status[key] for key in ("agent_id", "task_id", "uuid")})
            if status["uuid"] in self.seen:
                return
            self.seen.add(status["uuid"])
        name, state = status["task_id"]["value"], status["state"]
        said = f"{name}: {state} {status.get('source')} {status.get('reason')} {status.get('message')}"
        print(f"{time.time():.3f} {said}", flush=True)
        if name in self.ended:
            self.complaints.append(f"after its end: {said}")
        if self.states[name][-1:] == [state]:
            self.complaints.append(f"twice: {said}")
        self.states[name].append(state)
        if state in TERMINAL:
            self.ended[name] = said

    def play(self, within):
        begun = time.monotonic()
        events = self.scheduler.subscribe(name="steady", failover_timeout=60.0)
        for event in events:
            assert time.monotonic() - begun < within, f"too slow; without an end: {sorted(set(self.launched) - set(self.ended))}"
            if event["type"] == "SUBSCRIBED":
                self.scheduler.framework = event["subscribed"]["framework_id"]
            elif event["type"] == "OFFERS":
                self.offers(event["offers"]["offers"])
            elif event["type"] == "UPDATE":
                self.update(event["update"]["status"])
            elif event["type"] == "ERROR":
                raise AssertionError(event)
            elif event["type"] == "FAILURE" and "executor_id" not in event["failure"]:
                self.complaints.append(f"an agent was lost: {event}")
            if self.stopping() and set(self.launched) == set(self.ended):
                break
        self.check()
        self.scheduler.call("TEARDOWN")

    def check(self):
        dropped = 0
        for name, states in self.states.items():
            runs, ends = self.lines("began", name), self.lines("ended", name)
            ran = "TASK_RUNNING" in states
            if ran and states[-1] != "TASK_FINISHED":
                self.complaints.append(f"seen running, and lost: {self.ended[name]}")
            if states[-1] == "TASK_FINISHED":
                if (runs, ends) != (1, 1):
                    self.complaints.append(f"{name} finished, began {runs} times and ended {ends} times")
                if states != [state for state in ORDER if state in states]:
                    self.complaints.append(f"{name}: out of order: {states}")
            else:
                dropped += 1
                # A group of which one could not be launched ends whole, before anybody hears that it runs.
                part = self.kinds[name][0] == "group" and "REASON_TASK_KILLED_DURING_LAUNCH" in self.ended[name] and runs < 2
                if not part and (states[-1] not in ("TASK_LOST", "TASK_DROPPED") or runs > 0):
                    self.complaints.append(f"never seen running, began {runs} times: {self.ended[name]}")
        kinds = collections.Counter(self.kinds[name][0] for name in self.ended)
        print(f"{len(self.ended)} tasks ({dict(kinds)}), {dropped} dropped on their way", flush=True)
        if set(kinds) != set(KINDS):
            self.complaints.append(f"not every kind of task ran: {dict(kinds)}")
        if self.complaints:
            sys.exit("\n".join(self.complaints))

    def lines(self, folder, name):
        try:
            with open(f"{self.folder}/{folder}/{name}") as file:
                return sum(1 for _ in file)
        except FileNotFoundError:
            return 0


def base64(text):
    import base64 as codec
    return codec.b64encode(text.encode()).decode()


if __name__ == "__main__":
    Steady(sys.argv[1], sys.argv[2]).play(within=900)
