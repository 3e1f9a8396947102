#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Walks CRAM-MD5 with a master that demands it: v0_authentication.py HOST:PORT PRINCIPAL SECRET"""

import hashlib
import hmac
import sys

from libprocess import Actor

address, principal, secret = sys.argv[1:]
master = f"master@{address}"
client = Actor("crammd5-authenticatee(1)")
driver = Actor("scheduler-1")
INFO = {"user": "root", "name": "proven"}


def begin(subject=driver):
    client.send(master, "AuthenticateMessage", {"pid": subject.pid})
    message = client.expect("AuthenticationMechanismsMessage")
    assert message["mechanisms"] == ["CRAM-MD5"], message
    assert message["from"].startswith("crammd5-authenticator-session("), message
    return message["from"]


def challenge(session):
    client.send(session, "AuthenticationStartMessage", {"mechanism": "CRAM-MD5"})
    data = client.expect("AuthenticationStepMessage", where=lambda message: message)["data"]
    assert data.startswith(b"<") and data.endswith(b">") and b"@" in data, data
    return data


def response(session, name, key):
    digest = hmac.new(key.encode(), challenge(session), hashlib.md5).hexdigest()
    client.send(session, "AuthenticationStepMessage", {"data": f"{name} {digest}".encode()})


def register(info, error=None):
    driver.send(master, "RegisterFrameworkMessage", {"framework": info})
    if error is None:
        driver.expect("FrameworkRegisteredMessage")
    else:
        message = driver.expect("FrameworkErrorMessage")["message"]
        assert message == error, message


def fails(session, error):
    message = client.expect("AuthenticationErrorMessage")
    assert message["error"] == error and message["from"] == session, message


register(INFO, f"Framework at {driver.pid} is not authenticated")
for name, key in [(principal, "wrong"), ("nobody", secret), (principal, "")]:
    response(begin(), name, key)
    client.expect("AuthenticationFailedMessage")
register(INFO, f"Framework at {driver.pid} is not authenticated")
session = begin()
client.send(session, "AuthenticationStepMessage", {"data": b"x"})
fails(session, "Unexpected authentication 'step' received")
session = begin()
client.send(session, "AuthenticationStartMessage", {"mechanism": "PLAIN"})
fails(session, "SASL(-4): no mechanism available: Couldn't find mech PLAIN")
session = begin()
challenge(session)
client.send(session, "AuthenticationStepMessage", {"data": b"nameless"})
fails(session, "SASL(-5): bad protocol / cancel: need authentication name")

# What is asked for meanwhile waits for the outcome.
session = begin()
driver.send(master, "RegisterFrameworkMessage", {"framework": INFO})
driver.expect_none("FrameworkRegisteredMessage", 0.5)
response(session, principal, secret)
client.expect("AuthenticationCompletedMessage")
driver.expect("FrameworkRegisteredMessage")
register({**INFO, "principal": "nobody"},
         f"Framework principal 'nobody' does not match authenticated principal '{principal}'")
register({**INFO, "principal": principal})

# Whoever begins anew is nobody until it is through.
begin()
begin()
driver.send(master, "RegisterFrameworkMessage", {"framework": INFO})
driver.expect_none("FrameworkRegisteredMessage", 0.5)
print("all walked", flush=True)
