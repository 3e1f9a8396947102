// SPDX-License-Identifier: Apache-2.0

//! The fetcher: rules, refusals, its cache.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use kaon_containerizer::Fetch;
use kaon_containerizer::fetcher::{Action, FetcherDuration, FetcherInfo, Item, Uri};
use rustix::process::geteuid;

use crate::host::{Host, ends_within, id, spawner, wait_for_end};
use crate::web;

crate::tests![
    http_follows_the_rules,
    https_trusts_only_whom_it_is_told_to,
    local_files_follow_the_rules,
    files_belong_to_the_user_and_are_read_as_him,
    a_fetch_that_is_dropped_ends,
    a_long_reason_does_not_stop_it,
    a_fetch_is_told_apart_by_its_log,
    it_serves_mesos_as_well,
    a_cache_is_filled_and_used,
    what_is_unpacked_from_the_cache_has_its_own_name,
    what_is_too_large_goes_past_the_cache,
];

pub struct Scene {
    pub host: Host,
    pub sandbox: PathBuf,
}

impl Scene {
    pub fn new() -> Scene {
        let host = Host::without_agent();
        let sandbox = host.sandbox(&id("box"), None);
        Scene { host, sandbox }
    }

    pub fn info(&self, uris: Vec<Uri>) -> FetcherInfo {
        FetcherInfo {
            sandbox_directory: self.sandbox.display().to_string(),
            cache_directory: None,
            items: uris.into_iter().map(Into::into).collect(),
            user: None,
            frameworks_home: None,
            stall_timeout: Some(FetcherDuration { nanoseconds: 500_000_000 }),
        }
    }

