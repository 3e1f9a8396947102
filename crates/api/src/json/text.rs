// SPDX-License-Identifier: Apache-2.0

//! Parses JSON text, with the error texts of Mesos's parser.
//!
//! A client sees `syntax error at line N near: …`, where the rest of the line begins after the last character that
//! the parser consumed; so the parser here consumes in the same steps. No library reports that position.

use std::collections::BTreeMap;

use super::JsonError;

/// Bound: how deep arrays and objects may nest, as in Mesos.
const DEPTH_MAX: usize = 200;

/// Any JSON value. The members of an object are ordered by key, as Mesos visits them; the last of equal keys wins.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// A number that is an integer of 64 bits.
    Integer(i64),
    Double(f64),
    String(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.get(key),
            _ => None,
        }
    }
}

/// Parses a whole text.
pub fn parse(text: &[u8]) -> Result<Json, JsonError> {
    let mut input = Input { text, at: 0, line: 1 };
    let Some(json) = input.value(0) else {
        return Err(input.error());
    };
    let end = input.at;
    input.skip_space();
    if input.at < text.len() {
        let rest = String::from_utf8_lossy(&text[end..]);
        return Err(JsonError(format!("Parsed JSON included non-whitespace trailing characters: {rest}")));
    }
    Ok(json)
}

struct Input<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Input<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn advance(&mut self) {
        if self.peek() == Some(b'\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.advance();
        }
    }

    /// Consumes `byte`, after spaces, if it comes next.
    fn expect(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.take(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.advance();
        }
        found
    }

    /// Consumes as much of `text` as comes next.
    fn word(&mut self, text: &str, json: Json) -> Option<Json> {
        text.bytes().all(|byte| self.take(byte)).then_some(json)
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_space();
        match self.peek()? {
            b'n' => self.word("null", Json::Null),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'"' => {
                self.advance();
                self.string().map(Json::String)
            }
            b'[' => {
                self.advance();
                (depth < DEPTH_MAX).then_some(())?;
                self.array(depth + 1)
            }
            b'{' => {
                self.advance();
                (depth < DEPTH_MAX).then_some(())?;
                self.object(depth + 1)
            }
            b'0'..=b'9' | b'-' => self.number(),
            _ => None,
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        let mut elements = Vec::new();
        if self.expect(b']') {
            return Some(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            if !self.expect(b',') {
                return self.expect(b']').then_some(Json::Array(elements));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut members = BTreeMap::new();
        if self.expect(b'}') {
            return Some(Json::Object(members));
        }
        loop {
            self.expect(b'"').then_some(())?;
            let key = self.string()?;
            self.expect(b':').then_some(())?;
            members.insert(key, self.value(depth)?);
            if !self.expect(b',') {
                return self.expect(b'}').then_some(Json::Object(members));
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'+' | b'-' | b'e' | b'E' | b'.')) {
            self.advance();
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        match text.parse::<i64>() {
            Ok(integer) => Some(Json::Integer(integer)),
            Err(_) => text.parse::<f64>().ok().map(Json::Double),
        }
    }

    /// The rest of a string, whose opening quote is consumed.
    fn string(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            let byte = self.peek()?;
            if byte < b' ' {
                return None;
            }
            self.advance();
            match byte {
                b'"' => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                b'\\' => self.escape(&mut bytes)?,
                _ => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        let byte = self.peek()?;
        self.advance();
        bytes.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let character = self.code_point()?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            _ => return None,
        });
        Some(())
    }

    fn code_point(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first);
        }
        if first >= 0xdc00 || !self.take(b'\\') || !self.take(b'u') {
            return None;
        }
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return None;
        }
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.peek()?).to_digit(16)?;
            self.advance();
            value = value * 16 + digit;
        }
        Some(value)
    }

    fn error(&self) -> JsonError {
        let rest = &self.text[self.at.min(self.text.len())..];
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let near: Vec<u8> = line.iter().copied().filter(|byte| *byte >= b' ').collect();
        JsonError(format!("syntax error at line {} near: {}", self.line, String::from_utf8_lossy(&near)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, parse};

    fn error(text: &str) -> String {
        parse(text.as_bytes()).expect_err("must not parse").0
    }

    #[test]
    fn errors_name_the_rest_of_the_line() {
        assert_eq!(error("{oops\n"), "syntax error at line 1 near: oops");
        assert_eq!(error("five"), "syntax error at line 1 near: ive");
        assert_eq!(error(""), "syntax error at line 1 near: ");
        assert_eq!(error("{\n\"a\": nul}"), "syntax error at line 2 near: }");
        assert_eq!(error("[1] x"), "Parsed JSON included non-whitespace trailing characters:  x");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(200).as_bytes()).is_ok());
        // The 201st bracket is consumed before it is refused.
        assert_eq!(error(&deep(5000)).len(), "syntax error at line 1 near: ".len() + 10_000 - 201);
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(parse(b"9223372036854775807"), Ok(Json::Integer(i64::MAX)));
        assert_eq!(parse(b"9223372036854775808"), Ok(Json::Double(9223372036854775808.0)));
        assert_eq!(parse(b" 1.0 "), Ok(Json::Double(1.0)));
        assert!(parse(b"1-2").is_err());
    }

    #[test]
    fn strings_decode_escapes() {
        let text = r#""a\u00e9\ud83d\ude00\n\"""#;
        assert_eq!(parse(text.as_bytes()), Ok(Json::String("aé😀\n\"".into())));
        assert!(parse(br#""\ud83d""#).is_err());
        assert!(parse(b"\"a\x01\"").is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn arbitrary_json_like_text_never_panics(text in r#"[\[\]{}":,0-9eE+.\\utrfalsn \n-]{0,200}"#) {
            let _ = parse(text.as_bytes());
        }
    }
}
