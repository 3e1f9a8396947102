// SPDX-License-Identifier: Apache-2.0

//! The fetcher: archives good and evil.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use kaon_containerizer::fetcher::{Action, FetcherInfo, Uri};

use crate::fetching::{Scene, cached, fetch};
use crate::host::eventually;
use crate::web;

crate::tests![
    archives_are_extracted,
    what_an_archive_is_stands_in_it,
    an_absolute_name_is_one_in_the_sandbox,
    an_archive_is_read_to_its_end,
    what_follows_the_end_of_an_archive_is_ignored,
    evil_archives_are_refused,
    an_archive_cannot_take_all_memory,
    the_fetcher_takes_only_so_much_memory,
];

fn archives_are_extracted() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare(
        "mkdir -p top/deep; echo one > top/deep/one; chmod 640 top/deep/one; echo run > top/run; chmod 4755 top/run; \
         ln -s deep/one top/soft; ln top/run top/hard; chmod 555 top/deep; \
         touch -d @1000000000 top/deep/one; \
         tar cf a.tar top; tar cf - ./top | gzip > a.tgz; cp a.tgz a.tar.gz; \
         tar cf - top | bzip2 > a.tar.bz2; cp a.tar.bz2 a.tbz2; tar cf - top | xz > a.tar.xz; cp a.tar.xz a.txz; \
         chmod 755 top/run; zip -qry a.zip top; echo squeezed | gzip > b.gz; echo more | gzip >> b.gz",
    );
    for name in ["a.tar", "a.tgz", "a.tar.gz", "a.tar.bz2", "a.tbz2", "a.tar.xz", "a.txz", "a.zip"] {
        let top = sandbox.sandbox.join("top");
        // As the root of these tests we may write into what forbids it.
        let _first_round = fs::remove_dir_all(&top);
        sandbox
            .fetch(Uri::new(sources.join(name).display().to_string()))
            .unwrap_or_else(|error| panic!("{error}"));
        let mode = |path: &str| fs::metadata(top.join(path)).expect("exists").mode() & 0o7777;
        assert_eq!(sandbox.read("top/soft"), "one\n", "{name}");
        assert_eq!(sandbox.read("top/hard"), "run\n", "{name}");
        assert_eq!((mode("deep/one"), mode("run"), mode("deep")), (0o640, 0o755, 0o555), "{name}");
        assert!(fs::symlink_metadata(top.join("soft")).expect("exists").is_symlink(), "{name}");
        if !name.ends_with("zip") {
            assert_eq!(fs::metadata(top.join("deep/one")).expect("exists").mtime(), 1_000_000_000, "{name}");
            assert_eq!(fs::metadata(top.join("hard")).expect("exists").nlink(), 2, "{name}");
        }
        assert!(sandbox.sandbox.join(name).exists(), "the archive stays");
    }
    sandbox.fetch(Uri::new(sources.join("b.gz").display().to_string())).expect("unpacks");
    assert_eq!(sandbox.read("b"), "squeezed\nmore\n");

    // In a folder of its own the archive lies there, and what is in it at the top.
    fs::remove_dir_all(sandbox.sandbox.join("top")).expect("removes");
    let archive = sources.join("a.tar").display().to_string();
    sandbox.fetch(Uri { output_file: Some("d/x.tar".into()), ..Uri::new(&archive) }).expect("unpacks");
    assert!(sandbox.sandbox.join("d/x.tar").exists() && sandbox.sandbox.join("top/run").exists());
    fs::remove_dir_all(sandbox.sandbox.join("top")).expect("removes");
    for kept in [
        Uri { extract: false, ..Uri::new(&archive) },
        Uri { executable: true, ..Uri::new(&archive) },
        Uri { output_file: Some("archive".into()), ..Uri::new(&archive) },
    ] {
        sandbox.fetch(kept).expect("fetches");
        assert!(!sandbox.sandbox.join("top").exists());
    }
}

