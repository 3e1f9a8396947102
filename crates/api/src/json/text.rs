// SPDX-License-Identifier: Apache-2.0

//! Parses JSON text, with the error texts of Mesos's parser.
//!
//! A client sees `syntax error at line N near: …`, where the rest of the line begins after the last character that
//! the parser consumed; so the parser here consumes in the same steps. No library reports that position.

use super::{JsonError, Members};

/// Bound: how deep arrays and objects may nest, as in Mesos.
const DEPTH_MAX: usize = 200;
/// Bound: a text may hold this many values, plus one for each eight bytes: far above what any real one holds. So what is
/// parsed takes up to ten times the memory of its text, and some more while it is parsed.
const VALUES_BASE: usize = 100_000;

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
    Object(Members),
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
    let room = VALUES_BASE + text.len() / 8;
    let mut input =
        Input { text, at: 0, line: 1, last: None, again: false, too_large: false, room: Some(room) };
    let Some(json) = input.value(0) else {
        return Err(input.error());
    };
    let visible = text.len() - text.iter().rev().take_while(|byte| SPACE.contains(byte)).count();
    if input.at == visible {
        return Ok(json);
    }
    // Mesos: the byte after a number has been looked at, and counts as parsed.
    let rest = text.get(input.at..visible).unwrap_or(&text[input.at..]);
    let rest = beginning(rest);
    Err(JsonError(format!("Parsed JSON included non-whitespace trailing characters: {rest}")))
}

/// Bound: what an error repeats of a text. Mesos: all of it.
const REPEATED_MAX: usize = 16 << 10;

/// As much of a text as an error repeats.
pub fn beginning(text: &[u8]) -> String {
    // A character that is cut here ends beyond the bound, and is cut off whole.
    let mut beginning = String::from_utf8_lossy(&text[..text.len().min(REPEATED_MAX + 3)]).into_owned();
    beginning.truncate(beginning.floor_char_boundary(REPEATED_MAX));
    beginning
}

const SPACE: &[u8] = b" \t\n\r";

struct Input<'a> {
    text: &'a [u8],
    /// How much was taken, a byte that was put back included.
    at: usize,
    line: usize,
    /// The byte taken last; none at the end of the text.
    last: Option<u8>,
    /// Whether `last` was put back, and comes again.
    again: bool,
    /// Whether parsing ended at a number that no double can hold.
    too_large: bool,
    /// How many more values may come; none once there were too many.
    room: Option<usize>,
}

