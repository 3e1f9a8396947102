// SPDX-License-Identifier: Apache-2.0

//! A registry in one file, for a master that is alone.

use std::path::{Path, PathBuf};

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::{Contents, Entry, Store, StoreError, seal, unseal};

/// Records by their number, counted from 1. Each value begins with the checksum of the rest.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// At most one snapshot, by the number of the last record that it stands for. Checksum as above.
const SNAPSHOT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("snapshot");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("kaon registry");
const FORMAT: &str = "format";
/// The format that is written; older ones would be read too.
const KNOWN: u64 = 1;

/// The registry below a work directory.
pub struct FileStore {
    path: PathBuf,
    database: Database,
    /// The number of the last record.
    last: u64,
}

impl FileStore {
    /// The name of the file in the work directory.
    const NAME: &str = "registry.redb";

    /// Whether a folder has a registry.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FileStore::NAME).exists()
    }

    /// Opens the registry of a work directory, or makes an empty one.
    pub fn open(work_dir: &Path) -> Result<FileStore, StoreError> {
        let path = work_dir.join(FileStore::NAME);
        let open = |error: String| StoreError::Open { path: path.clone(), reason: error };
        std::fs::create_dir_all(work_dir).map_err(|error| open(error.to_string()))?;
        let fresh = !path.exists();
        let database = Database::create(&path).map_err(|error| open(error.to_string()))?;
        if fresh {
            // The file's name must be as durable as what it will hold.
            let folder = std::fs::File::open(work_dir).and_then(|folder| folder.sync_all());
            folder.map_err(|error| open(error.to_string()))?;
            initialise(&database).map_err(|error| open(error.to_string()))?;
        }
        let mut store = FileStore { path, database, last: 0 };
        store.check_format()?;
        store.last = store.numbers()?;
        Ok(store)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let read = self.database.begin_read().map_err(|error| self.failed("read", error))?;
        let format = match read.open_table(META) {
            Ok(meta) => {
                meta.get(FORMAT).map_err(|error| self.failed("read", error))?.map(|value| value.value())
            }
            Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => None,
            Err(error) => return Err(self.failed("read", error)),
        };
        match format {
            None => Err(StoreError::Foreign(self.path.clone())),
            Some(found) if found > KNOWN => {
                Err(StoreError::Newer { path: self.path.clone(), found, known: KNOWN })
            }
            Some(_) => Ok(()),
        }
    }

    /// Checks that no record is missing; the number of the last one.
    fn numbers(&self) -> Result<u64, StoreError> {
        let (snapshot, records) = self.read()?;
        let mut last = snapshot.map_or(0, |(number, _)| number);
        for (number, _) in records {
            if number != last + 1 {
                return Err(self.damaged(format!("record {} is followed by record {number}", last)));
            }
            last = number;
        }
        Ok(last)
    }

    #[allow(clippy::type_complexity)]
    fn read(&self) -> Result<(Option<(u64, Vec<u8>)>, Vec<(u64, Vec<u8>)>), StoreError> {
        let read = self.database.begin_read().map_err(|error| self.failed("read", error))?;
        let rows = |table: TableDefinition<'_, u64, &'static [u8]>, what: &str| {
            let table = read.open_table(table).map_err(|error| self.failed("read", error))?;
            let mut rows = Vec::new();
            for row in table.iter().map_err(|error| self.failed("read", error))? {
                let (number, value) = row.map_err(|error| self.failed("read", error))?;
                let number = number.value();
                let body = unseal(value.value())
                    .ok_or_else(|| self.damaged(format!("the checksum of {what} {number} does not fit")))?;
                rows.push((number, body.to_vec()));
            }
            Ok(rows)
        };
        Ok((rows(SNAPSHOT, "the snapshot of record")?.pop(), rows(LOG, "record")?))
    }

    fn write(&mut self, entries: &[Entry]) -> Result<u64, redb::Error> {
        let mut last = self.last;
        let mut write = self.database.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        {
            let mut log = write.open_table(LOG)?;
            let mut snapshots = write.open_table(SNAPSHOT)?;
            for entry in entries {
                last += 1;
                match &entry.snapshot {
                    None => drop(log.insert(last, seal(&entry.record).as_slice())?),
                    Some(snapshot) => {
                        log.retain(|_, _| false)?;
                        snapshots.retain(|_, _| false)?;
                        snapshots.insert(last, seal(snapshot).as_slice())?;
                    }
                }
            }
        }
        write.commit()?;
        Ok(last)
    }

    fn failed(&self, done: &'static str, error: impl std::fmt::Display) -> StoreError {
        StoreError::Failed { path: self.path.clone(), done, reason: error.to_string() }
    }

    fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what }
    }
}

impl Store for FileStore {
    fn load(&self) -> Result<Contents, StoreError> {
        let (snapshot, records) = self.read()?;
        Ok(Contents {
            snapshot: snapshot.map(|(_, body)| body),
            records: records.into_iter().map(|(_, body)| body).collect(),
        })
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.last = self.write(entries).map_err(|error| self.failed("written", error))?;
        Ok(())
    }
}

fn initialise(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    write.open_table(META)?.insert(FORMAT, KNOWN)?;
    write.open_table(LOG)?;
    write.open_table(SNAPSHOT)?;
    write.commit()?;
    Ok(())
}