fn what_an_archive_is_stands_in_it() {
    let sandbox = Scene::new();
    // Mesos: the suffix says no more than that it is an archive.
    let kinds = ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "bzip2.zip"];
    let suffixes = ["tar", "tgz", "tar.gz", "tbz2", "tar.bz2", "txz", "tar.xz", "zip"];
    let sources = sandbox.prepare(
        "echo one > one; tar cf a.tar one; gzip -k a.tar; bzip2 -k a.tar; xz -k a.tar; \
         zip -q a.zip one; zip -qZ bzip2 a.bzip2.zip one; \
         : > empty.tar; printf 'PK\\005\\006' > empty.zip; head -c 18 /dev/zero >> empty.zip; cp empty.zip none.tar; \
         (echo '#!/bin/sh'; cat a.zip) > unpacks-itself.zip",
    );
    for kind in kinds {
        for suffix in suffixes {
            let name = format!("{kind}.{suffix}");
            fs::copy(sources.join(format!("a.{kind}")), sources.join(&name)).expect("copies");
            sandbox.fetch(Uri::new(sources.join(&name).display().to_string())).expect(&name);
            assert_eq!(sandbox.read("one"), "one\n", "{name}");
            fs::remove_file(sandbox.sandbox.join("one")).expect("removes");
        }
    }
    for name in ["empty.tar", "empty.zip", "none.tar", "unpacks-itself.zip"] {
        sandbox.fetch(Uri::new(sources.join(name).display().to_string())).expect(name);
    }
    assert_eq!(sandbox.read("one"), "one\n");
}

fn an_absolute_name_is_one_in_the_sandbox() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare(
        "echo text > x; ln x y; tar cPf absolute.tar --transform 's,^,/kaon-test/d/,' x y; \
         tar cPf double.tar --transform 's,^,//kaon-test/e/,' x; \
         mkdir -p @kaon-test/f; cp x @kaon-test/f; zip -q absolute.zip @kaon-test/f/x; sed -i s,@kaon,/kaon,g absolute.zip",
    );
    for name in ["absolute.tar", "double.tar", "absolute.zip"] {
        sandbox.fetch(Uri::new(sources.join(name).display().to_string())).expect(name);
    }
    for name in ["d/x", "d/y", "e/x", "f/x"] {
        assert_eq!(sandbox.read(&format!("kaon-test/{name}")), "text\n");
    }
    let hard = fs::metadata(sandbox.sandbox.join("kaon-test/d/y")).expect("exists");
    assert_eq!(hard.nlink(), 2, "a hard link leads to what is in the sandbox");
    assert!(!Path::new("/kaon-test").exists());
}

/// Tars of a file `one` and a lone `b.gz`, each in two streams after one another.
const STREAMS: &str = "echo one > one; tar cf a.tar one; head -c 600 a.tar > a; tail -c +601 a.tar > b; \
    for by in gzip bzip2 xz; do ($by -c a; $by -c b) > a.tar.$by; done; mv a.tar.gzip a.tgz; mv a.tar.bzip2 a.tbz2; mv a.tar.xz a.txz; \
    (echo squeezed | gzip; echo more | gzip) > b.gz";

fn an_archive_is_read_to_its_end() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare(STREAMS);
    // A checksum stands behind the blocks that end a tar: of gzip 8 bytes before the end, of bzip2 in the last 4, of xz
    // 28 before it, and one of its index 16 before it.
    for (name, behind) in [("a.tgz", 8), ("b.gz", 8), ("a.tbz2", 4), ("a.txz", 28), ("a.txz", 16)] {
        let whole = fs::read(sources.join(name)).expect("reads");
        let mut wrong = whole.clone();
        wrong[whole.len() - behind] ^= 1;
        for (damaged, content) in [("wrong", wrong), ("cut", whole[..whole.len() - 3].to_vec())] {
            let path = sources.join(format!("{damaged}-{name}"));
            fs::write(&path, content).expect("writes");
            let reason = sandbox.fetch(Uri::new(path.display().to_string())).expect_err(name);
            assert!(reason.contains("Cannot extract"), "{damaged} {name}: {reason}");
        }
    }
}

fn what_follows_the_end_of_an_archive_is_ignored() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare(STREAMS);
    let with = |name: &str, rest: &[u8]| {
        let mut content = fs::read(sources.join(name)).expect("reads");
        content.extend_from_slice(rest);
        let path = sources.join(format!("with-{name}"));
        fs::write(&path, content).expect("writes");
        Uri::new(path.display().to_string())
    };
    // Tapes and disks are filled up with zeros. The last is longer than what is read at once.
    for rest in [&b""[..], &[0], &[0; 7], &[0; 100_000], b"garbage"] {
        for name in ["a.tar", "a.tgz", "a.tbz2", "a.txz", "b.gz"] {
            let fetched = sandbox.fetch(with(name, rest));
            // Mesos: gunzip ends with a warning then, which is a failure.
            if name == "b.gz" && rest == b"garbage" {
                assert!(fetched.expect_err("garbage").contains("something follows its end"));
                continue;
            }
            fetched.expect(name);
            let (unpacked, content) =
                if name == "b.gz" { ("with-b", "squeezed\nmore\n") } else { ("one", "one\n") };
            assert_eq!(sandbox.read(unpacked), content, "{name}");
            fs::remove_file(sandbox.sandbox.join(unpacked)).expect("removes");
        }
    }
}