    pub fn fetch(&self, uri: Uri) -> Result<(), String> {
        fetch(&self.info(vec![uri]))
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.sandbox.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Makes files by a shell script in a folder beside the sandbox.
    pub fn prepare(&self, script: &str) -> PathBuf {
        let folder = self.host.root.join("sources");
        fs::create_dir_all(&folder).expect("makes");
        let status = Process::new("sh").args(["-ec", script]).current_dir(&folder).status().expect("runs");
        assert!(status.success(), "{script}");
        folder
    }
}

pub fn fetch(info: &FetcherInfo) -> Result<(), String> {
    let fetching = Fetch::start(&spawner(), info).expect("starts");
    wait_for_end(&fetching.pidfd);
    fetching.finish()
}

fn http_follows_the_rules() {
    let port = web::serve();
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let good = [
        ("/hello", "hello", "hello"),
        ("/d/hello?x=1", "hello?x=1", "hello"),
        ("/empty", "empty", ""),
        ("/redirect", "redirect", "hello"),
        ("/chunked", "chunked", "abcde"),
        ("/slow", "slow", "xxxxxxxxxx"),
    ];
    let sandbox = Scene::new();
    for (path, name, content) in good {
        sandbox.fetch(Uri::new(url(path))).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(sandbox.read(name), content, "{path}");
    }
    let output = Uri { output_file: Some("a/b/c".into()), executable: true, ..Uri::new(url("/hello")) };
    sandbox.fetch(output).expect("fetches");
    assert_eq!(sandbox.read("a/b/c"), "hello");
    assert_eq!(fs::metadata(sandbox.sandbox.join("a/b/c")).expect("exists").mode() & 0o7777, 0o755);
    sandbox.fetch(Uri::new(format!("http://u:p@127.0.0.1:{port}/secret"))).expect("is let in");
    assert_eq!(sandbox.read("secret"), "opened");

    let bad = [
        (url("/absent"), "received HTTP return code 404"),
        (url("/secret"), "received HTTP return code 401"),
        (url("/nothing"), "received HTTP return code 204"),
        (url("/partial"), "received HTTP return code 206"),
        (url("/loop"), "redirects"),
        (url("/short"), "Error downloading resource"),
        (url("/stalling"), "Error downloading resource: nothing was received for 0.5 s"),
        (url("/silent"), "Error downloading resource: nothing was received for 0.5 s"),
        ("http://127.0.0.1:1/x".into(), "Error downloading resource: "),
        ("http://127.0.0.1".into(), "Malformed URI (missing path): http://127.0.0.1"),
        ("http://h/it's".into(), "Illegal characters in URI"),
        ("hdfs://h/x".into(), "The scheme 'hdfs' is not supported"),
    ];
    for (url, expected) in bad {
        let begun = Instant::now();
        let reason = sandbox.fetch(Uri::new(&url)).expect_err(&url);
        assert!(
            reason.starts_with(&format!("Failed to fetch '{url}': ")) && reason.contains(expected),
            "{reason}"
        );
        assert!(begun.elapsed() < Duration::from_secs(4), "{url} took {:?}", begun.elapsed());
    }
}

fn https_trusts_only_whom_it_is_told_to() {
    let port = web::serve_tls();
    let sandbox = Scene::new();
    let uri = Uri::new(format!("https://localhost:{port}/hello"));
    let reason = sandbox.fetch(uri.clone()).expect_err("nobody vouches for this server");
    assert!(reason.contains("UnknownIssuer") || reason.contains("certificate"), "{reason}");

    let trust = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/ca.pem");
    let (status, _) = mesos_fetcher(&sandbox.info(vec![uri]), &[("SSL_CERT_FILE", trust)]);
    assert_eq!(status, Some(0));
    assert_eq!(sandbox.read("hello"), "hello");
    let elsewhere = Uri::new(format!("https://127.0.0.2:{port}/hello"));
    let (status, log) = mesos_fetcher(&sandbox.info(vec![elsewhere]), &[("SSL_CERT_FILE", trust)]);
    assert_eq!(status, Some(1), "the certificate is not for that address: {log}");
}

fn local_files_follow_the_rules() {
    let sandbox = Scene::new();
    let sources =
        sandbox.prepare("echo text > plain; echo run > tool; chmod 750 tool; chmod u+s plain; mkfifo pipe");
    let path = |name: &str| sources.join(name).display().to_string();
    let mode = |name: &str| fs::metadata(sandbox.sandbox.join(name)).expect("exists").mode() & 0o7777;
    sandbox.fetch(Uri::new(path("plain"))).expect("copies");
    assert_eq!(
        (sandbox.read("plain").as_str(), mode("plain")),
        ("text\n", 0o644),
        "no bit that switches users"
    );
    sandbox.fetch(Uri::new(format!("file://{}", path("tool")))).expect("copies");
    assert_eq!(mode("tool"), 0o750);
    sandbox.fetch(Uri { executable: true, ..Uri::new(path("plain")) }).expect("copies over the old one");
    assert_eq!(mode("plain"), 0o755);
    let home = FetcherInfo {
        frameworks_home: Some(sources.display().to_string()),
        ..sandbox.info(vec![Uri { output_file: Some("from-home".into()), ..Uri::new("plain") }])
    };
    fetch(&home).expect("copies");
    assert_eq!(sandbox.read("from-home"), "text\n");

    let bad = [
        ("plain".to_string(), "--frameworks_home"),
        ("file://plain".to_string(), "File URI only supports absolute paths"),
        (path("absent"), "No such file or directory"),
        (path("pipe"), "it is not a regular file"),
        (sources.display().to_string(), "it is not a regular file"),
    ];
    for (value, expected) in bad {
        let reason = sandbox.fetch(Uri::new(&value)).expect_err(&value);
        assert!(reason.contains(expected), "{reason}");
    }
    let outside = Uri { output_file: Some("../x".into()), ..Uri::new(path("plain")) };
    assert!(sandbox.fetch(outside).expect_err("refused").contains("is not a path inside the sandbox"));

    // A link that a task's earlier URI, or a volume, has put into the sandbox leads nowhere.
    std::os::unix::fs::symlink(&sandbox.host.root, sandbox.sandbox.join("out")).expect("links");
    let through = Uri { output_file: Some("out/x".into()), ..Uri::new(path("plain")) };
    assert!(sandbox.fetch(through).expect_err("refused").contains("leads out of the sandbox"));
    assert!(!sandbox.host.root.join("x").exists());
}

fn files_belong_to_the_user_and_are_read_as_him() {
    assert!(geteuid().is_root(), "this test switches users");
    let host = Host::without_agent();
    let sandbox = host.sandbox(&id("nobodys"), Some("nobody"));
    let nobody = fs::metadata(&sandbox).expect("exists").uid();
    let public = host.root.join("public");
    fs::write(&public, "text").expect("writes");
    let secret = host.root.join("secret");
    fs::write(&secret, "text").expect("writes");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("hides");
    let mut info = Scene { host: Host::without_agent(), sandbox: sandbox.clone() }
        .info(vec![Uri { output_file: Some("d/public".into()), ..Uri::new(public.display().to_string()) }]);
    info.user = Some("nobody".into());
    fetch(&info).expect("fetches");
    for name in ["d/public", "d", "stderr"] {
        assert_eq!(fs::metadata(sandbox.join(name)).expect("exists").uid(), nobody, "{name}");
    }
    info.items = vec![Uri::new(secret.display().to_string()).into()];
    assert!(fetch(&info).expect_err("root's secret").contains("Permission denied"));
    info.user = Some("no-such-user-here".into());
    assert_eq!(fetch(&info), Err("no user is called 'no-such-user-here' on this host".into()));
}

fn a_fetch_that_is_dropped_ends() {
    let port = web::serve();
    let sandbox = Scene::new();
    let mut info = sandbox.info(vec![Uri::new(format!("http://127.0.0.1:{port}/silent"))]);
    info.stall_timeout = None;
    let fetching = Fetch::start(&spawner(), &info).expect("starts");
    let pidfd = fetching.pidfd.try_clone().expect("duplicates");
    assert!(!ends_within(&pidfd, Duration::from_millis(100)));
    drop(fetching);
    assert!(ends_within(&pidfd, Duration::from_millis(100)));

    // An agent that dies closes the fetcher's standard input.
    let mut child = fetch_process().stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("starts");
    let mut line = serde_json::to_vec(&info).expect("writes");
    line.push(b'\n');
    let mut stdin = child.stdin.take().expect("is piped");
    std::io::Write::write_all(&mut stdin, &line).expect("writes");
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().expect("asks").is_none());
    drop(stdin);
    assert_eq!(child.wait().expect("ends").code(), Some(1));
}

