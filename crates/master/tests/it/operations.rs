// SPDX-License-Identifier: Apache-2.0

//! The rules for operations on offers: a case for each, with the words of Mesos.

use crate::scene::Stage;

pub const ALL: &str = r#"{"type":"MULTI_ROLE"},{"type":"HIERARCHICAL_ROLE"},{"type":"RESERVATION_REFINEMENT"},{"type":"RESOURCE_PROVIDER"},{"type":"RESIZE_VOLUME"},{"type":"AGENT_OPERATION_FEEDBACK"}"#;

/// A framework of this description with an offer of all of an agent with these capabilities.
pub fn stage(framework: &str, capabilities: &str) -> Stage {
    let mut stage = Stage::new();
    stage.play(&format!(
        r#"subscribe 1 {{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"u","name":"n",{framework}}}}}}}"#
    ));
    stage.play(&format!(
        r#"message slave(1)@10.0.0.1:5051 master RegisterAgent {{"agent":{{"hostname":"host1","checkpoint":true,"resources":[{},{}]}},"version":"1.11.0","agent_capabilities":[{capabilities}],"resource_version_uuid":{{"value":"CQkJCQkJCQkJCQkJCQkJCQ=="}}}}"#,
        r#"{"name":"cpus","type":"SCALAR","scalar":{"value":4}}"#,
        r#"{"name":"disk","type":"SCALAR","scalar":{"value":1000}}"#,
    ));
    stage.play("after 10ms");
    stage
}

pub const FRAMEWORK: &str = r#""role":"a","principal":"p""#;

