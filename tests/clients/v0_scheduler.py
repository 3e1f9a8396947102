#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Walks each message between a v0 scheduler driver and its master: v0_scheduler.py MASTER FOLDER AGENT…

MASTER is HOST:PORT. AGENT… is the command of its one agent, which is started here, killed and started again, and told to
leave. Its tasks run `v0_executor.py`, which leaves in FOLDER the messages that it has seen.
"""

import atexit
import json
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request
import uuid

from libprocess import Actor
from messages import CALLS, STATE, STATES

address, folder, command = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
master = f"master@{address}"
here = pathlib.Path(__file__).parent
INFO = {"user": "root", "name": "walker", "failover_timeout": 60.0, "checkpoint": True}
walked, acknowledged = set(), set()


def start_agent():
    global agent_process
    agent_process = subprocess.Popen(command, stdin=subprocess.DEVNULL)


def end_agent():
    """As an operator ends an agent for good: with its tasks."""
    agent_process.send_signal(signal.SIGUSR1)
    try:
        agent_process.wait(20)
    except subprocess.TimeoutExpired:
        agent_process.kill()
        agent_process.wait()


def step(*names):
    walked.update(names)
    print("walked", *names, flush=True)


def send(driver, name, /, **message):
    driver.send(master, name, message)


def call(driver, kind, **members):
    send(driver, "mesos.scheduler.Call", framework_id=framework, type=CALLS[kind], **members)


def resource(name, value):
    return {"name": name, "type": 0, "scalar": {"value": value}}


def task(name, offer, **members):
    resources = [resource("cpus", 0.1), resource("mem", 32.0)]
    return {"name": name, "task_id": name, "slave_id": offer["slave_id"], "resources": resources, **members}


def executor(name):
    """The executor of this test, as a custom one of the framework."""
    command = {"value": f"exec {sys.executable} -B {here}/v0_executor.py {folder}"}
    return {"executor_id": name, "name": name, "type": 2, "command": command,
            "resources": [resource("cpus", 0.1), resource("mem", 32.0)]}


def offered(driver):
    message = driver.expect("ResourceOffersMessage")
    assert len(message["pids"]) == len(message["offers"]) > 0, message
    offer, pid = message["offers"][0], message["pids"][0]
    assert pid.startswith("slave(1)@") and offer["framework_id"] == framework, message
    return offer, pid


def fresh_offer(driver):
    """An offer that is still out: one that was declined or rescinded meanwhile does not count."""
    call(driver, "REVIVE")
    while True:
        offer, pid = offered(driver)
        if any(standing["id"] == offer["id"] for standing in shown()["offers"]):
            driver.forget("RescindResourceOfferMessage")
            return offer, pid


def update(driver, name, state, **expected):
    """The next update of a task; it comes by the master, and names the agent that awaits the acknowledgement."""
    # An agent sends again what is not acknowledged yet, so that some come twice.
    message = driver.expect(
        "StatusUpdateMessage",
        40,
        lambda m: m["update"]["status"]["task_id"] == name and m["update"].get("uuid") not in acknowledged,
    )
    own = message["update"]
    status = own["status"]
    assert STATES[status["state"]] == state, (STATES[status["state"]], message)
    assert message["from"] == master and own["framework_id"] == framework, message
    assert expected.items() <= status.items(), (expected, status)
    return message


def acknowledge(driver, message):
    own = message["update"]
    assert own["uuid"] == own["status"]["uuid"] and message["pid"].startswith("slave(1)@"), message
    acknowledged.add(own["uuid"])
    send(driver, "StatusUpdateAcknowledgementMessage", slave_id=own["slave_id"], framework_id=framework,
         task_id=own["status"]["task_id"], uuid=own["uuid"])


def acknowledge_by_call(driver, message):
    own = message["update"]
    acknowledged.add(own["uuid"])
    members = {"slave_id": own["slave_id"], "task_id": own["status"]["task_id"], "uuid": own["uuid"]}
    call(driver, "ACKNOWLEDGE", acknowledge=members)


def fetch(path):
    return json.load(urllib.request.urlopen(f"http://{address}{path}", timeout=10))


def shown():
    return next(one for one in fetch("/frameworks")["frameworks"] if one["id"] == framework)


def refused(driver, text):
    message = driver.expect("FrameworkErrorMessage")["message"]
    assert message == text, message


start_agent()
atexit.register(end_agent)
signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))

# Registration: what is refused, what is granted, and granted again.
one = Actor(f"scheduler-{uuid.uuid4()}")
send(one, "SubmitSchedulerRequest", name="x")
assert one.expect("SubmitSchedulerResponse")["okay"] is False
step("SubmitSchedulerRequest", "SubmitSchedulerResponse")
send(one, "RegisterFrameworkMessage", framework={**INFO, "id": "x"})
refused(one, "Registering with 'id' already set")
send(one, "ReregisterFrameworkMessage", framework=INFO, failover=False)
refused(one, "Re-registering without an 'id'")
step("FrameworkErrorMessage")
send(one, "RegisterFrameworkMessage", framework=INFO)
registered = one.expect("FrameworkRegisteredMessage")
framework, known = registered["framework_id"], {**INFO, "id": registered["framework_id"]}
assert registered["master_info"]["pid"] == master == registered["from"], registered
send(one, "RegisterFrameworkMessage", framework=INFO)
assert one.expect("FrameworkRegisteredMessage")["framework_id"] == framework
assert shown()["pid"] == one.pid and shown()["active"] and shown()["connected"]
step("RegisterFrameworkMessage", "FrameworkRegisteredMessage")

# A task of the agent's own executor, by the single messages.
offer, agent = offered(one)
send(one, "ResourceRequestMessage", framework_id=framework, requests=[{"resources": [resource("cpus", 1.0)]}])
sleep = task("sleep", offer, command={"value": "sleep 1000"})
launch = {"framework_id": framework, "filters": {"refuse_seconds": 0.1}, "offer_ids": [offer["id"]]}
send(one, "LaunchTasksMessage", tasks=[sleep], **launch)
acknowledge(one, update(one, "sleep", "STARTING", source=2))
acknowledge(one, update(one, "sleep", "RUNNING", source=2))
step("ResourceOffersMessage", "ResourceRequestMessage", "LaunchTasksMessage", "StatusUpdateMessage",
     "StatusUpdateAcknowledgementMessage")
send(one, "ReconcileTasksMessage", framework_id=framework, statuses=[])
assert "uuid" not in update(one, "sleep", "RUNNING", source=0, reason=9)["update"]
send(one, "ReconcileTasksMessage", framework_id=framework, statuses=[{"task_id": "nobody", "state": 1}])
assert "pid" not in update(one, "nobody", "LOST", source=0, reason=9)
step("ReconcileTasksMessage")
send(one, "KillTaskMessage", framework_id=framework, task_id="sleep")
acknowledge(one, update(one, "sleep", "KILLED"))
step("KillTaskMessage")
send(one, "LaunchTasksMessage", tasks=[task("late", offer, command={"value": "true"})], **launch)
assert update(one, "late", "LOST", reason=6)["pid"] == "@0.0.0.0:0"
offer, agent = fresh_offer(one)
send(one, "LaunchTasksMessage", tasks=[], framework_id=framework, filters={"refuse_seconds": 3600.0}, offer_ids=[offer["id"]])
one.expect_none("ResourceOffersMessage", 2)
send(one, "ReviveOffersMessage", framework_id=framework, roles=[])
offer, agent = offered(one)
step("ReviveOffersMessage")

# An executor with a driver of its own: messages both ways, by the agent alone and by the master.
launch["offer_ids"] = [offer["id"]]
send(one, "LaunchTasksMessage", tasks=[task("a", offer, executor=executor("walker"), data=b"one")], **launch)
acknowledge(one, update(one, "a", "RUNNING", source=2, data=b"one"))
message = one.expect("ExecutorToFrameworkMessage")
assert message["from"] == agent and message["data"] == b"hello" and message["executor_id"] == "walker", message
step("ExecutorToFrameworkMessage")
bytes_for = {"slave_id": offer["slave_id"], "framework_id": framework, "executor_id": "walker"}
one.send(agent, "FrameworkToExecutorMessage", {**bytes_for, "data": b"straight"})
assert one.expect("ExecutorToFrameworkMessage")["data"] == b"echo straight"
send(one, "FrameworkToExecutorMessage", **bytes_for, data=b"by the master")
assert one.expect("ExecutorToFrameworkMessage")["data"] == b"echo by the master"
step("FrameworkToExecutorMessage")

# The agent is restarted: the executor is asked to come back, and does.
agent_process.kill()
agent_process.wait()
start_agent()
acknowledge(one, update(one, "a", "RUNNING", data=b"after the restart"))
one.forget("StatusUpdateMessage")

# The same by mesos.scheduler.Call.
offer, agent = fresh_offer(one)
operation = {"type": 1, "launch": {"task_infos": [task("b", offer, executor=executor("walker"), data=b"two")]}}
call(one, "ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [operation], "filters": {"refuse_seconds": 0.1}})
acknowledge_by_call(one, update(one, "b", "RUNNING", data=b"two"))
call(one, "MESSAGE", message={"slave_id": offer["slave_id"], "executor_id": "walker", "data": b"call"})
one.expect("ExecutorToFrameworkMessage", where=lambda m: m["data"] == b"echo call")
call(one, "RECONCILE", reconcile={"tasks": [{"task_id": "b", "slave_id": offer["slave_id"]}]})
update(one, "b", "RUNNING", source=0, reason=9)
call(one, "REQUEST", request={"requests": []})
call(one, "KILL", kill={"task_id": "b"})
acknowledge_by_call(one, update(one, "b", "KILLED", source=2))
call(one, "SUPPRESS")
time.sleep(0.5)
offer, agent = fresh_offer(one)
call(one, "DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 3600.0}})
call(one, "UPDATE_FRAMEWORK", update_framework={"framework_info": {**known, "user": "other"}})
text = "attempted to update from 'root' to 'other'"
refused(one, f"FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; {text}")
call(one, "UPDATE_FRAMEWORK", update_framework={"framework_info": {**known, "name": "renamed"}})
call(one, "ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [{"type": 2, "id": "o"}]})
step("mesos.scheduler.Call")

# Deactivated, registered again: offers are rescinded, then made anew.
offer, agent = fresh_offer(one)
send(one, "DeactivateFrameworkMessage", framework_id=framework)
assert one.expect("RescindResourceOfferMessage")["offer_id"] == offer["id"]
state = shown()
assert (state["active"], state["connected"], state["name"]) == (False, True, "renamed"), state
send(one, "ReregisterFrameworkMessage", framework=known, failover=False)
assert one.expect("FrameworkReregisteredMessage")["framework_id"] == framework
offer, agent = offered(one)
step("DeactivateFrameworkMessage", "ReregisterFrameworkMessage", "FrameworkReregisteredMessage",
     "RescindResourceOfferMessage")

# Another process takes over, if it says that it fails over; then it goes, and the first comes back.
two = Actor(f"scheduler-{uuid.uuid4()}")
send(two, "ReregisterFrameworkMessage", framework=known, failover=False)
refused(two, "Framework failed over")
call(two, "SUBSCRIBE", subscribe={"framework_info": known, "force": True})
assert two.expect("FrameworkRegisteredMessage")["framework_id"] == framework
refused(one, "Framework failed over")
two.expect("ResourceOffersMessage")
assert shown()["pid"] == two.pid
# What the executor says reaches the new one, because its agent has heard of it.
call(two, "MESSAGE", message={"slave_id": offer["slave_id"], "executor_id": "walker", "data": b"new"})
two.expect("ExecutorToFrameworkMessage", where=lambda m: m["data"] == b"echo new")
two.close()
end = time.monotonic() + 20
while shown()["connected"]:
    assert time.monotonic() < end, "the master did not notice that the driver has gone"
    time.sleep(0.1)
assert shown()["pid"] == two.pid
send(one, "ReregisterFrameworkMessage", framework=known, failover=True)
one.expect("FrameworkRegisteredMessage")
one.forget("ResourceOffersMessage", "RescindResourceOfferMessage")

# An executor that ends, with a task of it; an agent that leaves.
call(one, "MESSAGE", message={"slave_id": offer["slave_id"], "executor_id": "walker", "data": b"die"})
exited = one.expect("ExitedExecutorMessage", 40)
assert exited["executor_id"] == "walker" and exited["status"] == 7 << 8, exited
acknowledge(one, update(one, "a", "FAILED", source=1, reason=1))
step("ExitedExecutorMessage")

# One that is told to end, because its framework wants that.
offer, agent = fresh_offer(one)
operation["launch"]["task_infos"] = [task("c", offer, executor=executor("last"), data=b"three")]
call(one, "ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [operation]})
acknowledge(one, update(one, "c", "RUNNING"))
call(one, "SHUTDOWN", shutdown={"executor_id": "last", "slave_id": offer["slave_id"]})
acknowledge(one, update(one, "c", "KILLED", data=b"shutdown"))
one.expect("ExitedExecutorMessage", where=lambda m: m["executor_id"] == "last")
end_agent()
lost = one.expect("LostSlaveMessage", 40)
assert lost["slave_id"] == offer["slave_id"], lost
step("LostSlaveMessage")

# The end: what a stranger asks for is nothing, what the driver asks for is done.
stranger = Actor(f"scheduler-{uuid.uuid4()}")
send(stranger, "UnregisterFrameworkMessage", framework_id=framework)
time.sleep(0.5)
assert shown()["connected"]
send(one, "UnregisterFrameworkMessage", framework_id=framework)
end = time.monotonic() + 20
while any(running["id"] == framework for running in fetch("/frameworks")["frameworks"]):
    assert time.monotonic() < end, "the framework was not removed"
    time.sleep(0.1)
completed = [gone for gone in fetch("/frameworks")["completed_frameworks"] if gone["id"] == framework]
assert [gone["pid"] for gone in completed] == [one.pid], completed
send(one, "ReregisterFrameworkMessage", framework=known, failover=True)
refused(one, "Framework has been removed")
call(stranger, "SUBSCRIBE", subscribe={"framework_info": known})
refused(stranger, "Framework has been removed")
again = Actor(f"scheduler-{uuid.uuid4()}")
again.send(master, "mesos.scheduler.Call", {"type": CALLS["SUBSCRIBE"], "subscribe": {"framework_info": INFO}})
framework = again.expect("FrameworkRegisteredMessage")["framework_id"]
call(again, "TEARDOWN")
step("UnregisterFrameworkMessage")

# What the executor walked is in the files that it left.
notes = " ".join(path.read_text() for path in folder.glob("*.walked")).split()
expected = set(
    "RegisterExecutorMessage ExecutorRegisteredMessage ReconnectExecutorMessage ReregisterExecutorMessage "
    "ExecutorReregisteredMessage RunTaskMessage KillTaskMessage StatusUpdateMessage StatusUpdateAcknowledgementMessage "
    "FrameworkToExecutorMessage ExecutorToFrameworkMessage ShutdownExecutorMessage".split()
)
assert expected <= set(notes), f"the executor did not walk {expected - set(notes)}"
print("all walked:", len(walked), "of schedulers,", len(set(notes)), "of executors", flush=True)