fn a_long_reason_does_not_stop_it() {
    let sandbox = Scene::new();
    // No pipe holds so much, and nobody reads it before the fetcher's end. Wide letters, which must not be cut in two.
    for letter in ["x", "é", "字"] {
        let begins = letter.repeat(70_000);
        let reason = sandbox.fetch(Uri::new(format!("{begins}://h/x"))).expect_err("no such scheme");
        assert!(reason.len() <= 4096, "{}", reason.len());
        assert!(reason.starts_with(&format!("Failed to fetch '{letter}{letter}")), "{reason}");
        assert!(reason.ends_with("is not supported; use file, http or https"), "{reason}");
        assert!(sandbox.read("stderr").contains(&begins), "the log has all of it");
    }
}

fn fetch_process() -> Process {
    let mut process = Process::new("/proc/self/exe");
    process.arg("fetch");
    process
}

fn a_fetch_is_told_apart_by_its_log() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare("echo text > plain");
    let path = sources.join("plain").display().to_string();
    sandbox.fetch(Uri::new(&path)).expect("fetches");
    sandbox.fetch(Uri::new("/no/such")).expect_err("fails");
    let log = sandbox.read("stderr");
    for expected in [
        format!("Fetching '{path}' to '{}/plain'", sandbox.sandbox.display()),
        "Not extracting 'plain': its name is not that of an archive".into(),
        "Failed to fetch '/no/such': Cannot read '/no/such': No such file or directory".into(),
    ] {
        assert!(log.contains(&expected), "{expected:?} in {log}");
    }
}

/// Runs this binary as Mesos's agents run `mesos-fetcher`.
fn mesos_fetcher(info: &FetcherInfo, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    use std::os::unix::process::CommandExt;
    let output = Process::new("/proc/self/exe")
        .arg0("/usr/libexec/mesos/mesos-fetcher")
        .env("MESOS_FETCHER_INFO", serde_json::to_string(info).expect("writes"))
        .envs(environment.iter().copied())
        .output()
        .expect("runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn it_serves_mesos_as_well() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare("echo text > plain");
    let uri = Uri::new(sources.join("plain").display().to_string());
    let (status, log) = mesos_fetcher(&sandbox.info(vec![uri]), &[]);
    assert_eq!((status, sandbox.read("plain").as_str()), (Some(0), "text\n"));
    assert!(log.contains("Fetching"), "the log goes to standard error: {log}");
    assert!(!Path::new(&sandbox.sandbox).join("stderr").exists(), "which is the agent's to direct");
    let (status, log) = mesos_fetcher(&sandbox.info(vec![Uri::new("/no/such")]), &[]);
    assert_eq!(status, Some(1), "{log}");
    // Agents follow the link by which it is installed, so that its name is lost.
    let again = Process::new("/proc/self/exe")
        .env("MESOS_FETCHER_INFO", serde_json::to_string(&sandbox.info(vec![])).expect("writes"))
        .output()
        .expect("runs");
    assert!(again.status.success() && again.stdout.is_empty(), "{again:?}");
    let (status, log) = mesos_fetcher(&sandbox.info(vec![]), &[("MESOS_FETCHER_INFO", "{}")]);
    assert!(status == Some(1) && log.contains("missing field `sandbox_directory`"), "{log}");
}

/// An item as an agent of Mesos orders it.
pub fn cached(uri: Uri, action: Action, name: &str) -> Item {
    Item { uri, action, cache_filename: Some(name.into()), cache_limit: None }
}

impl Scene {
    pub fn through_cache(&self, item: Item) -> FetcherInfo {
        let cache = self.host.root.join("cache");
        fs::create_dir_all(&cache).expect("makes");
        let info = self.info(vec![]);
        FetcherInfo { cache_directory: Some(cache.display().to_string()), items: vec![item], ..info }
    }

    fn in_cache(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.host.root.join("cache").join(name)).ok()
    }
}