/// What the framework is told of an operation to which it gave an id; `FINISHED` is left to the agent, so that an order
/// to it is told as `ordered`.
fn verdict(stage: &mut Stage, operation: &str) -> String {
    let effects = stage.play(&format!(r#"accept 1 {{"id":{{"value":"x"}},{operation}}}"#));
    stage.play("after 1100ms");
    verdict_of(&effects)
}

fn verdict_of(effects: &str) -> String {
    if effects.contains("ApplyOperationMessage") {
        return "ordered".to_string();
    }
    let Some((_, rest)) = effects.split_once(r#""state":"OPERATION_ERROR","message":""#) else {
        return format!("silence: {effects}");
    };
    assert!(!rest.contains(r#""uuid""#), "the master's own word is not to be acknowledged");
    rest.split(r#""}"#).next().unwrap_or_default().replace("\\\"", "\"")
}

pub fn scalar(name: &str, amount: f64, more: &str) -> String {
    format!(r#"{{"name":"{name}","type":"SCALAR","scalar":{{"value":{amount}}}{more}}}"#)
}

const OWN: &str = r#","reservations":[{"type":"DYNAMIC","role":"a","principal":"p"}]"#;

fn disk_info(persistence: &str, volume: &str, more: &str) -> String {
    format!(r#"{OWN},"disk":{{"persistence":{{"id":"v"{persistence}}},"volume":{{{volume}}}}}{more}"#)
}

fn volume(amount: f64) -> String {
    scalar("disk", amount, &disk_info(r#","principal":"p""#, r#""container_path":"v","mode":"RW""#, ""))
}

pub fn reserve(resource: &str) -> String {
    format!(r#""type":"RESERVE","reserve":{{"resources":[{resource}]}}"#)
}

fn unreserve(resource: &str) -> String {
    format!(r#""type":"UNRESERVE","unreserve":{{"resources":[{resource}]}}"#)
}

fn create(volume: &str) -> String {
    format!(r#""type":"CREATE","create":{{"volumes":[{volume}]}}"#)
}

fn destroy(volume: &str) -> String {
    format!(r#""type":"DESTROY","destroy":{{"volumes":[{volume}]}}"#)
}

fn grow(volume: &str, addition: &str) -> String {
    format!(r#""type":"GROW_VOLUME","grow_volume":{{"volume":{volume},"addition":{addition}}}"#)
}

fn shrink(volume: &str, subtract: f64) -> String {
    format!(
        r#""type":"SHRINK_VOLUME","shrink_volume":{{"volume":{volume},"subtract":{{"value":{subtract}}}}}"#
    )
}

fn create_disk(source: &str, more: &str) -> String {
    format!(r#""type":"CREATE_DISK","create_disk":{{"source":{source},"target_type":{more}}}"#)
}

fn destroy_disk(source: &str) -> String {
    format!(r#""type":"DESTROY_DISK","destroy_disk":{{"source":{source}}}"#)
}

fn check(stage: &mut Stage, cases: &[(&str, String, &str)]) {
    for (row, operation, expected) in cases {
        let told = verdict(stage, operation);
        let expected = match *expected {
            "ordered" => "ordered".to_string(),
            text => text.replace("@agent", "; on agent M-S0 at slave(1)@10.0.0.1:5051 (host1)"),
        };
        assert_eq!(told.replace(stage.master.id(), "M"), expected, "{row}: {operation}");
    }
}

#[test]
fn what_is_malformed_is_not_looked_at() {
    let mut stage = stage(FRAMEWORK, ALL);
    let bad = "Operation attempted with invalid resources: ";
    let cases = [
        (
            "RESERVE",
            r#""type":"RESERVE""#,
            "A RESERVE offer operation must have the Offer.Operation.reserve field set.",
        ),
        (
            "UNRESERVE",
            r#""type":"UNRESERVE""#,
            "An UNRESERVE offer operation must have the Offer.Operation.unreserve field set.",
        ),
        (
            "CREATE",
            r#""type":"CREATE""#,
            "A CREATE offer operation must have the Offer.Operation.create field set.",
        ),
        (
            "DESTROY",
            r#""type":"DESTROY""#,
            "A DESTROY offer operation must have the Offer.Operation.destroy field set.",
        ),
        (
            "GROW",
            r#""type":"GROW_VOLUME""#,
            "A GROW_VOLUME operation must have the Offer.Operation.grow_volume field set",
        ),
        (
            "SHRINK",
            r#""type":"SHRINK_VOLUME""#,
            "A SHRINK_VOLUME offer operation must have the Offer.Operation.shrink_volume field set",
        ),
        (
            "CREATE_DISK",
            r#""type":"CREATE_DISK""#,
            "A CREATE_DISK offer operation must have the Offer.Operation.create_disk field set.",
        ),
        (
            "DESTROY_DISK",
            r#""type":"DESTROY_DISK""#,
            "A DESTROY_DISK offer operation must have the Offer.Operation.destroy_disk field set.",
        ),
    ];
    for (row, operation, text) in cases {
        check(&mut stage, &[(row, operation.to_string(), &format!("{bad}{text}"))]);
    }
    let negative = format!("{bad}Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0");
    check(&mut stage, &[("resources", reserve(&scalar("cpus", -1.0, "")), &negative)]);
    let source = format!(
        r#""type":"RESERVE","reserve":{{"source":[{0}],"resources":[{0}]}}"#,
        scalar("cpus", 1.0, OWN)
    );
    let text = format!("{bad}Reservation updates are not yet implemented for the scheduler API.");
    check(&mut stage, &[("source", source, &text)]);
}

#[test]
fn reserve_follows_its_rules() {
    let mut stage = stage(FRAMEWORK, ALL);
    let role =
        |role: &str, more: &str| format!(r#","reservations":[{{"type":"DYNAMIC","role":"{role}"{more}}}]"#);
    let p = r#","principal":"p""#;
    check(
        &mut stage,
        &[
            (
                "nothing",
                reserve(""),
                "Invalid resources: The resources have multiple resource providers: @agent",
            ),
            (
                "not dynamic",
                reserve(&scalar("cpus", 1.0, "")),
                "Resource cpus(allocated: a):1 is not dynamically reserved@agent",
            ),
            (
                "revocable",
                reserve(&scalar("cpus", 1.0, &format!(r#"{OWN},"revocable":{{}}"#))),
                "Invalid resources: Invalid ReservationInfo: Dynamically reserved resource cpus(allocated: a)(reservations: [(DYNAMIC,a,p)]){REV}:1 cannot be created from revocable resources@agent",
            ),
            (
                "no principal",
                reserve(&scalar("cpus", 1.0, &role("a", ""))),
                "A reserve operation was attempted by principal 'p', but there is a reserved resource in the request with no principal set@agent",
            ),
            (
                "another principal",
                reserve(&scalar("cpus", 1.0, &role("a", r#","principal":"q""#))),
                "A reserve operation was attempted by authenticated principal 'p', which does not match a reserved resource in the request with principal 'q'@agent",
            ),
            (
                "another role",
                reserve(&scalar("cpus", 1.0, &role("b", p))),
                "A reserve operation was attempted for a resource with role 'b', but the resource was allocated to role 'a'@agent",
            ),
            (
                "a role that it has not",
                reserve(&scalar(
                    "cpus",
                    1.0,
                    &format!(r#"{},"allocation_info":{{"role":"b"}}"#, role("b", p)),
                )),
                "A reserve operation was attempted for a resource allocated to role 'b', but the framework only has roles '{ a }'@agent",
            ),
            (
                "two providers",
                reserve(&format!(
                    "{},{}",
                    scalar("cpus", 1.0, OWN),
                    scalar("disk", 1.0, &format!(r#"{OWN},"provider_id":{{"value":"x"}}"#))
                )),
                "Invalid resources: Some resources have a resource provider and some do not@agent",
            ),
            (
                "more than offered",
                reserve(&scalar("cpus", 9.0, OWN)),
                "cpus(allocated: a):4; disk(allocated: a):1000 does not contain cpus(allocated: a):9",
            ),
            ("as it should be", reserve(&scalar("cpus", 1.0, OWN)), "ordered"),
        ],
    );
}

#[test]
fn unreserve_follows_its_rules() {
    let mut stage = stage(FRAMEWORK, ALL);
    check(
        &mut stage,
        &[
            (
                "not dynamic",
                unreserve(&scalar("cpus", 1.0, "")),
                "Resource cpus(allocated: a):1 is not dynamically reserved@agent",
            ),
            (
                "not reserved",
                unreserve(&scalar("cpus", 1.0, OWN)),
                "cpus(allocated: a):4; disk(allocated: a):1000 does not contain cpus(allocated: a)(reservations: [(DYNAMIC,a,p)]):1",
            ),
            ("reserved first", reserve(&scalar("disk", 100.0, OWN)), "ordered"),
            ("made a volume", create(&volume(100.0)), "ordered"),
            (
                "a volume on it",
                unreserve(&volume(100.0)),
                "A dynamically reserved persistent volume disk(allocated: a)(reservations: [(DYNAMIC,a,p)])[v:v]:100 cannot be unreserved directly. Please destroy the persistent volume first then unreserve the resource@agent",
            ),
            ("unmade", destroy(&volume(100.0)), "ordered"),
            ("as it should be", unreserve(&scalar("disk", 100.0, OWN)), "ordered"),
        ],
    );
}

#[test]
fn create_follows_its_rules() {
    let mut stage = stage(FRAMEWORK, ALL);
    let (p, path) = (r#","principal":"p""#, r#""container_path":"v","mode":"RW""#);
    let disk = |more: &str| scalar("disk", 10.0, more);
    check(
        &mut stage,
        &[
            ("reserved first", reserve(&scalar("disk", 100.0, OWN)), "ordered"),
            (
                "no disk",
                create(&disk(OWN)),
                "Not a persistent volume: Resource disk(allocated: a)(reservations: [(DYNAMIC,a,p)]):10 does not have DiskInfo@agent",
            ),
            (
                "an empty disk",
                create(&disk(&format!(r#"{OWN},"disk":{{}}"#))),
                "Invalid resources: Invalid DiskInfo: DiskInfo is set but empty@agent",
            ),
            (
                "no persistence",
                create(&disk(&format!(r#"{OWN},"disk":{{"volume":{{{path}}}}}"#))),
                "Invalid resources: Invalid DiskInfo: Non-persistent volume not supported@agent",
            ),
            (
                "no volume",
                create(&disk(&format!(r#"{OWN},"disk":{{"persistence":{{"id":"v"}}}}"#))),
                "Invalid resources: Invalid DiskInfo: Expecting 'volume' to be set for persistent volume@agent",
            ),
            (
                "a path of the host",
                create(&disk(&disk_info(p, &format!(r#"{path},"host_path":"/x""#), ""))),
                "Invalid resources: Invalid DiskInfo: Expecting 'host_path' to be unset for persistent volume@agent",
            ),
            (
                "unreserved",
                create(&disk(&disk_info(p, path, "").replace(OWN, ""))),
                "Invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources@agent",
            ),
            (
                "revocable",
                create(&disk(&disk_info(p, path, r#","revocable":{}"#))),
                "Invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from revocable resources@agent",
            ),
            (
                "an id that is no name",
                create(&disk(&disk_info(p, path, "").replace(r#""id":"v""#, r#""id":"a/b""#))),
                "Invalid resources: Invalid DiskInfo: Invalid persistence ID for persistent volume: 'a/b' contains invalid characters@agent",
            ),
            (
                "read-only",
                create(&disk(&disk_info(p, r#""container_path":"v","mode":"RO""#, ""))),
                "Not a persistent volume: Read-only persistent volume not supported@agent",
            ),
            (
                "no principal",
                create(&disk(&disk_info("", path, ""))),
                "Create volume operation attempted by principal 'p', but there is a volume in the operation with no principal set in 'disk.persistence'@agent",
            ),
            (
                "another principal",
                create(&disk(&disk_info(r#","principal":"q""#, path, ""))),
                "Create volume operation attempted by authenticated principal 'p', which does not match a volume in the operation with principal 'q' set in 'disk.persistence'@agent",
            ),
            (
                "shared",
                create(&disk(&disk_info(p, path, r#","shared":{}"#))),
                "Create volume operation for 'disk(allocated: a)(reservations: [(DYNAMIC,a,p)])[v:v]<SHARED>:10' has been attempted by framework 'M-0000' with no SHARED_RESOURCES capability@agent",
            ),
            ("as it should be", create(&volume(10.0)), "ordered"),
            ("twice", create(&volume(10.0)), "Persistence ID 'v' is not unique@agent"),
        ],
    );
}

#[test]
fn destroy_follows_its_rules() {
    let mut stage = stage(FRAMEWORK, ALL);
    check(
        &mut stage,
        &[
            (
                "no volume",
                destroy(&scalar("disk", 10.0, OWN)),
                "Not a persistent volume: Resource disk(reservations: [(DYNAMIC,a,p)]):10 does not have DiskInfo@agent",
            ),
            ("not there", destroy(&volume(10.0)), "Persistent volumes not found@agent"),
        ],
    );
    let launch = format!(
        r#"{{"type":"LAUNCH","launch":{{"task_infos":[{{"name":"t","task_id":{{"value":"t"}},"agent_id":{{"value":"$A1"}},"command":{{"value":"true"}},"resources":[{},{}]}}]}}}}"#,
        scalar("cpus", 1.0, ""),
        volume(10.0),
    );
    let all = [reserve(&scalar("disk", 10.0, OWN)), create(&volume(10.0))]
        .map(|one| format!("{{{one}}}"))
        .join(",");
    stage.play(&format!("accept 1 {all},{launch}"));
    stage.play("after 1100ms");
    check(&mut stage, &[("in use", destroy(&volume(10.0)), "Persistent volumes in use@agent")]);
}

#[test]
fn volumes_are_resized_by_their_rules() {
    let mut stage = stage(FRAMEWORK, ALL);
    let addition = |more: &str| scalar("disk", 10.0, more);
    let mount =
        volume(10.0).replace(r#""disk":{"#, r#""disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}},"#);
    let provided = volume(10.0).replace(OWN, &format!(r#"{OWN},"provider_id":{{"value":"x"}}"#));
    let shared = volume(10.0).replace(OWN, &format!(r#"{OWN},"shared":{{}}"#));
    check(
        &mut stage,
        &[
            (
                "grow by nothing",
                grow(&volume(10.0), &scalar("disk", 0.0, OWN)),
                "The size of 'GrowVolume.addition' field must be greater than zero@agent",
            ),
            (
                "grow a provider's",
                grow(&provided, &addition(OWN)),
                "Growing a volume from a resource provider is not supported@agent",
            ),
            (
                "grow what is no volume",
                grow(&addition(OWN), &addition(OWN)),
                "Invalid persistent volume in the 'GrowVolume.volume' field: Resource disk(allocated: a)(reservations: [(DYNAMIC,a,p)]):10 does not have DiskInfo@agent",
            ),
            (
                "grow a shared one",
                grow(&shared, &addition(OWN)),
                "Growing a shared persistent volume is not supported@agent",
            ),
            (
                "grow by something else",
                grow(&volume(10.0), &addition("")),
                "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields@agent",
            ),
            (
                "shrink by nothing",
                shrink(&volume(10.0), 0.0),
                "Value of 'ShrinkVolume.subtract' must be greater than zero@agent",
            ),
            (
                "shrink to nothing",
                shrink(&volume(10.0), 10.0),
                "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'@agent",
            ),
            (
                "shrink a provider's",
                shrink(&provided, 1.0),
                "Shrinking a volume from a resource provider is not supported@agent",
            ),
            (
                "shrink a mount",
                shrink(&mount, 1.0),
                "Shrinking a volume on a MOUNT disk is not supported@agent",
            ),
            (
                "shrink a shared one",
                shrink(&shared, 1.0),
                "Shrinking a shared persistent volume is not supported@agent",
            ),
            (
                "grow what is not offered",
                grow(&volume(10.0), &addition(OWN)),
                "Invalid GROW_VOLUME operation: cpus(allocated: a):4; disk(allocated: a):1000 does not contain disk(allocated: a)(reservations: [(DYNAMIC,a,p)]):10; disk(allocated: a)(reservations: [(DYNAMIC,a,p)])[v:v]:10",
            ),
            ("reserved first", reserve(&scalar("disk", 30.0, OWN)), "ordered"),
            ("made first", create(&volume(10.0)), "ordered"),
            ("grow", grow(&volume(10.0), &addition(OWN)), "ordered"),
            ("shrink", shrink(&volume(20.0), 5.0), "ordered"),
        ],
    );
}

/// What was made by resizing cannot be used in the same call, what was made by the others can.
#[test]
fn a_resized_volume_is_offered_anew() {
    let mut stage = stage(FRAMEWORK, ALL);
    let all = [
        reserve(&scalar("disk", 20.0, OWN)),
        create(&volume(10.0)),
        grow(&volume(10.0), &scalar("disk", 10.0, OWN)),
    ];
    let all = all.map(|one| format!("{{{one}}}")).join(",");
    let effects =
        stage.play(&format!(r#"accept 1 {all},{{"id":{{"value":"x"}},{}}}"#, shrink(&volume(20.0), 5.0)));
    assert_eq!(effects.matches("ApplyOperationMessage").count(), 3, "{effects}");
    assert!(effects.contains("Invalid SHRINK_VOLUME operation: "), "{effects}");
    let offer = stage.play("after 1100ms");
    assert!(offer.contains(r#""scalar":{"value":20.0}"#) && offer.contains(r#""id":"v""#), "{offer}");
}

#[test]
fn disks_of_providers_are_refused() {
    let mut stage = stage(FRAMEWORK, ALL);
    let provided = |source: &str, more: &str| {
        scalar(
            "disk",
            10.0,
            &format!(r#","provider_id":{{"value":"x"}},"disk":{{"source":{{{source}}}{more}}}"#),
        )
    };
    let raw = provided(r#""type":"RAW""#, "");
    let profiled = provided(r#""type":"RAW","profile":"fast""#, "");
    let block = provided(r#""type":"BLOCK","id":"b""#, "");
    check(
        &mut stage,
        &[
            (
                "no provider",
                create_disk(&scalar("disk", 1.0, ""), r#""MOUNT""#),
                "'source' is not managed by a resource provider@agent",
            ),
            ("not raw", create_disk(&block, r#""MOUNT""#), "'source' is not a RAW disk resource@agent"),
            (
                "a wrong target",
                create_disk(&raw, r#""PATH""#),
                "'target_type' is neither MOUNT or BLOCK@agent",
            ),
            (
                "no profile",
                create_disk(&raw, r#""MOUNT""#),
                "'target_profile' must be set when 'source' has no profile@agent",
            ),
            (
                "two profiles",
                create_disk(&profiled, r#""MOUNT","target_profile":"x""#),
                "'target_profile' must not be set when 'source' has a profile@agent",
            ),
            (
                "right, but nobody offered it",
                create_disk(&profiled, r#""MOUNT""#),
                "Invalid CREATE_DISK Operation: cpus(allocated: a):4; disk(allocated: a):1000 does not contain disk(allocated: a)[RAW(,,fast)]:10",
            ),
            (
                "no provider",
                destroy_disk(&scalar("disk", 1.0, "")),
                "'source' is not managed by a resource provider@agent",
            ),
            (
                "a folder",
                destroy_disk(&provided(r#""type":"PATH""#, "")),
                "'source' is neither a MOUNT, BLOCK or RAW disk resource@agent",
            ),
            ("no id", destroy_disk(&raw), "'source' is not backed by a CSI volume@agent"),
            (
                "right, but nobody offered it",
                destroy_disk(&block),
                "Invalid DESTROY_DISK Operation: cpus(allocated: a):4; disk(allocated: a):1000 does not contain disk(allocated: a)[BLOCK(,b,)]:10",
            ),
        ],
    );
}

#[test]
fn agents_are_asked_for_no_more_than_they_can() {
    let without = |missing: &str| ALL.replace(&format!(r#",{{"type":"{missing}"}}"#), "");
    let reserved = reserve(&scalar("cpus", 1.0, OWN));
    let mut stage_of = stage(FRAMEWORK, &without("RESOURCE_PROVIDER"));
    check(
        &mut stage_of,
        &[(
            "feedback",
            reserved.clone(),
            "Operation requested feedback, but agent M-S0 does not have the required RESOURCE_PROVIDER capability",
        )],
    );
    let mut stage_of = stage(FRAMEWORK, &without("AGENT_OPERATION_FEEDBACK"));
    check(
        &mut stage_of,
        &[(
            "feedback on its own resources",
            reserved.clone(),
            "Operation on agent default resources requested feedback, but agent M-S0 does not have the required AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities",
        )],
    );
    let mut stage_of = stage(FRAMEWORK, &without("RESIZE_VOLUME"));
    check(
        &mut stage_of,
        &[
            (
                "grow",
                grow(&volume(10.0), &scalar("disk", 10.0, OWN)),
                "Volume disk(allocated: a)(reservations: [(DYNAMIC,a,p)])[v:v]:10 cannot be grown on an agent without RESIZE_VOLUME capability@agent",
            ),
            (
                "shrink",
                shrink(&volume(10.0), 5.0),
                "Volume disk(allocated: a)(reservations: [(DYNAMIC,a,p)])[v:v]:10 cannot be shrunk on an agent without RESIZE_VOLUME capability@agent",
            ),
        ],
    );
    let refined =
        r#","reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b","principal":"p"}]"#;
    let nested = r#""role":"a/b","principal":"p","capabilities":[{"type":"RESERVATION_REFINEMENT"}]"#;
    let mut stage_of = stage(nested, &without("RESERVATION_REFINEMENT"));
    check(
        &mut stage_of,
        &[(
            "refine",
            reserve(&scalar("cpus", 1.0, refined)),
            "Resource cpus(allocated: a/b)(reservations: [(STATIC,a),(DYNAMIC,a/b,p)]):1 with reservation refinement cannot be reserved on an agent without RESERVATION_REFINEMENT capability@agent",
        )],
    );
}

/// M1 for operations: with offers that are not what they must be, each of them fails; without an id, in silence.
#[test]
fn invalid_offers_void_all_operations() {
    let mut stage = stage(FRAMEWORK, ALL);
    let call = |id: &str| {
        format!(
            r#"call 1 {{"type":"ACCEPT","framework_id":{{"value":"$F1"}},"accept":{{"offer_ids":[{{"value":"nosuch"}}],"operations":[{{{id}{}}}]}}}}"#,
            reserve(&scalar("cpus", 1.0, OWN)),
        )
    };
    let told = stage.play(&call(r#""id":{"value":"x"},"#));
    assert_eq!(verdict_of(&told), "Operation attempted with invalid offers: Offer nosuch is no longer valid");
    assert_eq!(stage.play(&call("")), "reply 202\n");
    let errors = kaon_master::query::metrics(&stage.master.view());
    assert_eq!(errors["master/operations/reserve/error"], 2.0);
    assert_eq!(errors["master/operations/total"], 2.0);
}