fn evil_archives_are_refused() {
    let sandbox = Scene::new();
    let sources = sandbox.prepare(
        "echo evil > x; tar cPf up.tar --transform 's,^x,../escaped,' x; \
         ln -s .. link; tar cf through.tar link; tar rPf through.tar --transform 's,^x,link/escaped,' x; \
         tar cf hard.tar --hard-dereference x; ln x y; tar cPf hard.tar --transform 's,^x,../../victim,' x y; \
         mkdir -p in/../escaping; (mkdir z; cd z; zip -q ../up.zip ../x); \
         head -c 100 /dev/urandom > junk.tar.gz; cp junk.tar.gz junk.zip; cp junk.tar.gz junk.gz; cp junk.tar.gz junk.tar.xz; \
         cp junk.tar.gz junk.tbz2; tar cf whole.tar x; head -c 600 whole.tar > cut.tar",
    );
    let before = fs::read_dir(&sandbox.host.root).expect("lists").count();
    for name in ["up.tar", "through.tar", "hard.tar", "up.zip"] {
        let reason = sandbox.fetch(Uri::new(sources.join(name).display().to_string())).expect_err(name);
        assert!(
            reason.contains("Cannot extract") && reason.contains("leads out of the sandbox"),
            "{name}: {reason}"
        );
    }
    for name in ["junk.tar.gz", "junk.zip", "junk.gz", "junk.tar.xz", "junk.tbz2", "cut.tar"] {
        let reason = sandbox.fetch(Uri::new(sources.join(name).display().to_string())).expect_err(name);
        assert!(reason.contains("Cannot extract"), "{name}: {reason}");
    }
    assert_eq!(fs::read_dir(&sandbox.host.root).expect("lists").count(), before);
    assert!(!sources.join("escaped").exists() && !sandbox.sandbox.with_file_name("escaped").exists());
}

fn an_archive_cannot_take_all_memory() {
    let sandbox = Scene::new();
    let item = cached(Uri::new("/bomb.tar"), Action::RetrieveFromCache, "bomb.tar");
    let info = sandbox.through_cache(item);
    // The name of an entry, of 1.5 GiB. In the cache, where a hole of a file needs no disk; a few megabytes of gzip do as well.
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").expect("is short");
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(3 << 29);
    header.set_cksum();
    let file = fs::File::create(sandbox.host.root.join("cache/bomb.tar")).expect("creates");
    (&file).write_all(header.as_bytes()).expect("writes");
    file.set_len(512 + (3 << 29)).expect("grows");
    let reason = fetch(&info).expect_err("there is no such name");
    assert!(reason.contains("Cannot extract 'bomb.tar': out of memory"), "{reason}");

    // One that there is memory for is not written into the log.
    let sources = sandbox
        .prepare("mkfifo p; tar cf long.tar --transform \"s,p,$(head -c 5000 /dev/zero | tr '\\0' x),\" p");
    let reason = sandbox.fetch(Uri::new(sources.join("long.tar").display().to_string())).expect_err("long");
    assert!(reason.ends_with("Cannot extract 'long.tar': the name of an entry is too long"), "{reason}");
}

fn the_fetcher_takes_only_so_much_memory() {
    let sandbox = Scene::new();
    let url = format!("http://127.0.0.1:{}/silent", web::serve());
    let info = FetcherInfo { stall_timeout: None, ..sandbox.info(vec![Uri::new(url)]) };
    let work = serde_json::to_string(&info).expect("writes");
    // A limit that is lower already stays.
    for (before, most) in [("true", 2 << 30), ("ulimit -d 262144", 256 << 20)] {
        let mut fetcher = Process::new("sh")
            .args(["-c", &format!("{before}; exec \"$0\" fetch")])
            .arg(std::env::current_exe().expect("is somewhere"))
            .stdin(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut stdin = fetcher.stdin.take().expect("is piped");
        stdin.write_all(format!("{work}\n").as_bytes()).expect("writes");
        let limits = format!("/proc/{}/limits", fetcher.id());
        let is = |name: &str, most: u64| {
            let limits = fs::read_to_string(&limits).expect("runs");
            let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("is listed");
            line.split_whitespace().take(2).all(|limit| limit == most.to_string())
        };
        // A dump of it would be as large.
        eventually("limits", || (is("Max data size", most) && is("Max core file size", 0)).then_some(()));
        drop(stdin);
        fetcher.wait().expect("ends");
    }
}
