// SPDX-License-Identifier: Apache-2.0

//! Finds the process that listens on a port of this machine.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

/// The process that serves this address, if it runs on this machine and may be looked at.
pub fn owner(address: SocketAddrV4) -> Option<u32> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let socket = format!("socket:[{}]", table.lines().find_map(|line| listener(line, address))?);
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| holds(*pid, &socket))
}

/// The inode of the socket in a line of the table, if it listens where this address leads.
fn listener(line: &str, address: SocketAddrV4) -> Option<&str> {
    const LISTENING: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (ip, port) = local.split_once(':')?;
    // The kernel prints the number that the address is on this machine.
    let ip = Ipv4Addr::from(u32::from_str_radix(ip, 16).ok()?.to_le_bytes());
    let fits = *state == LISTENING
        && u16::from_str_radix(port, 16).ok()? == address.port()
        && (ip == *address.ip() || ip.is_unspecified());
    fits.then_some(*inode)
}

fn holds(pid: u32, socket: &str) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|link| link == Path::new(socket)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else { unreachable!() };
        assert_eq!(owner(address), Some(std::process::id()));
        drop(listener);
        assert_eq!(owner(address), None);
    }
}
