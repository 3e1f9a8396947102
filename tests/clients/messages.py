# SPDX-License-Identifier: Apache-2.0
"""The messages that drivers of the v0 API exchange, to and from bytes: proto2 by hand, with nothing but the standard library.

A message is a dict. Fields that hold an id are written as plain strings; what a schema does not name is skipped.
"""

import struct

# NAME: number:field:type, with * behind the type of repeated fields. Types that are not scalars name other schemas;
# `id` is a message whose field 1 is a string.
SCHEMAS = {}


def schema(text):
    for line in text.strip().splitlines():
        name, _, fields = line.strip().partition(" ")
        entries = {}
        for field in fields.split():
            number, key, kind = field.split(":")
            entries[int(number)] = (key, kind.rstrip("*"), kind.endswith("*"))
        SCHEMAS[name] = entries


schema("""
Capability 1:type:int
FrameworkInfo 1:user:str 2:name:str 3:id:id 4:failover_timeout:double 5:checkpoint:bool 6:role:str 7:hostname:str 8:principal:str 10:capabilities:Capability* 12:roles:str*
Address 1:hostname:str 2:ip:str 3:port:int
MasterInfo 1:id:str 2:ip:int 3:port:int 4:pid:str 5:hostname:str 6:version:str 7:address:Address
Scalar 1:value:double
Allocation 1:role:str
Resource 1:name:str 2:type:int 3:scalar:Scalar 6:role:str 11:allocation_info:Allocation
Attribute 1:name:str
SlaveInfo 1:hostname:str 3:resources:Resource* 5:attributes:Attribute* 6:id:id 7:checkpoint:bool 8:port:int
URL 1:scheme:str 2:address:Address 3:path:str
Offer 1:id:id 2:framework_id:id 3:slave_id:id 4:hostname:str 5:resources:Resource* 6:executor_ids:id* 8:url:URL 10:allocation_info:Allocation
CommandInfo 3:value:str 5:user:str 6:shell:bool 7:arguments:str*
ExecutorInfo 1:executor_id:id 4:data:bytes 5:resources:Resource* 7:command:CommandInfo 8:framework_id:id 9:name:str 10:source:str 15:type:int
Duration 1:nanoseconds:int
KillPolicy 1:grace_period:Duration
TaskInfo 1:name:str 2:task_id:id 3:slave_id:id 4:resources:Resource* 5:executor:ExecutorInfo 6:data:bytes 7:command:CommandInfo 12:kill_policy:KillPolicy
TaskStatus 1:task_id:id 2:state:int 3:data:bytes 4:message:str 5:slave_id:id 6:timestamp:double 7:executor_id:id 8:healthy:bool 9:source:int 10:reason:int 11:uuid:bytes
Filters 1:refuse_seconds:double
Request 1:slave_id:id 2:resources:Resource*
Launch 1:task_infos:TaskInfo*
Operation 1:type:int 2:launch:Launch 12:id:id
StatusUpdate 1:framework_id:id 2:executor_id:id 3:slave_id:id 4:status:TaskStatus 5:timestamp:double 6:uuid:bytes 7:latest_state:int

SubscribeCall 1:framework_info:FrameworkInfo 2:force:bool 3:suppressed_roles:str*
AcceptCall 1:offer_ids:id* 2:operations:Operation* 3:filters:Filters
DeclineCall 1:offer_ids:id* 2:filters:Filters
RolesCall 1:roles:str*
KillCall 1:task_id:id 2:slave_id:id 3:kill_policy:KillPolicy
ShutdownCall 1:executor_id:id 2:slave_id:id
AcknowledgeCall 1:slave_id:id 2:task_id:id 3:uuid:bytes
ReconcileTask 1:task_id:id 2:slave_id:id
ReconcileCall 1:tasks:ReconcileTask*
MessageCall 1:slave_id:id 2:executor_id:id 3:data:bytes
RequestCall 1:requests:Request*
UpdateCall 1:framework_info:FrameworkInfo 2:suppressed_roles:str*
mesos.scheduler.Call 1:framework_id:id 2:type:int 3:subscribe:SubscribeCall 4:accept:AcceptCall 5:decline:DeclineCall 6:kill:KillCall 7:shutdown:ShutdownCall 8:acknowledge:AcknowledgeCall 9:reconcile:ReconcileCall 10:message:MessageCall 11:request:RequestCall 15:revive:RolesCall 16:suppress:RolesCall 19:update_framework:UpdateCall

SubmitSchedulerRequest 1:name:str
SubmitSchedulerResponse 1:okay:bool
RegisterFrameworkMessage 1:framework:FrameworkInfo
ReregisterFrameworkMessage 2:framework:FrameworkInfo 3:failover:bool
UnregisterFrameworkMessage 1:framework_id:id
DeactivateFrameworkMessage 1:framework_id:id
ResourceRequestMessage 1:framework_id:id 2:requests:Request*
LaunchTasksMessage 1:framework_id:id 3:tasks:TaskInfo* 5:filters:Filters 6:offer_ids:id*
ReviveOffersMessage 1:framework_id:id 2:roles:str*
KillTaskMessage 1:framework_id:id 2:task_id:id 3:kill_policy:KillPolicy
StatusUpdateAcknowledgementMessage 1:slave_id:id 2:framework_id:id 3:task_id:id 4:uuid:bytes
FrameworkToExecutorMessage 1:slave_id:id 2:framework_id:id 3:executor_id:id 4:data:bytes
ReconcileTasksMessage 1:framework_id:id 2:statuses:TaskStatus*

FrameworkRegisteredMessage 1:framework_id:id 2:master_info:MasterInfo
FrameworkReregisteredMessage 1:framework_id:id 2:master_info:MasterInfo
ResourceOffersMessage 1:offers:Offer* 2:pids:str*
RescindResourceOfferMessage 1:offer_id:id
StatusUpdateMessage 1:update:StatusUpdate 2:pid:str
LostSlaveMessage 1:slave_id:id
ExitedExecutorMessage 1:slave_id:id 2:framework_id:id 3:executor_id:id 4:status:int
ExecutorToFrameworkMessage 1:slave_id:id 2:framework_id:id 3:executor_id:id 4:data:bytes
FrameworkErrorMessage 2:message:str

RegisterExecutorMessage 1:framework_id:id 2:executor_id:id
ExecutorRegisteredMessage 2:executor_info:ExecutorInfo 3:framework_id:id 4:framework_info:FrameworkInfo 5:slave_id:id 6:slave_info:SlaveInfo
ReconnectExecutorMessage 1:slave_id:id
ReregisterExecutorMessage 1:executor_id:id 2:framework_id:id 3:tasks:TaskInfo* 4:updates:StatusUpdate*
ExecutorReregisteredMessage 1:slave_id:id 2:slave_info:SlaveInfo
RunTaskMessage 1:framework_id:id 2:framework:FrameworkInfo 3:pid:str 4:task:TaskInfo
ShutdownExecutorMessage 1:executor_id:id 2:framework_id:id

AuthenticateMessage 1:pid:str
AuthenticationMechanismsMessage 1:mechanisms:str*
AuthenticationStartMessage 1:mechanism:str 2:data:bytes
AuthenticationStepMessage 1:data:bytes
AuthenticationCompletedMessage
AuthenticationFailedMessage
AuthenticationErrorMessage 1:error:str
""".replace("\n\n", "\n"))

