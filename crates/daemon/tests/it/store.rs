// SPDX-License-Identifier: Apache-2.0

//! That what was acknowledged is found again, and what is not ours is refused.

use std::sync::mpsc;

use kaon_daemon::store::{Contents, Entry, FileStore, MemoryStore, Store, StoreError};
use kaon_daemon::writer::Writer;

use crate::support::Folder;

fn record(text: &str) -> Entry {
    Entry { record: text.as_bytes().to_vec(), snapshot: None }
}

fn snapshot(text: &str) -> Entry {
    Entry { record: b"not kept".to_vec(), snapshot: Some(text.as_bytes().to_vec()) }
}

fn contents(snapshot: Option<&str>, records: &[&str]) -> Contents {
    Contents {
        snapshot: snapshot.map(|text| text.as_bytes().to_vec()),
        records: records.iter().map(|text| text.as_bytes().to_vec()).collect(),
    }
}

fn keeps_records_until_a_snapshot_stands_for_them(
    mut open: impl FnMut(Option<Box<dyn Store>>) -> Box<dyn Store>,
) {
    let mut store = open(None);
    assert_eq!(store.load().unwrap(), Contents::default());
    store.append(&[record("a"), record("b")]).unwrap();
    let mut store = open(Some(store));
    assert_eq!(store.load().unwrap(), contents(None, &["a", "b"]));
    store.append(&[record("c"), snapshot("abcd"), record("e")]).unwrap();
    store.append(&[record("f")]).unwrap();
    let mut store = open(Some(store));
    assert_eq!(store.load().unwrap(), contents(Some("abcd"), &["e", "f"]));
    store.append(&[snapshot("abcdefg")]).unwrap();
    let store = open(Some(store));
    assert_eq!(store.load().unwrap(), contents(Some("abcdefg"), &[]));
}

#[test]
fn every_store_keeps_records_until_a_snapshot_stands_for_them() {
    keeps_records_until_a_snapshot_stands_for_them(|old| {
        old.unwrap_or_else(|| Box::new(MemoryStore::default()))
    });
    let folder = Folder::new();
    keeps_records_until_a_snapshot_stands_for_them(|old| {
        drop(old);
        Box::new(FileStore::open(folder.path()).unwrap())
    });
}

#[test]
fn a_file_in_use_or_not_ours_is_refused_with_the_reason() {
    let folder = Folder::new();
    let open = || FileStore::open(folder.path()).map(|_| ());
    let store = FileStore::open(folder.path()).unwrap();
    assert!(matches!(open(), Err(StoreError::Open { .. })), "two masters must not share a registry");
    drop(store);
    let path = folder.path().join("registry.redb");

    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&str, u64>::new("kaon registry");
    write.open_table(meta).unwrap().insert("format", 7).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(open(), Err(StoreError::Newer { found: 7, known: 1, .. })));

    std::fs::remove_file(&path).unwrap();
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<u64, u64>::new("log")).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(open(), Err(StoreError::Foreign(_))));

    std::fs::write(&path, "something else, long enough to be looked at".repeat(200)).unwrap();
    assert!(matches!(open(), Err(StoreError::Open { .. })));
}

#[test]
fn damage_is_found() {
    let table = redb::TableDefinition::<u64, &[u8]>::new("log");
    type Damage = fn(&mut redb::Table<'_, u64, &'static [u8]>);
    let flip: Damage = |log| drop(log.insert(2, [1u8, 2, 3, 4, b'x'].as_slice()).unwrap());
    let cut: Damage = |log| drop(log.insert(2, [1u8].as_slice()).unwrap());
    let lose: Damage = |log| drop(log.remove(2).unwrap());
    for damage in [flip, cut, lose] {
        let folder = Folder::new();
        FileStore::open(folder.path()).unwrap().append(&[record("a"), record("b"), record("c")]).unwrap();
        let database = redb::Database::create(folder.path().join("registry.redb")).unwrap();
        let write = database.begin_write().unwrap();
        damage(&mut write.open_table(table).unwrap());
        write.commit().unwrap();
        drop(database);
        assert!(matches!(FileStore::open(folder.path()), Err(StoreError::Damaged { .. })));
    }
}

#[test]
fn writes_are_told_in_order_and_after_they_are_durable() {
    let folder = Folder::new();
    let mut store = FileStore::open(folder.path()).unwrap();
    let (told, keys) = mpsc::channel();
    let writer = Writer::spawn(
        "registry",
        move |batch: &[Entry]| store.append(batch),
        move |key: u32| told.send(key).unwrap(),
        |error| panic!("{error}"),
    )
    .unwrap();
    for key in 0..500 {
        writer.append(key, record(&key.to_string()));
    }
    drop(writer);
    assert_eq!(keys.iter().collect::<Vec<_>>(), (0..500).collect::<Vec<_>>());
    assert_eq!(FileStore::open(folder.path()).unwrap().load().unwrap().records.len(), 500);
}

#[test]
fn nothing_is_acknowledged_after_a_failure() {
    let (told, keys) = mpsc::channel();
    let (fail, failures) = mpsc::channel();
    let mut left = 1;
    let write = move |batch: &[&str]| {
        left -= batch.len() as i32;
        if left < 0 { Err("the disk is full") } else { Ok(()) }
    };
    let told = move |key: u32| told.send(key).unwrap();
    let writer = Writer::spawn("test", write, told, move |error| fail.send(error).unwrap()).unwrap();
    writer.append(1, "a");
    assert_eq!(keys.recv(), Ok(1));
    writer.append(2, "b");
    assert_eq!(failures.recv(), Ok("the disk is full"));
    writer.append(3, "c");
    drop(writer);
    assert_eq!(keys.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}
