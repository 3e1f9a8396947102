#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A v1 scheduler that lives through changes of masters: it runs long tasks, and notes when it is offered what by whom.

    failover.py --masters HOST:PORT,… --name NAME --tasks N --folder FOLDER [--partition-aware]

Each task notes in FOLDER/began/NAME-NUMBER that it began, and goes on until it is killed. The leader is found through the
redirects of any master. FOLDER/NAME.history gets a line for whatever happens, each with the time:

    subscribed MASTER · running TASK · offered MASTER · ready

It ends when FOLDER/finish is there: all tasks must be running then, by the master's own word, and none may ever have ended.
"""

import argparse
import http.client
import json
import os
import socket
import time
import urllib.parse

TASK = {"cpus": 0.01, "mem": 1.0}
# How long the master may take to tell of all tasks after the last change.
SETTLED_WITHIN = 60.0
ALIVE = {"TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"}


class Lost(Exception):
    """The subscription is over."""


class Stream:
    """A subscription, read as bytes come: libraries do not return between two heartbeats."""

    def __init__(self, master, call):
        host, port = master.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.socket.sendall((f"POST /api/v1/scheduler HTTP/1.1\r\nHost: {master}\r\nContent-Type: application/json\r\n"
                             f"Accept: application/json\r\nContent-Length: {len(call)}\r\n\r\n{call}").encode())
        self.raw, self.records = b"", b""
        while b"\r\n\r\n" not in self.raw:
            self.receive()
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        status, *lines = head.decode().split("\r\n")
        if " 200 " not in status:
            raise Lost(f"{master} answers {status}")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.id = headers["mesos-stream-id"]
        self.socket.settimeout(1)

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise Lost("the connection has ended")
        self.raw += data

    def events(self):
        """What has come, or comes within a second."""
        try:
            self.receive()
        except TimeoutError:
            return
        except OSError as error:
            raise Lost(str(error))
        while b"\r\n" in self.raw:
            size, rest = self.raw.split(b"\r\n", 1)
            size = int(size, 16)
            if len(rest) < size + 2:
                break
            if size == 0:
                raise Lost("the stream has ended")
            self.records, self.raw = self.records + rest[:size], rest[size + 2:]
        while b"\n" in self.records:
            length, rest = self.records.split(b"\n", 1)
            if len(rest) < int(length):
                return
            self.records = rest[int(length):]
            yield json.loads(rest[:int(length)])

    def close(self):
        self.socket.close()


class Scheduler:
    def __init__(self, arguments):
        self.masters = [address.strip() for address in arguments.masters.split(",")]
        self.name, self.folder, self.wanted = arguments.name, arguments.folder, arguments.tasks
        capabilities = [{"type": "MULTI_ROLE"}] + [{"type": "PARTITION_AWARE"}] * arguments.partition_aware
        self.info = {"user": os.environ.get("USER", "root"), "name": self.name, "roles": [self.name], "checkpoint": True,
                     "failover_timeout": 3600.0, "capabilities": capabilities}
        self.history = open(os.path.join(self.folder, self.name + ".history"), "a")
        self.stream_id = self.leader = self.stream = None
        # Tasks that were launched, and those whose TASK_RUNNING has arrived.
        self.launched, self.running = set(), set()
        self.confirmed = set()
        self.asked = None

    def note(self, *words):
        print(f"{time.time():.3f}", *words, file=self.history, flush=True)

    # Talking with masters.

    def find(self):
        for address in self.masters:
            try:
                connection = http.client.HTTPConnection(address, timeout=2)
                connection.request("GET", "/master/redirect")
                response = connection.getresponse()
                response.read()
                if response.status == 307:
                    return urllib.parse.urlsplit(response.getheader("Location")).netloc
            except OSError:
                continue
            except http.client.HTTPException:
                continue
            finally:
                connection.close()
        return None

    def subscribe(self):
        leader = self.find()
        if leader is None:
            raise Lost("no master names a leader")
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        try:
            self.stream = Stream(leader, json.dumps(call))
        except OSError as error:
            raise Lost(f"{leader}: {error}")
        self.stream_id, self.leader = self.stream.id, leader
        self.asked, self.confirmed = None, set()
        self.note("subscribed", leader)

    def call(self, kind, **more):
        body = json.dumps({"type": kind, "framework_id": self.info["id"], **more})
        headers = {"Content-Type": "application/json", "Mesos-Stream-Id": self.stream_id}
        connection = http.client.HTTPConnection(self.leader, timeout=5)
        try:
            connection.request("POST", "/api/v1/scheduler", body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise Lost(f"{kind}: {error}")
        finally:
            connection.close()
        if response.status in (307, 503) or (response.status in (400, 403) and "ubscribe" in text):
            raise Lost(f"{kind}: {response.status} {text}")
        assert response.status == 202, f"{kind}: {response.status} {text}"

    # What happens.

    def run(self):
        while True:
            try:
                self.subscribe()
                while True:
                    for event in self.stream.events():
                        self.handle(event)
                    if self.is_over():
                        return self.call("TEARDOWN")
            except Lost as lost:
                self.note("lost", str(lost))
                if self.stream is not None:
                    self.stream.close()
                time.sleep(0.2)

    def handle(self, event):
        if event["type"] == "SUBSCRIBED":
            self.info["id"] = event["subscribed"]["framework_id"]
        elif event["type"] == "OFFERS":
            self.note("offered", self.leader)
            for offer in event["offers"]["offers"]:
                self.use(offer)
        elif event["type"] == "UPDATE":
            self.update(event["update"]["status"])
        elif event["type"] == "ERROR":
            raise SystemExit(f"{self.name}: {event['error']['message']}")

    def use(self, offer):
        room = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
        tasks = []
        for number in range(self.wanted):
            task = f"{self.name}-{number}"
            fits = all(room.get(name, 0.0) >= amount for name, amount in TASK.items())
            # A share for each agent.
            if task in self.launched or not fits or len(tasks) * 3 >= self.wanted:
                continue
            for name, amount in TASK.items():
                room[name] -= amount
            resources = [{"name": name, "type": "SCALAR", "scalar": {"value": amount},
                          "allocation_info": {"role": self.name}} for name, amount in TASK.items()]
            script = f"echo $$ >>{self.folder}/began/{task}; exec sleep 3600"
            tasks.append({"name": task, "task_id": {"value": task}, "agent_id": offer["agent_id"],
                          "resources": resources, "command": {"value": script}})
        self.launched.update(task["name"] for task in tasks)
        # What is declined is wanted again at once: each change of masters is to be seen by its first offer.
        filters = {"refuse_seconds": 0.5}
        if tasks:
            operations = [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]
            self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": operations, "filters": filters})
        else:
            self.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": filters})

    def update(self, status):
        task, state = status["task_id"]["value"], status["state"]
        if "uuid" in status:
            self.call("ACKNOWLEDGE", acknowledge={"agent_id": status["agent_id"], "task_id": status["task_id"],
                                                  "uuid": status["uuid"]})
        # While agents come back, partition-aware frameworks may be told that a task is not known yet.
        assert state in ALIVE or task not in self.running, f"{task} was running, and is now {state}: {status}"
        if state == "TASK_RUNNING":
            if task not in self.running:
                self.note("running", task)
                self.running.add(task)
                if len(self.running) == self.wanted:
                    self.note("ready")
            self.confirmed.add(task)
        elif state not in ALIVE:
            # A launch that was under way when the master died.
            assert not os.path.exists(f"{self.folder}/began/{task}"), f"{task} began, and is now {state}"
            self.launched.discard(task)

    def is_over(self):
        """Once the end is wanted, the master is asked for all tasks; each must be running."""
        finish = os.path.join(self.folder, "finish")
        if not os.path.exists(finish) or len(self.running) < self.wanted:
            return False
        now = time.time()
        if self.asked is None:
            self.confirmed, self.asked = set(), now
            self.call("RECONCILE", reconcile={"tasks": []})
        assert now - self.asked < SETTLED_WITHIN, f"{self.name}: not told of {self.running - self.confirmed}"
        if self.confirmed >= self.running:
            self.note("confirmed", len(self.confirmed))
            return True
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--masters", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--tasks", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--partition-aware", action="store_true")
    Scheduler(parser.parse_args()).run()


if __name__ == "__main__":
    main()
