// SPDX-License-Identifier: Apache-2.0

//! Under whose name tasks run.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// The name of the user who runs this process, or the number where there is no name.
pub fn current() -> String {
    // A process's folder belongs to whom it runs as, whatever the environment says.
    let uid = fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid());
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(uid, &passwd).map_or_else(|| uid.to_string(), str::to_owned)
}

fn name_of(uid: u32, passwd: &str) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:100::/home/ann:/bin/sh\n";
        assert_eq!((name_of(1000, passwd), name_of(0, passwd)), (Some("ann"), Some("root")));
        assert_eq!(name_of(100, passwd), None);
    }
}
