#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An executor on pymesos, for pymesos_scheduler.py: its tasks do what the kind in their data says."""

import threading
import time

from addict import Dict
from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Kinds(Executor):
    def __init__(self):
        self.killed = {}

    def launchTask(self, driver, task):
        killed = self.killed[task.task_id.value] = threading.Event()
        threading.Thread(target=self.run, args=(driver, task, killed), daemon=True).start()

    def run(self, driver, task, killed):
        self.tell(driver, task, "TASK_RUNNING")
        kind = decode_data(task.data).decode()
        if kind == "kill":
            if not killed.wait(120):
                return self.tell(driver, task, "TASK_LOST", "nobody killed it")
            return self.tell(driver, task, "TASK_KILLED")
        time.sleep(0.2)
        if kind == "fail":
            return self.tell(driver, task, "TASK_FAILED", "as it was told to")
        self.tell(driver, task, "TASK_FINISHED")

    def tell(self, driver, task, state, message=None):
        update = Dict(task_id=task.task_id, state=state, timestamp=time.time())
        if message:
            update.message = message
        driver.sendStatusUpdate(update)

    def killTask(self, driver, task_id):
        self.killed[task_id.value].set()

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(encode_data(b"pong " + decode_data(message)))


MesosExecutorDriver(Kinds(), use_addict=True).run()
