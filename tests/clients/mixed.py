#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler that runs a mixture of tasks on every agent of any Mesos-compatible cluster, and checks how each ended.

    mixed.py --master HOST:PORT [--tasks 200] [--agents 1] [--within SECONDS] [--cache]

Of each seven tasks one succeeds, one fails, one ends by a signal, one is killed while it ignores SIGTERM, one needs a
file that is fetched, one is not healthy, and one runs for longer than it may. Every terminal status must be the expected one; tasks must have run on that many agents.
"""

import argparse
import collections
import http.client
import json
import os
import sys
import tempfile
import time

KINDS = ["success", "failure", "signal", "kill", "fetch", "unhealthy", "overtime"]
EXPECTED = {
    "success": ("TASK_FINISHED", ["Command exited with status 0"]),
    "failure": ("TASK_FAILED", ["Command exited with status 3"]),
    # Whether there is a core depends on the host.
    "signal": ("TASK_FAILED", [f"Command terminated with signal Aborted{core}" for core in ("", " (core dumped)")]),
    # A task runs before its script does: the kill may come before the trap.
    "kill": ("TASK_KILLED", ["Command terminated with signal Killed", "Command terminated with signal Terminated"]),
    "fetch": ("TASK_FINISHED", ["Command exited with status 0"]),
    "unhealthy": ("TASK_KILLED", ["Command terminated with signal Terminated"]),
    "overtime": ("TASK_FAILED", ["Command terminated with signal Terminated", "Command terminated with signal Killed"]),
}
SCRIPTS = {
    "success": "true",
    "failure": "exit 3",
    "signal": "kill -ABRT $$",
    # The shell that is the task, and a child in a session of its own: neither listens.
    "kill": "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 600' & while :; do sleep 600; done",
    "fetch": "test \"$(cat note)\" = hello",
    "unhealthy": "sleep 600",
    "overtime": "sleep 600",
}
# Looks with the task's own environment, from its own sandbox.
HEALTH_CHECK = {"type": "COMMAND", "command": {"value": "test $KIND = unhealthy && test -e stderr && exit 1"},
                "delay_seconds": 0, "interval_seconds": 0.1, "grace_period_seconds": 0, "consecutive_failures": 2}
TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR", "TASK_DROPPED", "TASK_GONE"}


class Scheduler:
    def __init__(self, master):
        self.host, port = master.rsplit(":", 1)
        self.port = int(port)
        self.stream_id = self.framework = None

    def subscribe(self, **more):
        info = {"user": os.environ.get("USER", "root"), "name": "mixed", "checkpoint": True, "failover_timeout": 0.0, **more}
        connection = http.client.HTTPConnection(self.host, self.port)
        body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}})
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request("POST", "/api/v1/scheduler", body, headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        self.stream_id = response.getheader("Mesos-Stream-Id")
        return self.events(response)

    @staticmethod
    def events(response):
        while True:
            length = b""
            while not length.endswith(b"\n"):
                byte = response.read(1)
                assert byte, "the event stream ended"
                length += byte
            yield json.loads(response.read(int(length)))

    def call(self, kind, **members):
        body = {"type": kind, "framework_id": self.framework, **members}
        headers = {"Content-Type": "application/json", "Mesos-Stream-Id": self.stream_id}
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.request("POST", "/api/v1/scheduler", json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        assert response.status == 202, (kind, response.status, text)
        connection.close()


def task(number, offer, note, cache):
    kind = KINDS[number % len(KINDS)]
    command = {"value": SCRIPTS[kind], "environment": {"variables": [{"name": "KIND", "value": kind}]}}
    if kind == "fetch":
        command["uris"] = [{"value": note, "cache": cache}]
    amounts = {"cpus": 0.1, "mem": 16}
    resources = [{"name": name, "type": "SCALAR", "scalar": {"value": value},
                  "allocation_info": {"role": "*"}} for name, value in amounts.items()]
    own = {}
    if kind == "unhealthy":
        own["health_check"] = HEALTH_CHECK
    if kind == "overtime":
        own["max_completion_time"] = {"nanoseconds": 300_000_000}
    return {**own, "name": f"mixed {number}", "task_id": {"value": f"{number}-{kind}"}, "agent_id": offer["agent_id"],
            "resources": resources, "command": command,
            "kill_policy": {"grace_period": {"nanoseconds": 200_000_000}}}


def room(offer):
    have = collections.Counter()
    for resource in offer["resources"]:
        if resource["type"] == "SCALAR":
            have[resource["name"]] += resource["scalar"]["value"]
    return int(min(have["cpus"] / 0.2, have["mem"] / 64))


class Run:
    def __init__(self, options, scheduler, note):
        self.options, self.scheduler, self.note = options, scheduler, note
        self.next = 0
        self.ended, self.wrong = {}, []
        self.per_agent = collections.Counter()
        # Updates that say of a task that it is not healthy.
        self.failures = collections.Counter()

    def offers(self, offers):
        for offer in offers:
            # No agent takes all, so that each has its part.
            count = min(room(offer), self.options.tasks - self.next, 5)
            filters = {"refuse_seconds": 0.1}
            if count <= 0:
                self.scheduler.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": filters})
                continue
            tasks = [task(self.next + i, offer, self.note, self.options.cache) for i in range(count)]
            self.next += count
            self.per_agent[offer["agent_id"]["value"]] += count
            launch = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
            accept = {"offer_ids": [offer["id"]], "operations": [launch], "filters": filters}
            self.scheduler.call("ACCEPT", accept=accept)

    def update(self, status):
        if "uuid" in status:
            acknowledge = {key: status[key] for key in ("agent_id", "task_id", "uuid")}
            self.scheduler.call("ACKNOWLEDGE", acknowledge=acknowledge)
        name, state = status["task_id"]["value"], status["state"]
        kind = name.split("-")[1]
        if state == "TASK_RUNNING" and kind == "kill":
            self.scheduler.call("KILL", kill={"task_id": status["task_id"], "agent_id": status["agent_id"]})
        if status.get("reason") == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED" and status["healthy"] is False:
            self.failures[name] += 1
        if state in TERMINAL and name not in self.ended:
            self.ended[name] = state
            expected, messages = EXPECTED[kind]
            good = state == expected and status.get("message") in messages
            good &= kind != "unhealthy" or (status.get("healthy") is False and self.failures[name] == 2)
            good &= kind != "overtime" or status.get("reason") == "REASON_MAX_COMPLETION_TIME_REACHED"
            if not good:
                self.wrong.append((name, state, status.get("reason"), status.get("message")))

    def play(self):
        begun = time.monotonic()
        # Held on to: without its stream, the framework would be gone before it is torn down.
        events = self.scheduler.subscribe()
        for event in events:
            assert time.monotonic() - begun < self.options.within, f"too slow: {len(self.ended)} tasks ended"
            kind = event["type"]
            if kind == "SUBSCRIBED":
                self.scheduler.framework = event["subscribed"]["framework_id"]
            elif kind == "OFFERS":
                self.offers(event["offers"]["offers"])
            elif kind == "UPDATE":
                self.update(event["update"]["status"])
            elif kind == "ERROR":
                raise AssertionError(event)
            elif kind == "FAILURE" and "executor_id" not in event["failure"]:
                lost = event["failure"]["agent_id"]["value"]
                assert lost not in self.per_agent, f"agent {lost} is gone"
            if len(self.ended) == self.options.tasks:
                break
        self.scheduler.call("TEARDOWN")
        return time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--master", required=True)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--within", type=float, default=300)
    parser.add_argument("--cache", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        note = os.path.join(folder, "note")
        with open(note, "w") as file:
            file.write("hello")
        run = Run(options, Scheduler(options.master), note)
        seconds = run.play()
    print(f"{len(run.ended)} tasks in {seconds:.1f} s: {dict(collections.Counter(run.ended.values()))}, "
          f"per agent {sorted(run.per_agent.values())}")
    for wrong in run.wrong:
        print("unexpected:", *wrong)
    if len(run.per_agent) < options.agents:
        sys.exit(f"tasks ran on {len(run.per_agent)} agents, not {options.agents}")
    sys.exit(1 if run.wrong else 0)


if __name__ == "__main__":
    main()
