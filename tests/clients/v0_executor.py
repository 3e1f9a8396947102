#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An executor with a v0 driver of raw sockets: v0_executor.py FOLDER, in the environment that an agent gives it.

Each of its tasks runs until it is killed. It echoes what the framework says, and leaves in FOLDER the names of the
messages that it has seen or sent.
"""

import os
import pathlib
import sys
import time
import uuid

from libprocess import Actor
from messages import STATE

folder = pathlib.Path(sys.argv[1])
framework, own = os.environ["MESOS_FRAMEWORK_ID"], os.environ["MESOS_EXECUTOR_ID"]
agent = os.environ["MESOS_SLAVE_PID"]
assert os.environ["MESOS_CHECKPOINT"] == "1" and os.environ["LIBPROCESS_PORT"] == "0"
driver = Actor("executor(1)", ip=os.environ["LIBPROCESS_IP"])
notes = (folder / f"{own}.walked").open("a")
# Not acknowledged yet, as the driver must say when it registers again.
tasks, updates = {}, {}
me = {"framework_id": framework, "executor_id": own}


def send(name, /, **message):
    print(name, file=notes, flush=True)
    driver.send(agent, name, message)


def update(task, state, data=b""):
    identity = uuid.uuid4().bytes
    status = {"task_id": task, "state": STATE[state], "data": data, "uuid": identity, "timestamp": time.time(),
              "slave_id": os.environ["MESOS_SLAVE_ID"]}
    updates[identity] = {**me, "slave_id": status["slave_id"], "status": status, "timestamp": time.time(), "uuid": identity}
    send("StatusUpdateMessage", update=updates[identity], pid=driver.pid)


def says(data):
    send("ExecutorToFrameworkMessage", slave_id=os.environ["MESOS_SLAVE_ID"], **me, data=data)


send("RegisterExecutorMessage", **me)
running = {}
while True:
    sender, name, message = driver.received.get()
    print(name, file=notes, flush=True)
    if name == "ExecutorRegisteredMessage":
        assert sender == agent and message["framework_id"] == framework, message
        assert message["executor_info"]["executor_id"] == own == message["executor_info"]["name"], message
        assert message["framework_info"]["name"] in ("walker", "renamed"), message
        assert message["slave_id"] == os.environ["MESOS_SLAVE_ID"] == message["slave_info"]["id"], message
        assert message["slave_info"]["checkpoint"] is True, message
    elif name == "RunTaskMessage":
        task = message["task"]
        assert message["framework"]["id"] == framework and message["pid"].startswith("scheduler-"), message
        tasks[task["task_id"]] = running[task["task_id"]] = task
        update(task["task_id"], "RUNNING", task["data"])
        if task["data"] == b"one":
            says(b"hello")
    elif name == "StatusUpdateAcknowledgementMessage":
        assert message["framework_id"] == framework, message
        tasks.pop(message["task_id"], None)
        assert updates.pop(message["uuid"], None), message
    elif name == "KillTaskMessage":
        assert running.pop(message["task_id"], None), message
        update(message["task_id"], "KILLED")
    elif name == "FrameworkToExecutorMessage":
        assert message["executor_id"] == own and message["framework_id"] == framework, message
        if message["data"] == b"die":
            os._exit(7)
        says(b"echo " + message["data"])
    elif name == "ReconnectExecutorMessage":
        # Mesos: the new agent is whoever says this.
        agent = sender
        send("ReregisterExecutorMessage", **me, tasks=list(tasks.values()), updates=list(updates.values()))
    elif name == "ExecutorReregisteredMessage":
        assert message["slave_id"] == os.environ["MESOS_SLAVE_ID"] == message["slave_info"]["id"], message
        for task in running:
            update(task, "RUNNING", b"after the restart")
    elif name == "ShutdownExecutorMessage":
        for task in running:
            update(task, "KILLED", b"shutdown")
        time.sleep(0.5)
        sys.exit(0)
