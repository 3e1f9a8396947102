// SPDX-License-Identifier: Apache-2.0

//! Texts in which ids and addresses stand for the same things, though they are written otherwise.

use std::collections::BTreeMap;

/// Where the cluster is that is asked.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The agent's folder, in the recording and there.
    pub recorded_folder: String,
    pub folder: String,
    /// The ports at which it listens, and those of the suite.
    pub ports: Vec<u16>,
    /// The name of this host.
    pub host: String,
}

/// Which word of one side means which of the other: one to one.
#[derive(Clone, Debug, Default)]
pub struct Words {
    places: Places,
    forth: BTreeMap<String, String>,
    back: BTreeMap<String, String>,
}

/// What stands for a folder, in texts that are compared.
const FOLDER: &str = "<work_dir>";

impl Words {
    pub fn new(places: Places) -> Words {
        Words { places, ..Words::default() }
    }

    /// Whether the texts are the same but for ids and addresses, which must mean what they meant before.
    pub fn same(&mut self, recorded: &str, found: &str) -> bool {
        let (recorded, found) =
            (folded(recorded, &self.places.recorded_folder), folded(found, &self.places.folder));
        let (recorded, found) = (parts(&recorded), parts(&found));
        if recorded.len() != found.len() {
            return false;
        }
        recorded.iter().zip(&found).all(|pair| match pair {
            (Part::Plain(recorded), Part::Plain(found)) => recorded == found,
            (Part::Id(recorded), Part::Id(found)) => {
                form(recorded) == form(found) && self.bind(recorded, found)
            }
            // Which daemons share an address is a matter of how a cluster was started.
            (Part::Address(_), Part::Address(found)) => {
                let port = found.rsplit(':').next().and_then(|port| port.parse().ok());
                port.is_some_and(|port| self.is_port(port))
            }
            _ => false,
        })
    }

    /// Whether somebody listens there.
    pub fn is_port(&self, port: u16) -> bool {
        self.places.ports.contains(&port)
    }

    /// Whether this is a name of the host: that of the daemons, or the one that drivers find out.
    pub fn is_host(&self, name: &str) -> bool {
        name == "localhost" || name == self.places.host
    }

    /// Notes that one means the other; false if either meant something else.
    pub fn bind(&mut self, recorded: &str, found: &str) -> bool {
        let known = (self.forth.get(recorded), self.back.get(found));
        match known {
            (None, None) => {
                self.forth.insert(recorded.to_owned(), found.to_owned());
                self.back.insert(found.to_owned(), recorded.to_owned());
                true
            }
            (Some(other), _) => other == found,
            (None, Some(_)) => false,
        }
    }
}

fn folded(text: &str, folder: &str) -> String {
    match folder {
        "" => text.to_owned(),
        folder => text.replace(folder, FOLDER),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Plain(&'a str),
    /// A UUID, with what Mesos may append to the one of a master: `-0001`, `-S0`, `-O12`.
    Id(&'a str),
    /// `127.0.0.1:5050`, `localhost:5050`.
    Address(&'a str),
}

/// Cuts a text at its ids and addresses.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let starts_word = at == 0 || !text.as_bytes()[at - 1].is_ascii_alphanumeric();
        let word = if starts_word {
            id(rest).map(Part::Id).or_else(|| address(rest).map(Part::Address))
        } else {
            None
        };
        match word {
            Some(word) => {
                let (Part::Plain(own) | Part::Id(own) | Part::Address(own)) = word;
                if plain < at {
                    parts.push(Part::Plain(&text[plain..at]));
                }
                at += own.len();
                plain = at;
                parts.push(word);
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if plain < text.len() {
        parts.push(Part::Plain(&text[plain..]));
    }
    parts
}

/// The id at the beginning of a text.
fn id(text: &str) -> Option<&str> {
    const UUID: usize = 36;
    let uuid = text.get(..UUID)?;
    let is_uuid = uuid.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    });
    if !is_uuid {
        return None;
    }
    let rest = &text[UUID..];
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let suffix = match rest.strip_prefix('-') {
        Some(rest) if rest.starts_with(['S', 'O']) && digits(&rest[1..]) > 0 => 2 + digits(&rest[1..]),
        Some(rest) if digits(rest) == 4 => 5,
        _ => 0,
    };
    Some(&text[..UUID + suffix])
}

/// Ids of different kinds do not stand for one another.
fn form(id: &str) -> Option<char> {
    id.get(36..)
        .and_then(|suffix| suffix.chars().nth(1))
        .map(|sign| if sign.is_ascii_digit() { '0' } else { sign })
}

/// The address at the beginning of a text.
fn address(text: &str) -> Option<&str> {
    let host = text.find(':')?;
    let is_ip = text[..host].split('.').count() == 4
        && text[..host].split('.').all(|part| part.parse::<u8>().is_ok());
    if !is_ip && &text[..host] != "localhost" {
        return None;
    }
    let port = text[host + 1..].bytes().take_while(u8::is_ascii_digit).count();
    (port > 0).then(|| &text[..host + 1 + port])
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "f002171b-ffb8-4c0d-b518-1249041d3b56";
    const B: &str = "42c62cc9-ccf3-4ec4-ac32-58e50e311d1d";
    const C: &str = "00000000-0000-4000-8000-000000000000";

    #[test]
    fn ids_and_addresses_are_found_in_texts() {
        let text = format!("slave(1)@127.0.0.1:5051 {A}-S12/x{B}");
        let id = format!("{A}-S12");
        let rest = format!("/x{B}");
        let expected = [
            Part::Plain("slave(1)@"),
            Part::Address("127.0.0.1:5051"),
            Part::Plain(" "),
            Part::Id(&id),
            Part::Plain(&rest),
        ];
        assert_eq!(parts(&text), expected);
        assert_eq!(parts("1.11.0: 3"), [Part::Plain("1.11.0: 3")]);
        assert_eq!(
            parts("//localhost:80/é"),
            [Part::Plain("//"), Part::Address("localhost:80"), Part::Plain("/é")]
        );
    }

    #[test]
    fn one_id_means_one_other() {
        let mut words = Words::default();
        assert!(words.same(A, B));
        assert!(words.same(&format!("task {A}"), &format!("task {B}")));
        assert!(!words.same(A, C), "it meant {B}");
        assert!(!words.same(C, B), "that one is taken");
        assert!(!words.same(&format!("{C}-S0"), &format!("{C}-0000")), "an agent is no framework");
        assert!(!words.same(&format!("task {A}"), &format!("tusk {B}")));
    }

    #[test]
    fn places_are_where_the_cluster_is() {
        let places = Places {
            recorded_folder: "/var/lib/mesos".to_owned(),
            folder: "/tmp/x".to_owned(),
            ports: vec![7, 8],
            ..Places::default()
        };
        let mut words = Words::new(places);
        assert!(words.same("/var/lib/mesos/slaves", "/tmp/x/slaves"));
        assert!(!words.same("/var/lib/mesos/slaves", "/tmp/y/slaves"));
        assert!(words.same("master@127.0.0.1:5050", "master@10.0.0.1:7"));
        assert!(!words.same("master@127.0.0.1:5050", "master@10.0.0.1:9"), "nobody is there");
    }
}
