#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scheduler on pymesos that is asked for its machine: pymesos_asked.py HOST:PORT

It runs one task. When it is asked to give the machine back it says yes the first time, and no from then on. It prints
what happens.
"""

import sys
import threading

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler


def say(*words):
    print(*words, flush=True)


class Asked(Scheduler):
    def __init__(self):
        self.launched, self.questions = False, 0

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.launched:
                driver.declineOffer(offer.id, Dict(refuse_seconds=3600))
                continue
            self.launched = True
            amounts = [Dict(name="cpus", type="SCALAR", scalar=Dict(value=0.5)),
                       Dict(name="mem", type="SCALAR", scalar=Dict(value=64))]
            task = Dict(task_id=Dict(value="task"), name="task", agent_id=offer.agent_id, resources=amounts,
                        command=Dict(value="exec sleep 600"))
            driver.launchTasks(offer.id, [task], Dict(refuse_seconds=3600))

    def inverseOffers(self, driver, offers):
        for offer in offers:
            assert offer.unavailability.start.nanoseconds > 0, offer
            self.questions += 1
            if self.questions == 1:
                driver.acceptInverseOffers(offer.id, Dict(refuse_seconds=1))
                say("asked: accepted")
            else:
                driver.declineInverseOffer(offer.id, Dict(refuse_seconds=3600))
                say("asked: declined")

    def inverseOfferRescinded(self, driver, offer_id):
        say("no longer asked")

    def statusUpdate(self, driver, update):
        if update.state == "TASK_RUNNING":
            say("task TASK_RUNNING")
        elif update.state not in ("TASK_STAGING", "TASK_STARTING", "TASK_KILLING"):
            say("task ended:", update.state, update.get("message", ""))

    def slaveLost(self, driver, agent_id):
        say("lost agent", agent_id.value)

    def error(self, driver, message):
        say("error:", message)


framework = Dict(user="root", name="asked", hostname="localhost", failover_timeout=120, checkpoint=True)
driver = MesosSchedulerDriver(Asked(), framework, sys.argv[1], use_addict=True)
watch = threading.Timer(120, lambda: (say("out of time"), driver.stop()))
watch.daemon = True
watch.start()
driver.run()