fn a_cache_is_filled_and_used() {
    let sandbox = Scene::new();
    let sources =
        sandbox.prepare("echo text > plain; mkdir d; echo deep > d/f; tar czf a.tgz d; gzip -k plain");
    let uri = |name: &str| Uri::new(sources.join(name).display().to_string());
    for (name, kept) in [("plain", "c1-plain"), ("a.tgz", "c2-a.tgz"), ("plain.gz", "c3-plain.gz")] {
        let item = cached(uri(name), Action::DownloadAndCache, kept);
        let (status, log) = mesos_fetcher(&sandbox.through_cache(item), &[]);
        assert_eq!(status, Some(0), "{log}");
        assert!(sandbox.host.root.join("cache").join(kept).exists());
    }
    assert_eq!((sandbox.read("plain").as_str(), sandbox.read("d/f").as_str()), ("text\n", "deep\n"));
    assert!(!sandbox.sandbox.join("a.tgz").exists(), "it is unpacked from the cache");
    // Nothing but the cache is needed any more.
    fs::remove_dir_all(&sources).expect("removes");
    for path in ["plain", "d"] {
        let path = sandbox.sandbox.join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removes");
    }
    let output = Uri { output_file: Some("x/run".into()), executable: true, ..uri("plain") };
    for (uri, kept) in [(uri("plain"), "c1-plain"), (uri("a.tgz"), "c2-a.tgz"), (output, "c1-plain")] {
        let item = cached(uri, Action::RetrieveFromCache, kept);
        fetch(&sandbox.through_cache(item)).expect("fetches");
    }
    assert_eq!((sandbox.read("plain").as_str(), sandbox.read("d/f").as_str()), ("text\n", "deep\n"));
    assert_eq!(fs::metadata(sandbox.sandbox.join("x/run")).expect("exists").mode() & 0o777, 0o755);
    // What is there is not fetched again, what is not cannot be had from there.
    let again = cached(uri("plain"), Action::DownloadAndCache, "c1-plain");
    fetch(&sandbox.through_cache(again)).expect("fetches");
    let absent = cached(uri("plain"), Action::RetrieveFromCache, "c9");
    let reason = fetch(&sandbox.through_cache(absent)).expect_err("is not there");
    assert!(reason.contains("Cannot read 'c9' in the cache"), "{reason}");
    let evil = cached(uri("plain"), Action::RetrieveFromCache, "../sources");
    let reason = fetch(&sandbox.through_cache(evil)).expect_err("leads elsewhere");
    assert!(reason.contains("is not the name of a file"), "{reason}");
}

fn what_is_unpacked_from_the_cache_has_its_own_name() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare("echo text > plain; gzip plain");
    let uri = Uri::new(sources.join("plain.gz").display().to_string());
    // Only the suffix of what is compressed is taken away, and of nothing else.
    for (output, unpacked) in [
        ("data.json", "data.json"),
        ("d/e.f/data", "d/e.f/data"),
        ("data.json.gz", "data.json"),
        (".gz", ".gz"),
        ("plain", "plain"),
    ] {
        let uri = Uri { output_file: Some(output.into()), ..uri.clone() };
        let item = cached(uri, Action::DownloadAndCache, "c1-plain.gz");
        fetch(&sandbox.through_cache(item)).expect("fetches");
        assert_eq!(sandbox.read(unpacked), "text\n", "{output}");
        fs::remove_file(sandbox.sandbox.join(unpacked)).expect("removes");
    }
    assert!(!sandbox.sandbox.join("data").exists());
}

fn what_is_too_large_goes_past_the_cache() {
    let port = web::serve();
    let sandbox = Scene::new();
    let sources = sandbox.prepare("printf hello > local");
    for (limit, kept) in [(5, true), (4, false)] {
        for (url, name) in [
            (format!("http://127.0.0.1:{port}/hello"), "hello"),
            (sources.join("local").display().to_string(), "local"),
        ] {
            let item = cached(Uri::new(url), Action::DownloadAndCache, &format!("{name}-{limit}"));
            let item = Item { cache_limit: Some(limit), ..item };
            fetch(&sandbox.through_cache(item)).expect("fetches");
            assert_eq!(sandbox.read(name), "hello");
            assert_eq!(sandbox.in_cache(&format!("{name}-{limit}")).is_some(), kept, "{name} {limit}");
        }
    }
    // A download that fails leaves nothing there, and is not tried again past the cache.
    let item = cached(Uri::new(format!("http://127.0.0.1:{port}/short")), Action::DownloadAndCache, "short");
    fetch(&sandbox.through_cache(item)).expect_err("fails");
    assert_eq!(sandbox.in_cache("short"), None);
}
