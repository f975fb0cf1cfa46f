//! Whose a connection to a Runtime API is. It listens on loopback, which every user of the machine reaches, and whoever polls it
//! would get events and could answer for the function: so the other end has to be a socket of the function's own process, or of one
//! that it started.

use std::net::SocketAddr;

/// Whether the other end of a connection belongs to a process or one that it started. `local` is this end's address.
#[cfg(target_os = "linux")]
pub(super) fn belongs(process: u32, local: SocketAddr, peer: SocketAddr) -> bool {
    linux::socket(peer, local).is_some_and(|inode| linux::holds(process, inode))
}

/// Only Linux says whose a socket is without privileges: elsewhere it is not looked at, as `KNOWN-GAPS.md` says.
#[cfg(not(target_os = "linux"))]
pub(super) fn belongs(_: u32, _: SocketAddr, _: SocketAddr) -> bool {
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    /// The kernel's tables of TCP sockets, and in them the columns of the two addresses and the inode.
    const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
    const LOCAL: usize = 1;
    const REMOTE: usize = 2;
    const INODE: usize = 9;

    /// The inode of the socket at `local` that is connected to `remote`.
    pub(super) fn socket(local: SocketAddr, remote: SocketAddr) -> Option<u64> {
        let is =
            |column: Option<&&str>, address: SocketAddr| column.and_then(|text| read(text)) == Some(plain(address));
        TABLES.iter().filter_map(|table| fs::read_to_string(table).ok()).find_map(|table| {
            table.lines().skip(1).find_map(|line| {
                let columns: Vec<&str> = line.split_ascii_whitespace().collect();
                let found = is(columns.get(LOCAL), local) && is(columns.get(REMOTE), remote);
                // A socket that nobody holds any more has none.
                found.then(|| columns.get(INODE)?.parse().ok()).flatten().filter(|inode| *inode != 0)
            })
        })
    }

    fn plain(address: SocketAddr) -> SocketAddr {
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    /// Reads `0100007F:1F90`: the address as words of the machine's byte order, in hexadecimal, and the port.
    fn read(text: &str) -> Option<SocketAddr> {
        let (address, port) = text.split_once(':')?;
        let word = |at: usize| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
        let ip = match address.len() {
            8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
            32 => {
                let bytes: Vec<u8> = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
                IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))
            }
            _ => return None,
        };
        Some(plain(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?)))
    }

    /// Whether a process, one of its group or one that it started has a socket open.
    pub(super) fn holds(process: u32, inode: u64) -> bool {
        let target = format!("socket:[{inode}]");
        let has = |id: u32| {
            let open = fs::read_dir(format!("/proc/{id}/fd")).ok();
            open.into_iter()
                .flatten()
                .flatten()
                .any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == target.as_str()))
        };
        has(process) || family(process).into_iter().any(has)
    }

    /// The other processes of a group that is led by a process, and all whose parents lead to it.
    fn family(leader: u32) -> Vec<u32> {
        let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let known: HashMap<u32, (u32, u32)> = ids.filter_map(|id| Some((id, parent_and_group(id)?))).collect();
        let descends = |mut id: u32| {
            // Never longer than there are processes, even where one ended and another got its id.
            for _ in 0..known.len() {
                match known.get(&id) {
                    Some((parent, group)) if *parent == leader || *group == leader => return true,
                    Some((parent, _)) => id = *parent,
                    None => return false,
                }
            }
            false
        };
        known.keys().copied().filter(|id| *id != leader && descends(*id)).collect()
    }

    /// From `/proc/ID/stat`, in which the name stands in brackets and may hold anything.
    fn parent_and_group(id: u32) -> Option<(u32, u32)> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut rest = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
        Some((rest.next()?.parse().ok()?, rest.next()?.parse().ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::net::{TcpListener, TcpStream};
        use std::process::{Command, Stdio};

        #[test]
        fn a_socket_is_found_with_its_process() {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let inode = socket(peer, server.local_addr().unwrap()).unwrap();
            assert!(holds(std::process::id(), inode));
            let mut other = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
            let theirs = holds(other.id(), inode);
            let family = family(std::process::id());
            other.kill().unwrap();
            other.wait().unwrap();
            assert!(!theirs && family.contains(&other.id()));
            drop(client);
            assert_eq!(read("0000000000000000FFFF00000100007F:1F90"), read("0100007F:1F90"));
        }
    }
}