STATES = (
    "STARTING RUNNING FINISHED FAILED KILLED LOST STAGING ERROR KILLING DROPPED UNREACHABLE GONE GONE_BY_OPERATOR UNKNOWN"
).split()
STATE = {name: number for number, name in enumerate(STATES)}
CALLS = {
    "SUBSCRIBE": 1, "TEARDOWN": 2, "ACCEPT": 3, "DECLINE": 4, "REVIVE": 5, "KILL": 6, "SHUTDOWN": 7, "ACKNOWLEDGE": 8,
    "RECONCILE": 9, "MESSAGE": 10, "REQUEST": 11, "SUPPRESS": 12, "UPDATE_FRAMEWORK": 17,
}


def full_name(name):
    """The name under which a message travels."""
    return name if name.startswith("mesos.") else f"mesos.internal.{name}"


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, wire, body):
    head = varint(number << 3 | wire)
    return head + (varint(len(body)) + body if wire == 2 else body)


def encode_value(number, kind, value):
    if kind in ("int", "bool"):
        return field(number, 0, varint(int(value)))
    if kind == "double":
        return field(number, 1, struct.pack("<d", value))
    if kind == "str":
        return field(number, 2, value.encode())
    if kind == "bytes":
        return field(number, 2, bytes(value))
    if kind == "id":
        return field(number, 2, field(1, 2, value.encode()))
    return field(number, 2, encode(kind, value))


def encode(name, message):
    out, left = b"", dict(message)
    for number, (key, kind, repeated) in SCHEMAS[name].items():
        if key in left:
            value = left.pop(key)
            for one in value if repeated else [value]:
                out += encode_value(number, kind, one)
    assert not left, f"{name} has no {sorted(left)}"
    return out


def take_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def raw_fields(data):
    at = 0
    while at < len(data):
        tag, at = take_varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = take_varint(data, at)
        elif wire == 1:
            value, at = data[at:at + 8], at + 8
        elif wire == 2:
            length, at = take_varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f"wire type {wire} is not of this century")
        yield tag >> 3, value


def decode_value(kind, value):
    if kind == "int":
        return value - (1 << 64) if value >> 63 else value
    if kind == "bool":
        return bool(value)
    if kind == "double":
        return struct.unpack("<d", value)[0]
    if kind == "str":
        return value.decode()
    if kind == "bytes":
        return value
    if kind == "id":
        return dict(raw_fields(value))[1].decode()
    return decode(kind, value)


def decode(name, data):
    message = {}
    for number, value in raw_fields(data):
        if number in SCHEMAS[name]:
            key, kind, repeated = SCHEMAS[name][number]
            value = decode_value(kind, value)
            if repeated:
                message.setdefault(key, []).append(value)
            else:
                message[key] = value
    return message
