#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scheduler on pymesos: pymesos_scheduler.py HOST:PORT JOURNAL [STOP-AFTER]

It runs 200 tasks under an executor of its own on each agent: of ten, one is killed, one fails, and a word is sent to the
executor of one and back. JOURNAL remembers what happened; with STOP-AFTER the process dies without a word after so many
ends, and when it is run again with the same journal it takes its framework over.
"""

import os
import pathlib
import sys
import threading
from collections import Counter

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler, decode_data, encode_data

TASKS = 200
ENDS = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR", "TASK_DROPPED", "TASK_GONE")
EXPECTED = {"TASK_FINISHED": 160, "TASK_FAILED": 20, "TASK_KILLED": 20}
executor_script = pathlib.Path(__file__).with_name("pymesos_executor.py").resolve()


def kind(number):
    return {3: "kill", 7: "fail"}.get(number % 10, "run")


def executor_on(agent_id):
    """Updates say of which executor they are only where the executor does, and that of pymesos does not."""
    return f"on-{agent_id.value}"


class Journal:
    """What happened, a line each, so that another process can go on."""

    def __init__(self, path):
        self.framework, self.launched, self.ends, self.pinged, self.ponged = None, set(), {}, set(), set()
        if path.exists():
            for line in path.read_text().splitlines():
                self.note(*line.split())
        self.file = path.open("a")

    def note(self, what, value, more=""):
        if what == "framework":
            self.framework = value
        elif what == "launched":
            self.launched.add(value)
        elif what == "end":
            assert value not in self.ends or self.ends[value] == more, f"{value} ended as {self.ends[value]} and {more}"
            self.ends[value] = more
        else:
            getattr(self, what).add(value)

    def write(self, *words):
        self.note(*words)
        print(*words, file=self.file, flush=True)


class Walker(Scheduler):
    def __init__(self, journal, stop_after):
        self.journal, self.stop_after = journal, stop_after
        self.problem = None

    def registered(self, driver, framework_id, master_info):
        assert self.journal.framework is None, "a framework that is known was given a new id"
        self.journal.write("framework", framework_id.value)

    def reregistered(self, driver, master_info):
        print("registered again", flush=True)
        driver.reconcileTasks([])

    def resourceOffers(self, driver, offers):
        waiting = [n for n in range(TASKS) if f"t{n}" not in self.journal.launched]
        for offer in offers:
            room = {r.name: r.scalar.value for r in offer.resources if r.type == "SCALAR"}
            if not offer.executor_ids:
                room["cpus"], room["mem"] = room.get("cpus", 0) - 0.1, room.get("mem", 0) - 32
            count = int(min(room.get("cpus", 0) / 0.1 + 0.001, room.get("mem", 0) / 32, 10, len(waiting)))
            if count <= 0:
                driver.declineOffer(offer.id, Dict(refuse_seconds=0.5))
                continue
            numbers, waiting = waiting[:count], waiting[count:]
            driver.launchTasks(offer.id, [self.task(offer, n) for n in numbers], Dict(refuse_seconds=0.1))
            for number in numbers:
                self.journal.write("launched", f"t{number}")

    def task(self, offer, number):
        amounts = [Dict(name="cpus", type="SCALAR", scalar=Dict(value=0.1)),
                   Dict(name="mem", type="SCALAR", scalar=Dict(value=32))]
        command = Dict(value=f"exec {sys.executable} -B {executor_script}")
        executor = Dict(executor_id=Dict(value=executor_on(offer.agent_id)), type="CUSTOM", name="kinds",
                        command=command, resources=amounts)
        name = f"t{number}"
        return Dict(task_id=Dict(value=name), name=name, agent_id=offer.agent_id, executor=executor, resources=amounts,
                    data=encode_data(kind(number).encode()))

    def statusUpdate(self, driver, update):
        name, state = update.task_id.value, update.state
        number = int(name[1:])
        if state == "TASK_RUNNING":
            if kind(number) == "kill":
                driver.killTask(update.task_id)
            if number % 10 == 0 and name not in self.journal.pinged:
                self.journal.write("pinged", name)
                executor_id = Dict(value=executor_on(update.agent_id))
                driver.sendFrameworkMessage(executor_id, update.agent_id, encode_data(name.encode()))
        if state in ENDS and name not in self.journal.ends:
            print(name, state, update.get("reason", ""), update.get("message", ""), flush=True)
            self.journal.write("end", name, state)
            if len(self.journal.ends) == self.stop_after:
                os._exit(42)
        self.stop_if_done(driver)

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        word, name = decode_data(message).decode().split()
        assert word == "pong", message
        self.journal.write("ponged", name)
        self.stop_if_done(driver)

    def stop_if_done(self, driver):
        if len(self.journal.ends) == TASKS and len(self.journal.ponged) >= TASKS // 10 - 2:
            driver.stop()

    def error(self, driver, message):
        self.problem = message
        driver.stop(failover=True)


journal = Journal(pathlib.Path(sys.argv[2]))
walker = Walker(journal, int(sys.argv[3]) if len(sys.argv) > 3 else None)
framework = Dict(user="root", name="pymesos", hostname="localhost", failover_timeout=120, checkpoint=True)
if journal.framework:
    framework.id.value = journal.framework
driver = MesosSchedulerDriver(walker, framework, sys.argv[1], use_addict=True)
watch = threading.Timer(150, lambda: (print("out of time", flush=True), driver.stop(failover=True)))
watch.daemon = True
watch.start()
driver.run()
counts = dict(Counter(journal.ends.values()))
print("ends:", counts, "pings:", len(journal.pinged), "pongs:", len(journal.ponged), flush=True)
assert walker.problem is None, walker.problem
assert counts == EXPECTED, f"expected {EXPECTED}"
for number in range(TASKS):
    end = {"kill": "TASK_KILLED", "fail": "TASK_FAILED", "run": "TASK_FINISHED"}[kind(number)]
    assert journal.ends[f"t{number}"] == end, (number, journal.ends[f"t{number}"])
