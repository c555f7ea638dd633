//! Reads a payload field by field. A refusal names the field and never repeats its value.

use serde_json::{Map, Value};

use crate::error::{Code, Problem};
use crate::ids::ParticipantId;
use crate::time::MediaTime;

pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// A value that may be there; `null` counts as absent. `read` gives `None` for the wrong kind.
    pub(super) fn maybe<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                read(value).map(Some).ok_or_else(|| refused(format!("the field `{field}` must be {expected}")))
            }
        }
    }

    /// A value that must be there.
    pub(super) fn must<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, Problem> {
        self.maybe(field, expected, read)?.ok_or_else(|| refused(format!("missing field `{field}`")))
    }

    /// Text of at most so many bytes, as it is.
    pub(super) fn text_maybe(&self, field: &str, bytes_max: usize) -> Result<Option<String>, Problem> {
        let expected = format!("a string of at most {bytes_max} bytes");
        self.maybe(field, &expected, |value| value.as_str().filter(|text| text.len() <= bytes_max).map(str::to_owned))
    }

    /// See [`Fields::text_maybe`].
    pub(super) fn text(&self, field: &str, bytes_max: usize) -> Result<String, Problem> {
        self.text_maybe(field, bytes_max)?.ok_or_else(|| refused(format!("missing field `{field}`")))
    }

    /// Text for people, of at most so many characters: cleaned, and not empty then.
    pub(super) fn shown(&self, field: &str, chars_max: usize) -> Result<String, Problem> {
        let expected = format!("a string of 1 to {chars_max} characters");
        self.must(field, &expected, |value| {
            let clean = cleaned(value.as_str()?);
            let fits = !clean.is_empty() && clean.chars().count() <= chars_max;
            fits.then_some(clean)
        })
    }

    pub(super) fn flag(&self, field: &str) -> Result<bool, Problem> {
        self.must(field, "true or false", Value::as_bool)
    }

    /// Absent is false.
    pub(super) fn flag_or_false(&self, field: &str) -> Result<bool, Problem> {
        Ok(self.maybe(field, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    pub(super) fn count_maybe(&self, field: &str) -> Result<Option<u64>, Problem> {
        self.maybe(field, "a whole number from 0 up", Value::as_u64)
    }

    pub(super) fn count(&self, field: &str) -> Result<u64, Problem> {
        self.must(field, "a whole number from 0 up", Value::as_u64)
    }

    pub(super) fn number_maybe(&self, field: &str) -> Result<Option<f64>, Problem> {
        self.maybe(field, "a number", Value::as_f64)
    }

    pub(super) fn time_maybe(&self, field: &str) -> Result<Option<MediaTime>, Problem> {
        self.maybe(field, "seconds of a film", |value| value.as_f64().and_then(MediaTime::new))
    }

    pub(super) fn time(&self, field: &str) -> Result<MediaTime, Problem> {
        self.must(field, "seconds of a film", |value| value.as_f64().and_then(MediaTime::new))
    }

    pub(super) fn participant(&self, field: &str) -> Result<ParticipantId, Problem> {
        self.must(field, "a participant's id of 1 to 120 bytes", |value| ParticipantId::parse(value.as_str()?))
    }
}

/// S013 with its reason.
pub(super) fn refused(message: impl Into<String>) -> Problem {
    Problem::new(Code::S013, message)
}

/// Without what makes a line say something else than it seems to: control characters, and those that turn its direction
/// (Unicode 9.0, "Bidirectional character types": embeddings, overrides, isolates and marks).
fn cleaned(text: &str) -> String {
    let hides = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| !hides(c)).collect::<String>().trim().to_owned()
}
