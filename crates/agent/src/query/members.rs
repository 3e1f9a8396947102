// SPDX-License-Identifier: Apache-2.0

//! JSON made by hand, one line for each member.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::wire::Message;

/// The JSON that `body` writes.
pub(super) fn json(dialect: Dialect, body: impl FnOnce(&mut JsonWriter<'_>)) -> String {
    let mut out = Vec::new();
    body(&mut JsonWriter::new(&mut out, dialect));
    String::from_utf8(out).expect("the writer appends only UTF-8")
}

/// Members of an object with their values.
pub(super) trait Members: Sized {
    fn text(&mut self, key: &str, value: &str);
    fn text_if(&mut self, key: &str, value: Option<&str>);
    fn number(&mut self, key: &str, value: f64);
    fn flag(&mut self, key: &str, value: bool);
    fn put<M: Message>(&mut self, key: &str, value: &M);
    fn put_if<M: Message>(&mut self, key: &str, value: Option<&M>);
    fn members(&mut self, key: &str, body: impl FnOnce(&mut Self));
    /// `one` writes the value of an element.
    fn list<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, one: impl FnMut(&mut Self, T));
}

impl Members for JsonWriter<'_> {
    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.string(value);
    }

    fn text_if(&mut self, key: &str, value: Option<&str>) {
        value.into_iter().for_each(|value| self.text(key, value));
    }

    fn number(&mut self, key: &str, value: f64) {
        self.key(key);
        self.double(value);
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.display(value);
    }

    fn put<M: Message>(&mut self, key: &str, value: &M) {
        self.key(key);
        self.message(value);
    }

    fn put_if<M: Message>(&mut self, key: &str, value: Option<&M>) {
        value.into_iter().for_each(|value| self.put(key, value));
    }

    fn members(&mut self, key: &str, body: impl FnOnce(&mut Self)) {
        self.key(key);
        self.object(body);
    }

    fn list<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, mut one: impl FnMut(&mut Self, T)) {
        self.key(key);
        self.array(|w| {
            for item in items {
                w.element();
                one(w, item);
            }
        });
    }
}
