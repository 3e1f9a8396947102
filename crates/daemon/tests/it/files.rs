// SPDX-License-Identifier: Apache-2.0

//! That files are shown, and that nothing but what was attached is.

use std::fs;
use std::os::unix::fs::symlink;

use kaon_daemon::files::{FileError, Files};

use crate::support::Folder;

fn sandbox() -> (Folder, Files) {
    let folder = Folder::new();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::write(root.join("sub/stdout"), "hello\nwörld\n").unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    let files = Files::default();
    files.attach("/w/run/", &root);
    files.attach("/w/run/log", &folder.path().join("secret"));
    (folder, files)
}

fn text(files: &Files, path: &str) -> Result<String, FileError> {
    files.read(path, Some(0), None).map(|chunk| String::from_utf8(chunk.data).unwrap())
}

#[test]
fn folders_are_listed_and_files_read() {
    let (_folder, files) = sandbox();
    let entries = files.browse("/w/run/").unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].path, "/w/run/sub");
    let entries = files.browse("/w/run/sub").unwrap();
    assert_eq!((entries[0].path.as_str(), entries[0].size), ("/w/run/sub/stdout", 13));
    assert!(files.browse("/w/run/sub/stdout").unwrap().is_empty());
    assert_eq!(text(&files, "/w/run/sub/stdout").unwrap(), "hello\nwörld\n");
    assert_eq!(text(&files, "/w/run/log").unwrap(), "secret", "the longest name counts");

    let part = files.read("/w/run/sub/stdout", Some(6), Some(2)).unwrap();
    assert_eq!(part.json(), b"{\"data\":\"w\",\"offset\":6}", "a letter is not cut");
    let end = files.read("/w/run/sub/stdout", None, None).unwrap();
    assert_eq!(end.json(), b"{\"data\":\"\",\"offset\":13}");
    assert_eq!(files.read("/w/run/sub/stdout", Some(999), None).unwrap().data, b"");
    let download = files.download("/w/run/sub/stdout").unwrap();
    assert_eq!((download.name.as_str(), download.length), ("stdout", 13));
    for result in [files.download("/w/run/sub").map(drop), files.read("/w/run/sub", Some(0), None).map(drop)]
    {
        assert!(matches!(result, Err(FileError::Bad(_))), "a folder is no file");
    }
}

#[test]
fn long_files_are_read_in_bounded_pieces() {
    let (folder, files) = sandbox();
    fs::write(folder.path().join("root/long"), "x".repeat(200_000)).unwrap();
    assert_eq!(files.read("/w/run/long", Some(0), None).unwrap().data.len(), 65_536);
    assert_eq!(files.read("/w/run/long", Some(199_000), Some(u64::MAX)).unwrap().data.len(), 1000);
}

#[test]
fn nothing_leads_out() {
    let (folder, files) = sandbox();
    let root = folder.path().join("root");
    symlink(folder.path().join("secret"), root.join("absolute")).unwrap();
    symlink("../secret", root.join("relative")).unwrap();
    symlink("/", root.join("slash")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    symlink("/proc/self/root", root.join("magic")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    for path in [
        "/w/run/absolute",
        "/w/run/relative",
        "/w/run/slash/etc/passwd",
        "/w/run/magic/etc/passwd",
        "/w/run/circle",
        "/w/run/pipe",
        "/w/run/../secret",
        "/w/run/sub/../../secret",
        "/w/run/sub/stdout/x",
        "/w/run/nosuch",
        "/w/run/\0",
        "/w/runner",
        "/w",
        "/",
        "",
        "/etc/passwd",
    ] {
        for result in
            [text(&files, path).map(drop), files.browse(path).map(drop), files.download(path).map(drop)]
        {
            assert!(matches!(result, Err(FileError::NotFound)), "{path}: {result:?}");
        }
    }
}

#[test]
fn links_that_stay_inside_are_followed() {
    let (folder, files) = sandbox();
    let root = folder.path().join("root");
    symlink("sub/stdout", root.join("relative")).unwrap();
    symlink(root.join("sub"), root.join("absolute")).unwrap();
    assert_eq!(text(&files, "/w/run/relative").unwrap(), "hello\nwörld\n");
    assert_eq!(text(&files, "/w/run/absolute/stdout").unwrap(), "hello\nwörld\n");
}
