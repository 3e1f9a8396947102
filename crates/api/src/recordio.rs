// SPDX-License-Identifier: Apache-2.0

//! RecordIO: a stream of records, each with its length in decimal and a line feed in front.

/// Appends one record.
pub fn encode(record: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(record.len().to_string().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(record);
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("a record's length is not a decimal number: {0:?}")]
    Length(String),
    #[error("a record of {length} bytes is larger than the {max} that are accepted")]
    TooLarge { length: usize, max: usize },
}

/// Cuts records out of bytes that arrive in any pieces. After an error the stream has no meaning any more.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// How much of the buffer has been handed out.
    used: usize,
    record_max: usize,
}

impl Decoder {
    /// Bound: the digits of a length.
    const DIGITS_MAX: usize = 20;

    pub fn new(record_max: usize) -> Decoder {
        Decoder { buffer: Vec::new(), used: 0, record_max }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        if self.used > 0 && self.used >= self.buffer.len() / 2 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole record, if it has arrived.
    pub fn next_record(&mut self) -> Result<Option<Vec<u8>>, RecordError> {
        let rest = &self.buffer[self.used..];
        let Some(line) = rest.iter().take(Self::DIGITS_MAX + 1).position(|byte| *byte == b'\n') else {
            if rest.len() > Self::DIGITS_MAX {
                return Err(Self::bad_length(&rest[..Self::DIGITS_MAX]));
            }
            return Ok(None);
        };
        let digits = &rest[..line];
        let length: usize = std::str::from_utf8(digits)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Self::bad_length(digits))?;
        if length > self.record_max {
            return Err(RecordError::TooLarge { length, max: self.record_max });
        }
        let Some(record) = rest.get(line + 1..line + 1 + length) else {
            return Ok(None);
        };
        let record = record.to_vec();
        self.used += line + 1 + length;
        Ok(Some(record))
    }

    fn bad_length(digits: &[u8]) -> RecordError {
        RecordError::Length(String::from_utf8_lossy(digits).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn garbage_lengths_are_refused() {
        for text in ["x\n", "-1\n{", "\n", "99999999999999999999999", "1 \n"] {
            let mut decoder = Decoder::new(100);
            decoder.feed(text.as_bytes());
            assert!(matches!(decoder.next_record(), Err(RecordError::Length(_))), "{text:?}");
        }
        let mut decoder = Decoder::new(100);
        decoder.feed(b"101\n");
        assert_eq!(decoder.next_record(), Err(RecordError::TooLarge { length: 101, max: 100 }));
    }

    proptest! {
        #[test]
        fn records_survive_any_split(records: Vec<Vec<u8>>, cut in 1..40usize) {
            let mut stream = Vec::new();
            for record in &records {
                encode(record, &mut stream);
            }
            let mut decoder = Decoder::new(1 << 20);
            let mut read = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.feed(piece);
                while let Some(record) = decoder.next_record().unwrap() {
                    read.push(record);
                }
            }
            prop_assert_eq!(read, records);
        }
    }
}
