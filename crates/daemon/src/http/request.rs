// SPDX-License-Identifier: Apache-2.0

//! A request that has been read whole.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::header::HeaderMap;

/// What a handler is given.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query as they were sent: redirects repeat them literally.
    pub target: String,
    pub query: Query,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub peer: SocketAddr,
}

impl Request {
    /// The path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Mesos: of a header that comes twice the last one counts. Values that are not text count as absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_all(name).iter().next_back().and_then(|value| value.to_str().ok())
    }
}

/// The decoded pairs of a query or of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// Bound: the pairs of a query; each takes many times the memory of its text. No form has ten.
const PAIRS_MAX: usize = 1000;

impl Query {
    /// Reads `a=b&c=d`; none if an escape is broken, or if there are too many.
    pub fn parse(text: &str) -> Option<Query> {
        if text.split(['&', ';']).filter(|part| !part.is_empty()).nth(PAIRS_MAX).is_some() {
            return None;
        }
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decode(key)?, decode(value)?))
        };
        text.split(['&', ';'])
            .filter(|part| !part.is_empty())
            .map(pair)
            .collect::<Option<Vec<_>>>()
            .map(Query)
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The last value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// `a%20b+c` → `a b c`.
fn decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " "))
}

/// `slave%281%29` → `slave(1)`; none if an escape is broken. Mesos: any bytes are text.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        out.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_and_the_last_value_counts() {
        let query = Query::parse("path=%2Ftmp%2Fa+b&offset=1;offset=2&flag&=x").unwrap();
        assert_eq!(query.get("path"), Some("/tmp/a b"));
        assert_eq!(query.get("offset"), Some("2"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("nosuch"), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(Query::parse("a=%ffb").unwrap().get("a"), Some("\u{fffd}b"));
    }

    #[test]
    fn pairs_are_bounded() {
        assert!(Query::parse(&"a&".repeat(PAIRS_MAX)).is_some());
        assert_eq!(Query::parse(&"a&".repeat(PAIRS_MAX + 1)), None);
    }

    #[test]
    fn broken_escapes_are_refused() {
        for text in ["a=%", "a=%2", "a=%zz", "%=1", "a=%+1", "a=%é"] {
            assert_eq!(Query::parse(text), None, "{text}");
        }
    }
}
