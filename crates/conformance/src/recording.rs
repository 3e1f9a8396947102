// SPDX-License-Identifier: Apache-2.0

//! What was asked of Mesos 1.11, with what it answered.
//!
//! Each file holds one exchange as it went over the socket: `>>> REQUEST`, `<<< RESPONSE`, and a line feed of the
//! recorder's after each. A few hold an answer alone.

use anyhow::{Context, Result};

use crate::http::Answer;

/// The files, by name without the suffix.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

pub const REQUEST: &[u8] = b">>> REQUEST\n";
pub const RESPONSE: &[u8] = b"<<< RESPONSE\n";

/// The end of the one body that is too long to read: it was so many opening brackets, and as many closing ones.
const CUT: &[u8] = b"[...";
const CUT_HALF: usize = 5000;

#[derive(Clone, Debug)]
pub struct Recording {
    pub name: &'static str,
    /// Empty where only the answer was kept.
    pub request: &'static [u8],
    /// None where nothing came before the recorder gave up.
    pub answer: Option<Answer>,
}

/// The recordings whose names begin so, in order of their names.
pub fn beginning(prefix: &str) -> Result<Vec<Recording>> {
    FILES
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, bytes)| parse(name, bytes))
        .collect()
}

pub fn named(name: &str) -> Result<Recording> {
    let (name, bytes) =
        FILES.iter().find(|file| file.0 == name).with_context(|| format!("no recording {name}"))?;
    parse(name, bytes)
}

fn parse(name: &'static str, bytes: &'static [u8]) -> Result<Recording> {
    let at = bytes.windows(RESPONSE.len()).position(|window| window == RESPONSE);
    let (request, answer) = match at {
        Some(at) => (&bytes[..at], &bytes[at + RESPONSE.len()..]),
        None => (&[][..], bytes),
    };
    let request = request.strip_prefix(REQUEST).unwrap_or(request);
    let request = request.strip_suffix(b"\n").unwrap_or(request);
    let answer = answer.strip_suffix(b"\n").unwrap_or(answer);
    let answer = match answer.is_empty() {
        true => None,
        false => Some(Answer::of_recording(answer).with_context(|| format!("recording {name}"))?),
    };
    Ok(Recording { name, request, answer })
}

impl Recording {
    /// The request with some of its words replaced, its length corrected if that changed it.
    pub fn request_with(&self, words: &[(String, String)]) -> Vec<u8> {
        let (head, body) = split(self.request);
        let whole = match body.ends_with(CUT) {
            true => [[b'['; CUT_HALF], [b']'; CUT_HALF]].concat(),
            false => body.to_vec(),
        };
        let body = &whole[..];
        let replace =
            |text: &str| words.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
        let mut head = replace(&String::from_utf8_lossy(head));
        let (length, body) = match std::str::from_utf8(body) {
            Ok(text) => (body.len(), replace(text).into_bytes()),
            Err(_) => (body.len(), body.to_vec()),
        };
        if body.len() != length {
            head = head.replace(
                &format!("Content-Length: {length}\r\n"),
                &format!("Content-Length: {}\r\n", body.len()),
            );
        }
        [head.into_bytes(), body].concat()
    }

    /// The target of the request's first line.
    pub fn target(&self) -> String {
        String::from_utf8_lossy(self.request).split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

/// The head with its empty line, and the body.
fn split(request: &[u8]) -> (&[u8], &[u8]) {
    let at = request.windows(4).position(|window| window == b"\r\n\r\n").map_or(request.len(), |at| at + 4);
    request.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_an_exchange() {
        let all = beginning("").unwrap();
        assert!(all.len() > 130, "{}", all.len());
        for recording in &all {
            assert!(!recording.request.is_empty() || recording.answer.is_some(), "{}", recording.name);
        }
        let answered = all.iter().filter(|recording| recording.answer.is_some()).count();
        assert_eq!(all.len() - answered, 4, "the recorder gave up four times");
    }

    #[test]
    fn every_request_is_as_long_as_it_says() {
        for recording in beginning("").unwrap().iter().filter(|recording| !recording.request.is_empty()) {
            let request = recording.request_with(&[]);
            let (head, body) = split(&request);
            let head = String::from_utf8_lossy(head).into_owned();
            let Some((_, length)) = head.split_once("Content-Length: ") else { continue };
            let length = length.split('\r').next().unwrap();
            assert_eq!(length.parse(), Ok(body.len()), "{}", recording.name);
        }
    }

    #[test]
    fn words_are_replaced_and_the_length_follows() {
        let recording = named("call_teardown").unwrap();
        let old = "674b5914-f119-4053-911f-7fb887bd035d-0001".to_owned();
        assert_eq!(recording.request_with(&[]), recording.request);
        let request = String::from_utf8(recording.request_with(&[(old, "x".to_owned())])).unwrap();
        assert!(request.contains("Content-Length: 52\r\n"), "{request}");
        assert!(request.ends_with("{\"value\": \"x\"}}"), "{request}");
    }
}
