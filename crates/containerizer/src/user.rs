// SPDX-License-Identifier: Apache-2.0

//! Accounts of the host.

use std::ffi::{CStr, CString};
use std::{fmt, io, ptr};

use rustix::fs::{Gid, Uid};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bound: groups of one account; the kernel's own NGROUPS_MAX.
const MOST_GROUPS: usize = 65_536;
/// Bound: bytes of one account's record; a directory service that answers with more is broken.
const LARGEST_RECORD: usize = 1 << 20;

/// Why an account cannot be used.
#[derive(Debug, Error)]
pub enum UserError {
    /// There is none of this name.
    #[error("no user is called '{}' on this host", .0.escape_debug())]
    Unknown(String),
    /// The lookup itself failed.
    #[error("cannot look up the user '{name}': {error}")]
    Lookup {
        /// The account's name.
        name: String,
        /// What the C library said.
        error: io::Error,
    },
}

/// The numbers of an account: what a process must set to be it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The account's name.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// All its groups, the primary one included, in ascending order.
    pub groups: Vec<u32>,
}

impl Credentials {
    /// Looks `name` up as `login` would: through the C library, so that directory services (LDAP and the like) count.
    pub fn of(name: &str) -> Result<Credentials, UserError> {
        let lookup = |error| UserError::Lookup { name: name.into(), error };
        let c_name = CString::new(name).map_err(|_| UserError::Unknown(name.into()))?;
        let (uid, gid) = ids(&c_name).map_err(lookup)?.ok_or_else(|| UserError::Unknown(name.into()))?;
        let mut groups = groups(&c_name, gid).map_err(lookup)?;
        groups.sort_unstable();
        groups.dedup();
        Ok(Credentials { name: name.into(), uid, gid, groups })
    }

    /// Makes the calling thread this account, for good.
    ///
    /// Meant for processes of one thread: the kernel keeps credentials per thread. Does nothing when the process already is this
    /// user, so that an agent without root can run tasks as itself.
    pub(crate) fn assume(&self) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        if rustix::process::geteuid() == uid && !uid.is_root() {
            return Ok(());
        }
        let groups: Vec<Gid> = self.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        Ok(())
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        write!(f, "{} uid {} gid {} groups {}", self.name, self.uid, self.gid, groups.join(","))
    }
}

fn ids(name: &CStr) -> io::Result<Option<(u32, u32)>> {
    let mut buffer = vec![0u8; 4096];
    loop {
        let mut record = std::mem::MaybeUninit::<libc::passwd>::uninit();
        let mut found: *mut libc::passwd = ptr::null_mut();
        // SAFETY: all pointers are to live locals, and the length is that of the buffer; `getpwnam_r` is the
        // re-entrant form, safe beside other threads.
        let code = unsafe {
            libc::getpwnam_r(
                name.as_ptr(),
                record.as_mut_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut found,
            )
        };
        match code {
            libc::ERANGE if buffer.len() < LARGEST_RECORD => buffer.resize(buffer.len() * 4, 0),
            // POSIX lets these mean "not found" as well.
            0 | libc::ENOENT | libc::ESRCH if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: with 0 and a non-null `found` the C library has filled `record`.
                let record = unsafe { record.assume_init() };
                return Ok(Some((record.pw_uid, record.pw_gid)));
            }
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn groups(name: &CStr, primary: u32) -> io::Result<Vec<u32>> {
    let mut groups = vec![0 as libc::gid_t; 64];
    loop {
        let mut count = groups.len() as libc::c_int;
        // SAFETY: `groups` has room for `count` entries, as the call is told.
        let code = unsafe { libc::getgrouplist(name.as_ptr(), primary, groups.as_mut_ptr(), &raw mut count) };
        if code >= 0 {
            groups.truncate(count.max(0) as usize);
            return Ok(groups);
        }
        if groups.len() >= MOST_GROUPS {
            return Err(io::Error::other("it is in more groups than the kernel allows"));
        }
        groups.resize((groups.len() * 4).min(MOST_GROUPS), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_looked_up_by_name() {
        let root = Credentials::of("root").expect("root exists everywhere");
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0));
        for absent in ["no-such-user-here", "", "a\0b"] {
            assert!(matches!(Credentials::of(absent), Err(UserError::Unknown(_))), "{absent:?}");
        }
    }
}
