// SPDX-License-Identifier: Apache-2.0

//! That registries can be looked at, copied and put back, and that nothing is lost by mistake.

use kaon_daemon::registry::{Keeper, KeeperError};
use kaon_daemon::store::StoreError;
use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::election::{agent, flags, leads, master, text, wait_for};
use crate::support::{Folder, eventually};
use crate::zookeeper::Server;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_registry_moves_from_zookeeper_to_a_file_and_back() {
    let server = Server::start();
    let url = server.url("m");
    let ensemble = Keeper::Ensemble(url.clone());
    assert!(matches!(wait_for(ensemble.read()), Err(KeeperError::Nothing(_))));

    let mut several = master(&text(&url), &[]);
    eventually("it leads", || leads(&several));
    let folder = Folder::new();
    let host = agent(&text(&url), &folder.path().join("agent"));
    let agents = |daemon: &Daemon| json(&daemon.get("/slaves").2)["slaves"].as_array().unwrap().len();
    eventually("the agent is registered", || agents(&several) == 1);
    let weights =
        r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"a","weight":2.5}]}}"#;
    assert!(several.call("/api/v1", "", weights).0.contains("200"));
    drop(host);

    let kept = wait_for(ensemble.read()).unwrap();
    assert_eq!((kept.agents(), kept.hosts().len(), kept.hosts()[0].2), (1, 1, "admitted"));
    assert!(kept.counts().contains(&("weights", 1)), "{:?}", kept.counts());
    let exported = kept.json();
    let in_use = wait_for(ensemble.write(exported.as_bytes(), true));
    assert!(matches!(in_use, Err(KeeperError::InUse(1, _))), "{in_use:?}");
    let shown = json(&several.get("/registrar(1)/registry").2);
    assert_eq!(json(&exported)["slaves"], shown["slaves"]);
    several.signal(Signal::TERM);
    several.ended();

    // Another's registry is not lost by mistake, nor by rubbish.
    assert!(matches!(wait_for(ensemble.write(exported.as_bytes(), false)), Err(KeeperError::Exists { .. })));
    for rubbish in
        ["", "{", "[]", "{}", r#"{"slaves":{"slaves":[{"info":{"hostname":"h"}}]}}"#, r#"{"slaves":7}"#]
    {
        let refused = wait_for(ensemble.write(rubbish.as_bytes(), true));
        assert!(matches!(refused, Err(KeeperError::NoRegistry(_))), "{rubbish}: {refused:?}");
    }
    let newer = r#"{"minimum_capabilities":[{"capability":"NEWER"}]}"#;
    assert!(matches!(wait_for(ensemble.write(newer.as_bytes(), true)), Err(KeeperError::Registry(_))));
    assert_eq!(wait_for(ensemble.read()).unwrap().json(), exported);

    // A single master goes on with it, and several do again.
    let work = folder.path().join("master");
    let file = Keeper::Folder(work.clone());
    assert!(matches!(wait_for(file.read()), Err(KeeperError::Nothing(_))));
    assert!(!work.exists(), "looking changes nothing");
    wait_for(file.write(exported.as_bytes(), false)).unwrap();
    assert_eq!(wait_for(file.read()).unwrap().json(), exported);
    let alone = ["--ip=127.0.0.1", "--port=0", "--quiet"].map(str::to_owned);
    let alone = Daemon::start("master", &[&alone[..], &[format!("--work_dir={}", work.display())]].concat());
    assert_eq!(json(&alone.get("/slaves").2)["recovered_slaves"].as_array().unwrap().len(), 1);
    assert_eq!(json(&alone.get("/weights").2)[0]["weight"], 2.5);
    let busy = wait_for(file.read());
    assert!(
        matches!(busy, Err(KeeperError::Store(StoreError::Open { .. }))),
        "a master is using it: {busy:?}"
    );
    drop(alone);
    wait_for(ensemble.write(exported.as_bytes(), true)).unwrap();
    let again = Daemon::start("master", &flags(&text(&url), &[]));
    eventually("it leads", || leads(&again));
    assert_eq!(json(&again.get("/slaves").2)["recovered_slaves"].as_array().unwrap().len(), 1);
}
