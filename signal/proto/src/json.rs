//! Strangers' JSON: how deep it nests is counted before a recursive parser sees it.

use serde_json::Value;

/// Text that is not JSON we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Nested deeper than allowed.
    #[error("nested deeper than {0} levels")]
    Deep(usize),
    /// Not JSON.
    #[error("not JSON (column {0})")]
    Malformed(usize),
}

/// Reads one JSON value that nests at most `depth_max` deep.
pub fn parse(text: &str, depth_max: usize) -> Result<Value, JsonError> {
    if depth(text) > depth_max {
        return Err(JsonError::Deep(depth_max));
    }
    serde_json::from_str(text).map_err(|error| JsonError::Malformed(error.column()))
}

/// How deep brackets outside of strings nest. Exact for valid JSON; for anything else the parser refuses later.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_strings() {
        assert_eq!(depth(r#"{"a":[1,{"b":2}],"c":[]}"#), 3);
        assert_eq!(depth(r#""[[[\"[[""#), 0);
        assert_eq!(depth(r#"["\\",[]]"#), 2);
    }

    #[test]
    fn deep_json_is_refused_before_it_is_parsed() {
        let deep = "[".repeat(60_000);
        assert_eq!(parse(&deep, 16), Err(JsonError::Deep(16)));
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&nested(16), 16).is_ok());
        assert_eq!(parse(&nested(17), 16), Err(JsonError::Deep(16)));
        assert_eq!(parse("{\"a\":}", 16), Err(JsonError::Malformed(6)));
    }
}
