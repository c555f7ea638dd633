//! Reads the fields of a command one by one, and says which is wrong.

use serde_json::{Map, Value};

use crate::limits::QUOTED_CHARS_MAX;
use crate::words::quoted;

/// The fields of a JSON object. Errors are whole sentences that name the field.
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl Fields<'_> {
    /// A string that must be there.
    pub(super) fn text(&self, field: &str) -> Result<String, String> {
        self.text_maybe(field)?.ok_or_else(|| missing(field))
    }

    /// A string that may be there; `null` counts as absent, here and below.
    pub(super) fn text_maybe(&self, field: &str) -> Result<Option<String>, String> {
        self.maybe(field, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// A string that may be there, where an empty one says the same as none.
    pub(super) fn text_unless_empty(&self, field: &str) -> Result<Option<String>, String> {
        Ok(self.text_maybe(field)?.filter(|text| !text.trim().is_empty()))
    }

    /// `true` or `false`, which may be there.
    pub(super) fn flag_maybe(&self, field: &str) -> Result<Option<bool>, String> {
        self.maybe(field, "true or false", Value::as_bool)
    }

    /// `true` or `false`, which must be there.
    pub(super) fn flag(&self, field: &str) -> Result<bool, String> {
        self.flag_maybe(field)?.ok_or_else(|| missing(field))
    }

    /// A whole number from 0 up, which may be there.
    pub(super) fn count_maybe(&self, field: &str) -> Result<Option<u64>, String> {
        self.maybe(field, "a whole number from 0 up", whole_number)
    }

    /// Seconds from zero up, which must be there.
    pub(super) fn seconds(&self, field: &str) -> Result<f64, String> {
        let seconds = |value: &Value| value.as_f64().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        self.maybe(field, "a number of seconds from 0 up", seconds)?.ok_or_else(|| missing(field))
    }

    /// A value that may be there, read by `read`, which gives `None` for the wrong kind.
    pub(super) fn maybe<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(format!("the field `{field}` must be {expected}, not {}", described(value))),
            },
        }
    }
}

/// What a missing field is told with.
pub(super) fn missing(field: &str) -> String {
    format!("missing field `{field}`")
}

/// A value in a few words.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => quoted(&number.to_string(), QUOTED_CHARS_MAX),
        Value::String(text) => quoted(text, QUOTED_CHARS_MAX),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Some languages have no integers and write 5 as 5.0.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    // Whole numbers up to 2^53 have one exact double, and print as themselves.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let from_double = || {
        let double = value.as_f64().filter(|double| (0.0..=EXACT_MAX).contains(double) && double.fract() == 0.0)?;
        format!("{double:.0}").parse().ok()
    };
    value.as_u64().or_else(from_double)
}
