// SPDX-License-Identifier: Apache-2.0

//! JSON made by hand, one line for each member.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::wire::Message;
use kaon_model::Wall;

/// The JSON object with the members that `body` writes.
pub(super) fn object(dialect: Dialect, body: impl FnOnce(&mut JsonWriter<'_>)) -> String {
    text_of(dialect, |w| w.object(body))
}

/// The JSON that `body` writes.
pub(super) fn text_of(dialect: Dialect, body: impl FnOnce(&mut JsonWriter<'_>)) -> String {
    let mut out = Vec::new();
    body(&mut JsonWriter::new(&mut out, dialect));
    String::from_utf8(out).expect("the writer appends only UTF-8")
}

/// Members of an object with their values.
pub(super) trait Members: Sized {
    fn put_text(&mut self, key: &str, value: &str);
    fn put_some_text(&mut self, key: &str, value: Option<&str>);
    fn put_number(&mut self, key: &str, value: f64);
    fn put_integer(&mut self, key: &str, value: i64);
    fn put_bool(&mut self, key: &str, value: bool);
    /// In seconds since 1970.
    fn put_time(&mut self, key: &str, value: Wall);
    fn put_message<M: Message>(&mut self, key: &str, value: &M);
    fn put_object(&mut self, key: &str, body: impl FnOnce(&mut Self));
    /// `one` writes the value of an element.
    fn put_list<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, one: impl FnMut(&mut Self, T));
    fn put_texts<T: AsRef<str>>(&mut self, key: &str, items: impl IntoIterator<Item = T>);
}

impl Members for JsonWriter<'_> {
    fn put_text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.string(value);
    }

    fn put_some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put_text(key, value);
        }
    }

    fn put_number(&mut self, key: &str, value: f64) {
        self.key(key);
        self.double(value);
    }

    fn put_integer(&mut self, key: &str, value: i64) {
        self.key(key);
        self.display(value);
    }

    fn put_bool(&mut self, key: &str, value: bool) {
        self.key(key);
        self.display(value);
    }

    fn put_time(&mut self, key: &str, value: Wall) {
        self.put_number(key, value.secs_f64());
    }

    fn put_message<M: Message>(&mut self, key: &str, value: &M) {
        self.key(key);
        self.message(value);
    }

    fn put_object(&mut self, key: &str, body: impl FnOnce(&mut Self)) {
        self.key(key);
        self.object(body);
    }

    fn put_list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut one: impl FnMut(&mut Self, T),
    ) {
        self.key(key);
        self.array(|w| {
            for item in items {
                w.element();
                one(w, item);
            }
        });
    }

    fn put_texts<T: AsRef<str>>(&mut self, key: &str, items: impl IntoIterator<Item = T>) {
        self.put_list(key, items, |w, item| w.string(item.as_ref()));
    }
}

/// A message as v0 JSON with its members in the order of their names, as Mesos writes it where it makes a whole value
/// of JSON first.
pub(super) fn sorted<M: Message>(message: &M) -> String {
    let json = kaon_api::json::to_json(message, Dialect::V0);
    // What has no JSON form, an infinite number, is left as the writer wrote it.
    let Ok(value) = kaon_api::json::parse(json.as_bytes()) else { return json };
    text_of(Dialect::V0, |w| w.json(&value))
}
