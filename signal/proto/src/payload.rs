//! What the server says, encoded once: one text for everybody who hears it, for whoever keeps it, and for an acknowledgement
//! that carries the same.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::Value;

/// One value of ours as JSON text; an event's is an object. Cloning shares the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Arc<String>);

impl Payload {
    /// A payload that was encoded before, here or by another process of ours. The caller vouches that it is JSON.
    pub fn encoded(text: impl Into<String>) -> Self {
        Self(Arc::new(text.into()))
    }

    /// The JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says, read anew: for tests, and for the few who look into it.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::encoded(value.to_string())
    }
}

/// Writes an object field by field, where parts of it are encoded already. For all else there is `json!`. Names are ours and
/// need no escapes.
pub(crate) struct ObjectWriter {
    text: String,
}

impl ObjectWriter {
    /// An object that will take about so many bytes.
    pub(crate) fn sized(len: usize) -> Self {
        let mut text = String::with_capacity(len + 2);
        text.push('{');
        Self { text }
    }

    /// A field.
    pub(crate) fn field(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.name(name);
        write!(self.text, "{}", value.into()).expect("a string takes all that is written");
        self
    }

    /// A field that is JSON.
    pub(crate) fn encoded(mut self, name: &'static str, json: &str) -> Self {
        self.name(name);
        self.text.push_str(json);
        self
    }

    /// The object.
    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn name(&mut self, name: &'static str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        for part in ["\"", name, "\":"] {
            self.text.push_str(part);
        }
    }
}

/// A list of what is encoded already.
pub(crate) fn list<'a>(parts: impl Iterator<Item = &'a Payload> + Clone) -> String {
    let len: usize = parts.clone().map(|part| part.as_str().len() + 1).sum();
    let mut text = String::with_capacity(len + 2);
    text.push('[');
    for (index, part) in parts.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(part.as_str());
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let value = json!({ "text": "\"\u{7}ö", "list": [1, 2.5, null] });
        assert_eq!(Payload::from(value.clone()).value(), value);
        assert_eq!(Payload::encoded("no JSON").value(), Value::Null);
    }

    #[test]
    fn objects_and_lists_take_what_is_encoded_as_it_is() {
        let parts = [json!({ "a": 1 }), json!("b")].map(Payload::from);
        for count in 0..=2 {
            let text = list(parts.iter().take(count));
            let object = ObjectWriter::sized(0).field("x", "y\"").encoded("parts", &text).field("n", 7).end();
            let values: Vec<Value> = parts.iter().take(count).map(Payload::value).collect();
            let expected = json!({ "x": "y\"", "parts": values, "n": 7 });
            assert_eq!(Payload::encoded(object).value(), expected);
        }
        assert_eq!(ObjectWriter::sized(0).end(), "{}");
    }
}
