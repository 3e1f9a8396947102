// SPDX-License-Identifier: Apache-2.0

//! Each rule for quota and weights, as an operator meets it: code and text, and what follows.

use crate::scene::Stage;

/// The last line's effects.
fn play(script: &str) -> String {
    let mut stage = Stage::new();
    script.trim().lines().map(|line| stage.play(line.trim())).last().unwrap_or_default()
}

/// Two agents with 8 cpus and 2048 of mem together.
const AGENTS: &str = "join 1 cpus:4;mem:1024\njoin 2 cpus:4;mem:1024";

fn reply(script: &str) -> String {
    let effects = play(script);
    effects.lines().rfind(|line| line.starts_with("reply ")).unwrap_or(&effects).to_string()
}

fn update(configs: &str, force: bool) -> String {
    format!(
        r#"operator {{"type":"UPDATE_QUOTA","update_quota":{{"force":{force},"quota_configs":[{configs}]}}}}"#
    )
}

fn config(role: &str, guarantees: &str, limits: &str) -> String {
    let map = |amounts: &str| {
        let one = |pair: &str| {
            let (name, amount) = pair.split_once(':').unwrap();
            format!(r#""{name}":{{"value":{amount}}}"#)
        };
        amounts.split_whitespace().map(one).collect::<Vec<_>>().join(",")
    };
    format!(r#"{{"role":"{role}","guarantees":{{{}}},"limits":{{{}}}}}"#, map(guarantees), map(limits))
}

fn set(role: &str, guarantee: &str, more: &str) -> String {
    format!(
        r#"operator {{"type":"SET_QUOTA","set_quota":{{"quota_request":{{"role":"{role}","guarantee":[{guarantee}]{more}}}}}}}"#
    )
}

fn scalar(name: &str, amount: &str, more: &str) -> String {
    format!(r#"{{"name":"{name}","type":"SCALAR","scalar":{{"value":{amount}}}{more}}}"#)
}

fn remove(role: &str) -> String {
    format!(r#"operator {{"type":"REMOVE_QUOTA","remove_quota":{{"role":"{role}"}}}}"#)
}

/// UPDATE_QUOTA, row by row, in the order of the checks.
#[test]
fn update_quota_is_checked_in_order() {
    let rows = [
        ("nothing", String::new(), "200"),
        (
            "not on the whitelist",
            config("x", "cpus:1", ""),
            "400 Invalid QuotaConfig: 'x' is not on the roles whitelist",
        ),
        (
            "nested",
            config("a/b", "cpus:1", ""),
            "400 Updating quota on nested role 'a/b' is not supported yet",
        ),
        (
            "no role",
            config("", "cpus:1", ""),
            "400 Invalid QuotaConfig: Invalid 'QuotaConfig.role': Role names cannot be the empty string",
        ),
        (
            "a bad role",
            config("-a", "cpus:1", ""),
            "400 Invalid QuotaConfig: Invalid 'QuotaConfig.role': Role component '-a' is invalid because it starts with a dash",
        ),
        (
            "too many",
            config("a", "cpus:1e13", ""),
            "400 Invalid QuotaConfig: Invalid 'QuotaConfig.guarantees': {'cpus': 10000000000000} is invalid: values greater than 1 trillion (1000000000000) are not supported",
        ),
        (
            "too many allowed",
            config("a", "", "cpus:1e13"),
            "400 Invalid QuotaConfig: Invalid 'QuotaConfig.limits': {'cpus': 10000000000000} is invalid: values greater than 1 trillion (1000000000000) are not supported",
        ),
        (
            "too much",
            config("a", "mem:1.2e12", ""),
            "400 Invalid QuotaConfig: Invalid 'QuotaConfig.guarantees': {'mem': 1200000000000} is invalid: values greater than 1 exabyte (1099511627776) are not supported",
        ),
        ("the most", config("a", "", "disk:1099511627776 cpus:1000000000000"), "200"),
        (
            "negative",
            config("a", "cpus:-1", ""),
            "400 Invalid QuotaConfig: Invalid guarantee configuration {'cpus': -1}: Negative values not supported",
        ),
        (
            "a negative limit",
            config("a", "", "cpus:-1"),
            "400 Invalid QuotaConfig: Invalid limit configuration {'cpus': -1}: Negative values not supported",
        ),
        (
            "more promised than allowed",
            config("a", "cpus:2", "cpus:1"),
            "400 Invalid QuotaConfig: 'QuotaConfig.guarantees' { cpus: 2 } is not contained within the 'QuotaConfig.limits' { cpus: 1 }",
        ),
        ("promised, not limited", config("a", "cpus:2", "mem:1"), "200"),
        (
            "more than there is",
            config("a", "cpus:9", ""),
            "400 Invalid QuotaConfig: total quota guarantees 'cpus:9' exceed cluster capacity 'cpus:8; mem:2048' (use 'force' flag to bypass this check)",
        ),
        (
            "together more than there is",
            format!("{},{}", config("a", "cpus:5", ""), config("*", "cpus:5", "")),
            "400 Invalid QuotaConfig: total quota guarantees 'cpus:10' exceed cluster capacity 'cpus:8; mem:2048' (use 'force' flag to bypass this check)",
        ),
        ("limits are not compared with what there is", config("a", "", "cpus:900"), "200"),
        (
            "the last of one role counts",
            format!("{},{}", config("a", "cpus:50", ""), config("a", "cpus:5", "")),
            "200",
        ),
    ];
    for (row, configs, expected) in rows {
        let roles = if row == "not on the whitelist" { "set roles a\n" } else { "" };
        let script = format!("{roles}{AGENTS}\n{}", update(&configs, false));
        assert_eq!(reply(&script), format!("reply {expected}"), "{row}");
    }
    let forced = format!("{AGENTS}\n{}", update(&config("a", "cpus:9", ""), true));
    assert_eq!(reply(&forced), "reply 200", "forced");
    let again = format!(
        "{AGENTS}\n{}\n{}",
        update(&config("a", "cpus:1", ""), false),
        update(&config("a", "cpus:2", ""), false)
    );
    assert_eq!(reply(&again), "reply 200", "overwrites");
}

const SUBSCRIBE: &str = r#"subscribe 1 {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","roles":["a"],"capabilities":[{"type":"MULTI_ROLE"}]}}}"#;

const OTHER: &str = r#"subscribe 2 {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","roles":["b"],"capabilities":[{"type":"MULTI_ROLE"}]}}}"#;

#[test]
fn a_limit_below_what_is_used_needs_force() {
    let used = format!("{SUBSCRIBE}\njoin 1 cpus:4;mem:1024\nafter 20ms\nlaunch 1 t:3");
    let limit = |force| format!("{used}\n{}", update(&config("a", "", "cpus:2"), force));
    assert_eq!(
        reply(&limit(false)),
        "reply 400 Invalid QuotaConfig: Role 'a' is already consuming 'cpus:3'; this is more than the requested limits \
         'cpus:2' (use 'force' flag to bypass this check)"
    );
    assert_eq!(reply(&limit(true)), "reply 200");
    // What is reserved is consumed even while it is idle.
    let reserved = format!("join 1 cpus:1;cpus(a):3\n{}", update(&config("a", "", "cpus:2"), false));
    assert!(reply(&reserved).contains("is already consuming 'cpus:3'"), "{}", reply(&reserved));
}

/// SET_QUOTA, row by row.
#[test]
fn set_quota_is_checked_in_order() {
    let invalid = "400 Failed to validate set quota request: ";
    let cpus = scalar("cpus", "1", "");
    let rows = [
        ("good", set("a", &cpus, ""), "200".to_string()),
        ("an amount that is none", set("a", &scalar("cpus", "-1", ""), ""), format!("{invalid}QuotaInfo with invalid resource: Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0")),
        ("no role", set("", &cpus, ""), format!("{invalid}QuotaInfo with invalid role: Role names cannot be the empty string")),
        ("a bad role", set("/x", &cpus, ""), format!("{invalid}QuotaInfo with invalid role: Role '/x' cannot start with a slash")),
        ("nothing promised", set("a", "", ""), format!("{invalid}QuotaInfo with empty 'guarantee'")),
        ("reserved", set("a", &scalar("cpus", "1", r#","reservations":[{"type":"STATIC","role":"p"}]"#), ""), format!("{invalid}QuotaInfo must not contain any ReservationInfo")),
        ("a volume", set("a", &scalar("disk", "1", r#","disk":{"persistence":{"id":"p"},"volume":{"container_path":"x","mode":"RW"}}"#), ""), format!("{invalid}QuotaInfo must not contain DiskInfo")),
        ("revocable", set("a", &scalar("cpus", "1", r#","revocable":{}"#), ""), format!("{invalid}QuotaInfo must not contain RevocableInfo")),
        ("no scalar", set("a", r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2}]}}"#, ""), format!("{invalid}QuotaInfo must not include non-scalar resources")),
        ("twice", set("a", &format!("{cpus},{cpus}"), ""), format!("{invalid}QuotaInfo contains duplicate resource name 'cpus'")),
        ("not on the whitelist", set("x", &cpus, ""), format!("{invalid}Unknown role 'x'")),
        ("nested", set("a/b", &cpus, ""), format!("{invalid}Invalid quota configuration. Parent role 'a' with guarantees ({{}}) does not contain the sum of its children's guarantees (cpus:1)")),
        // Mesos: dies of it.
        ("more than can be counted", set("a", &scalar("cpus", "1e13", ""), r#","force":true"#), format!("{invalid}Invalid 'QuotaConfig.guarantees': {{'cpus': 10000000000000}} is invalid: values greater than 1 trillion (1000000000000) are not supported")),
        ("more than there is", set("a", &scalar("cpus", "9", ""), ""), "409 Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees 'cpus:9' exceed cluster capacity 'cpus:8; mem:2048'".to_string()),
        ("forced", set("a", &scalar("cpus", "9", ""), r#","force":true"#), "200".to_string()),
    ];
    for (row, call, expected) in rows {
        let roles = if row == "not on the whitelist" { "set roles a\n" } else { "" };
        assert_eq!(reply(&format!("{roles}{AGENTS}\n{call}")), format!("reply {expected}"), "{row}");
    }
    let again = format!("{AGENTS}\n{0}\n{0}", set("a", &cpus, r#","force":true"#));
    assert_eq!(
        reply(&again),
        format!("reply {invalid}Cannot set quota for role 'a' which already has quota"),
        "even if forced"
    );
    let nested = format!("{AGENTS}\n{}\n{}", set("a", &cpus, ""), set("a/b", &cpus, ""));
    assert_eq!(reply(&nested), "reply 400 Setting quota on nested role 'a/b' is not supported yet");
}

#[test]
fn remove_quota_needs_one() {
    let set = set("a", &scalar("cpus", "1", ""), "");
    assert_eq!(reply(&format!("{AGENTS}\n{set}\n{}", remove("a"))), "reply 200");
    // Mesos: the call kills the master; its old endpoint answers so.
    let none = "reply 400 Failed to remove quota: Role 'a' has no quota set";
    assert_eq!(reply(&remove("a")), none);
    assert_eq!(reply(&format!("{AGENTS}\n{set}\n{}\n{}", remove("a"), remove("a"))), none);
    assert_eq!(
        reply(&format!("set roles b\n{}", remove("a"))),
        "reply 400 Failed to validate remove quota request: Unknown role 'a'"
    );
}

#[test]
fn an_empty_quota_is_none() {
    let script = format!(
        "{AGENTS}\n{}\n{}",
        update(&config("a", "cpus:1", ""), false),
        update(&config("a", "", ""), false)
    );
    assert!(play(&script).contains("store 4 quotas a {} {}"), "{}", play(&script));
    assert_eq!(
        reply(&format!("{script}\n{}", remove("a"))),
        "reply 400 Failed to remove quota: Role 'a' has no quota set"
    );
}

#[test]
fn the_answer_waits_for_the_disk() {
    let script = format!("{AGENTS}\nwrites held\n{}", update(&config("a", "cpus:1", ""), false));
    assert_eq!(play(&script), "store 3 quotas a cpus:1 {}, audit UPDATE_QUOTA [a] done\n");
    assert_eq!(play(&format!("{script}\nstored 3")), "audit UPDATE_QUOTA done\nreply 200\n");
}

/// How many offers the last line takes back, and from which streams.
fn rescinds(script: &str) -> Vec<String> {
    let effects = play(script);
    let rescinds = effects.lines().filter(|line| line.contains("\"RESCIND\""));
    rescinds.map(|line| line.split(" <- ").next().unwrap().to_string()).collect()
}

#[test]
fn offers_beyond_a_new_limit_are_taken_back() {
    let offered = format!("{SUBSCRIBE}\n{AGENTS}\nafter 20ms");
    let limit = |cpus: u8| format!("{offered}\n{}", update(&config("a", "", &format!("cpus:{cpus}")), false));
    assert_eq!(rescinds(&limit(8)), [""; 0]);
    assert_eq!(rescinds(&limit(7)), ["stream 1"]);
    assert_eq!(rescinds(&limit(3)), ["stream 1", "stream 1"]);
    // Then as much as is allowed is offered.
    let after = play(&format!("{}\nafter 20ms", limit(7)));
    assert!(after.contains("OFFERS") && after.contains(r#""value":3.0"#), "{after}");
}

#[test]
fn offers_of_others_are_taken_back_for_a_new_guarantee() {
    let offered = format!("{OTHER}\n{AGENTS}\nafter 20ms");
    let promise =
        |cpus: u8| format!("{offered}\n{}", update(&config("a", &format!("cpus:{cpus}"), ""), false));
    assert_eq!(rescinds(&promise(4)), ["stream 2"]);
    assert_eq!(rescinds(&promise(5)), ["stream 2", "stream 2"]);
    let own = format!("{OTHER}\n{AGENTS}\nafter 20ms\n{}", update(&config("b", "cpus:5", ""), false));
    assert_eq!(rescinds(&own), [""; 0], "it was offered so much already");
}

#[test]
fn set_quota_takes_back_whole_agents_and_remove_quota_nothing() {
    let offered = format!("{OTHER}\n{SUBSCRIBE}\n{AGENTS}\nafter 20ms");
    let set = |cpus: &str| format!("{offered}\n{}", set("a", &scalar("cpus", cpus, ""), ""));
    assert_eq!(rescinds(&set("1")).len(), 1, "an agent for the one framework");
    assert_eq!(rescinds(&set("5")).len(), 2);
    assert_eq!(rescinds(&format!("{}\n{}", set("5"), remove("a"))), [""; 0]);
}

fn weigh(infos: &str) -> String {
    format!(r#"operator {{"type":"UPDATE_WEIGHTS","update_weights":{{"weight_infos":[{infos}]}}}}"#)
}

#[test]
fn weights_are_positive_and_their_change_takes_all_offers_back() {
    let invalid = "reply 400 Failed to validate update weights request JSON";
    for (infos, expected) in [
        ("", "reply 200".to_string()),
        (r#"{"role":"a","weight":2}"#, "reply 200".to_string()),
        (r#"{"role":" a/b ","weight":2.5}"#, "reply 200".to_string()),
        (
            r#"{"role":"a","weight":0}"#,
            format!("{invalid} for role 'a': Invalid weight '0': Weights must be positive"),
        ),
        (
            r#"{"role":"a","weight":-1.5}"#,
            format!("{invalid} for role 'a': Invalid weight '-1.5': Weights must be positive"),
        ),
        (r#"{"weight":1}"#, format!("{invalid}: Invalid role '': Role names cannot be the empty string")),
        (
            r#"{"role":"b c","weight":1}"#,
            format!(
                "{invalid}: Invalid role 'b c': Role component 'b c' is invalid because it contains backspace or whitespace"
            ),
        ),
    ] {
        assert_eq!(reply(&weigh(infos)), expected, "{infos}");
    }
    assert_eq!(
        reply(&format!("set roles b\n{}", weigh(r#"{"role":"a","weight":1}"#))),
        format!("{invalid}: Unknown role 'a'")
    );
    let offered = format!("{OTHER}\n{AGENTS}\nafter 20ms");
    assert_eq!(
        rescinds(&format!("{offered}\n{}", weigh(r#"{"role":"b","weight":2}"#))),
        ["stream 2", "stream 2"]
    );
    assert_eq!(rescinds(&format!("{offered}\n{}", weigh(r#"{"role":"nobody","weight":2}"#))), [""; 0]);
}

#[test]
fn a_new_master_keeps_quota_and_waits_for_most_agents() {
    let before = format!(
        "{AGENTS}\n{}\n{}",
        update(&config("a", "cpus:3", ""), false),
        weigh(r#"{"role":"b","weight":2}"#)
    );
    let back = format!("{before}\nfailover\n{OTHER}\nreturn 1 cpus:4;mem:1024 {{}}");
    // Four fifths of two agents, rounded down, are one.
    let offers = play(&format!("{back}\nafter 100ms"));
    assert!(
        offers.contains("OFFERS")
            && offers.contains(r#""name":"cpus","type":"SCALAR","scalar":{"value":1.0}"#),
        "{offers}"
    );
    let none = play(&format!("{before}\nfailover\n{OTHER}\njoin 3 cpus:4;mem:64\nafter 100ms"));
    assert!(none.contains("OFFERS"), "an agent is an agent: {none}");
    // Two of three are waited for, for ten minutes.
    let three = format!(
        "join 3 cpus:4;mem:1024\n{before}\nfailover\n{OTHER}\nafter 590secs\nreturn 1 cpus:4;mem:1024 {{}}\nafter 5secs"
    );
    assert!(!play(&three).contains("OFFERS"));
    assert!(play(&format!("{three}\nafter 10secs")).contains("OFFERS"), "at last it goes on");
    let no_quota =
        format!("join 3 cpus:4\n{AGENTS}\nfailover\n{OTHER}\nreturn 1 cpus:4;mem:1024 {{}}\nafter 100ms");
    assert!(play(&no_quota).contains("OFFERS"), "nobody waits where there is no quota");
}