impl Input<'_> {
    fn next(&mut self) -> Option<u8> {
        if self.again {
            self.again = false;
            return self.last;
        }
        let byte = self.text.get(self.at).copied();
        if byte.is_some() {
            self.at += 1;
            // Mesos: a line counts as begun only when its first byte is taken.
            self.line += usize::from(self.last == Some(b'\n'));
        }
        self.last = byte;
        byte
    }

    /// Puts back the byte taken last.
    fn back(&mut self) {
        self.again = self.last.is_some();
    }

    fn skip_space(&mut self) {
        while self.next().is_some_and(|byte| SPACE.contains(&byte)) {}
        self.back();
    }

    /// Consumes `byte`, after spaces, if it comes next.
    fn expect(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.take(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        if !found {
            self.back();
        }
        found
    }

    /// Consumes as much of `text` as comes next.
    fn word(&mut self, text: &str, json: Json) -> Option<Json> {
        text.bytes().all(|byte| self.take(byte)).then_some(json)
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_space();
        self.room = self.room?.checked_sub(1);
        self.room?;
        match self.next()? {
            b'n' => self.word("ull", Json::Null),
            b't' => self.word("rue", Json::Bool(true)),
            b'f' => self.word("alse", Json::Bool(false)),
            b'"' => self.string().map(Json::String),
            b'[' => {
                (depth < DEPTH_MAX).then_some(())?;
                self.array(depth + 1)
            }
            b'{' => {
                (depth < DEPTH_MAX).then_some(())?;
                self.object(depth + 1)
            }
            b'0'..=b'9' | b'-' => {
                self.back();
                self.number()
            }
            _ => {
                self.back();
                None
            }
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
                elements.shrink_to_fit();
                return self.expect(b']').then_some(Json::Array(elements));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut members = Vec::new();
        if self.expect(b'}') {
            return Some(Json::Object(Members::default()));
        }
        loop {
            self.expect(b'"').then_some(())?;
            let key = self.string()?;
            self.expect(b':').then_some(())?;
            members.push((key, self.value(depth)?));
            if !self.expect(b',') {
                return self.expect(b'}').then(|| Json::Object(Members::from(members)));
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let mut text = String::new();
        while let Some(byte @ (b'0'..=b'9' | b'+' | b'-' | b'e' | b'E' | b'.')) = self.next() {
            text.push(char::from(byte));
        }
        self.back();
        if let Ok(integer) = text.parse() {
            return Some(Json::Integer(integer));
        }
        let double: f64 = text.parse().ok()?;
        self.too_large = double.is_infinite();
        double.is_finite().then_some(Json::Double(double))
    }

    /// The rest of a string, whose opening quote is consumed.
    fn string(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let plain =
                rest.iter().position(|byte| matches!(byte, 0..b' ' | b'"' | b'\\')).unwrap_or(rest.len());
            if plain > 0 {
                bytes.extend_from_slice(&rest[..plain]);
                self.at += plain;
                self.last = Some(rest[plain - 1]);
            }
            match self.next()? {
                b'"' => break,
                b'\\' => self.escape(&mut bytes)?,
                _ => {
                    self.back();
                    return None;
                }
            }
        }
        bytes.shrink_to_fit();
        Some(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        let byte = self.next()?;
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
            let Some(digit) = char::from(self.next()?).to_digit(16) else {
                self.back();
                return None;
            };
            value = value * 16 + digit;
        }
        Some(value)
    }

    /// Why parsing ended here.
    fn error(mut self) -> JsonError {
        if self.too_large {
            return JsonError("Value out of range".into());
        }
        if self.room.is_none() {
            return JsonError("it holds more values than are accepted for its length".into());
        }
        let line = self.line;
        let mut near = Vec::new();
        while let Some(byte) = self.next().filter(|byte| *byte != b'\n' && near.len() < 2 * REPEATED_MAX) {
            if byte >= b' ' {
                near.push(byte);
            }
        }
        JsonError(format!("syntax error at line {line} near: {}", beginning(&near)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, Members, REPEATED_MAX, parse};

    fn error(text: &str) -> String {
        parse(text.as_bytes()).expect_err("must not parse").0
    }

    #[test]
    fn errors_name_the_rest_of_the_line() {
        assert_eq!(error("{oops\n"), "syntax error at line 1 near: oops");
        assert_eq!(error("five"), "syntax error at line 1 near: ive");
        assert_eq!(error(""), "syntax error at line 1 near: ");
        assert_eq!(error("{\n\"a\": nul}"), "syntax error at line 2 near: }");
        assert_eq!(error("[1] x \n"), "Parsed JSON included non-whitespace trailing characters:  x");
        assert_eq!(error("{\"a\": \"\\\n x\"}"), "syntax error at line 1 near:  x\"}");
        assert_eq!(error("{\"a\": [1e400, oops"), "Value out of range");
    }

    #[test]
    fn errors_repeat_no_more_than_the_beginning() {
        let near = |text: &[u8]| {
            let error = parse(text).expect_err("must not parse").0;
            error.strip_prefix("syntax error at line 1 near: ").expect("it names the line").to_owned()
        };
        let third = REPEATED_MAX / 3;
        assert_eq!(near(&[b"{", &[0x80; 100_000][..]].concat()), "\u{fffd}".repeat(third));
        let half = (REPEATED_MAX - 1) / 2;
        assert_eq!(near(format!("{{a{}", "é".repeat(50_000)).as_bytes()), format!("a{}", "é".repeat(half)));
        let trailing = error(&format!("[]{}", "x".repeat(100_000)));
        assert_eq!(trailing.len() - trailing.find(": x").unwrap() - 2, REPEATED_MAX);
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(200).as_bytes()).is_ok());
        // The 201st bracket is consumed before it is refused.
        assert_eq!(error(&deep(5000)).len(), "syntax error at line 1 near: ".len() + 10_000 - 201);
    }

    #[test]
    fn values_are_bounded() {
        let many = |count: usize| format!("[0{}]", ",0".repeat(count - 1));
        assert!(parse(many(100_000).as_bytes()).is_ok());
        assert_eq!(error(&many(200_000)), "it holds more values than are accepted for its length");
    }

    #[test]
    fn members_are_ordered_and_the_last_of_equal_keys_wins() {
        let Ok(Json::Object(mut members)) = parse(br#"{"b":1,"a":2,"b":3,"a":4,"b":5}"#) else { panic!() };
        let all = |members: &Members| {
            members.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        };
        let expected = [("a".to_owned(), Json::Integer(4)), ("b".to_owned(), Json::Integer(5))];
        assert_eq!(all(&members), expected);
        assert_eq!((members.get("b"), members.get("c")), (Some(&Json::Integer(5)), None));
        members.extend([("a".to_owned(), Json::Null)]);
        members.retain(|_, value| *value != Json::Null);
        assert_eq!(all(&members), expected[1..]);
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(parse(b"9223372036854775807"), Ok(Json::Integer(i64::MAX)));
        assert_eq!(parse(b"9223372036854775808"), Ok(Json::Double(9223372036854775808.0)));
        assert_eq!(parse(b" 1.0"), Ok(Json::Double(1.0)));
        // The byte after a number is swallowed, be it good or bad.
        assert_eq!(parse(b"5x"), Ok(Json::Integer(5)));
        assert_eq!(error("5 "), "Parsed JSON included non-whitespace trailing characters: ");
        assert_eq!(error("5 x"), "Parsed JSON included non-whitespace trailing characters: x");
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
