//! Reads a payload field by field. A refusal names the field and never repeats its value.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::{Code, Problem};
use crate::ids::{ActionId, ParticipantId, SocketId};
use crate::limits::{ACTION_ID_LEN_MAX, DELAY_TOLD_MAX, PARTICIPANT_ID_LEN_MAX};
use crate::time::{MediaTime, ServerTime};

/// One object's fields.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

/// Reads an event's payload, which is one object or nothing. Refusals begin with the event's name; `None` is an event that is
/// not known, whatever it carries.
pub(super) fn payload_of<T>(
    name: &str,
    payload: Option<&Value>,
    read: impl Fn(&Fields<'_>) -> Result<Option<T>, Problem>,
) -> Result<Option<T>, Problem> {
    let empty = Map::new();
    let map = match payload {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(map)) => map,
        Some(_) if matches!(read(&Fields(&empty)), Ok(None)) => return Ok(None),
        Some(_) => return Err(refused(format!("`{}` takes one object", known(name)))),
    };
    read(&Fields(map)).map_err(|problem| {
        let message = format!("{}: {}", known(name), problem.message);
        Problem { message, ..problem }
    })
}

impl<'a> Fields<'a> {
    /// Whether there is such a field; `null` counts as absent.
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    /// All fields, as they are.
    pub(super) const fn map(&self) -> &'a Map<String, Value> {
        self.0
    }

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
        self.maybe(field, expected, read)?.ok_or_else(|| missing(field))
    }

    /// Text of at most so many bytes, as it is.
    pub(super) fn text_maybe(&self, field: &str, bytes_max: usize) -> Result<Option<String>, Problem> {
        let expected = format!("a string of at most {bytes_max} bytes");
        self.maybe(field, &expected, |value| value.as_str().filter(|text| text.len() <= bytes_max).map(str::to_owned))
    }

    /// See [`Fields::text_maybe`].
    pub(super) fn text(&self, field: &str, bytes_max: usize) -> Result<String, Problem> {
        self.text_maybe(field, bytes_max)?.ok_or_else(|| missing(field))
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

    /// Somebody in a room, whose id may have a number appended by the server.
    pub(super) fn member(&self, field: &str) -> Result<ParticipantId, Problem> {
        self.must(field, MEMBER, member)
    }

    pub(super) fn member_maybe(&self, field: &str) -> Result<Option<ParticipantId>, Problem> {
        self.maybe(field, MEMBER, member)
    }

    /// At most so many; absent is nobody.
    pub(super) fn members(&self, field: &str, count_max: usize) -> Result<Vec<ParticipantId>, Problem> {
        Ok(self.members_maybe(field, count_max)?.unwrap_or_default())
    }

    pub(super) fn members_must(&self, field: &str, count_max: usize) -> Result<Vec<ParticipantId>, Problem> {
        self.members_maybe(field, count_max)?.ok_or_else(|| missing(field))
    }

    fn members_maybe(&self, field: &str, count_max: usize) -> Result<Option<Vec<ParticipantId>>, Problem> {
        let expected = format!("a list of at most {count_max} participants' ids");
        self.maybe(field, &expected, |value| {
            value.as_array().filter(|list| list.len() <= count_max)?.iter().map(member).collect()
        })
    }

    /// A client's own name for an action.
    pub(super) fn action(&self, field: &str) -> Result<ActionId, Problem> {
        self.action_maybe(field)?.ok_or_else(|| missing(field))
    }

    pub(super) fn action_maybe(&self, field: &str) -> Result<Option<ActionId>, Problem> {
        self.maybe(field, ACTION, ActionId::read)
    }

    /// A connection's public name.
    pub(super) fn socket(&self, field: &str) -> Result<SocketId, Problem> {
        self.must(field, SOCKET, socket)
    }

    pub(super) fn socket_maybe(&self, field: &str) -> Result<Option<SocketId>, Problem> {
        self.maybe(field, SOCKET, socket)
    }

    /// Text for people, of at most so many characters: cleaned, and perhaps empty then.
    pub(super) fn words(&self, field: &str, chars_max: usize) -> Result<String, Problem> {
        self.words_maybe(field, chars_max)?.ok_or_else(|| missing(field))
    }

    pub(super) fn words_maybe(&self, field: &str, chars_max: usize) -> Result<Option<String>, Problem> {
        let expected = format!("a string of at most {chars_max} characters");
        self.maybe(field, &expected, |value| {
            let clean = cleaned(value.as_str()?);
            (clean.chars().count() <= chars_max).then_some(clean)
        })
    }

    /// A moment of the server's clock.
    pub(super) fn moment(&self, field: &str) -> Result<ServerTime, Problem> {
        self.moment_maybe(field)?.ok_or_else(|| missing(field))
    }

    pub(super) fn moment_maybe(&self, field: &str) -> Result<Option<ServerTime>, Problem> {
        self.maybe(field, "a whole number of milliseconds", |value| value.as_i64().map(ServerTime::from_unix_ms))
    }

    /// Seconds from now; very many are cut to [`DELAY_TOLD_MAX`], so that they can be added to any clock.
    pub(super) fn delay(&self, field: &str) -> Result<Duration, Problem> {
        self.delay_maybe(field)?.ok_or_else(|| missing(field))
    }

    pub(super) fn delay_maybe(&self, field: &str) -> Result<Option<Duration>, Problem> {
        self.maybe(field, "seconds from 0 up", |value| {
            let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0)?;
            Some(Duration::from_secs_f64(seconds.min(DELAY_TOLD_MAX.as_secs_f64())))
        })
    }

    /// An object, read in turn.
    pub(super) fn inside<T>(
        &self,
        field: &str,
        read: impl FnOnce(&Fields<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.inside_maybe(field, read)?.ok_or_else(|| missing(field))
    }

    pub(super) fn inside_maybe<T>(
        &self,
        field: &str,
        read: impl FnOnce(&Fields<'_>) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        self.maybe(field, "an object", Value::as_object)?.map(|map| read(&Fields(map))).transpose()
    }

    /// A list of at most so many objects, each read in turn.
    pub(super) fn list<T>(
        &self,
        field: &str,
        count_max: usize,
        read: impl Fn(&Fields<'_>) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        self.list_maybe(field, count_max, read)?.ok_or_else(|| missing(field))
    }

    pub(super) fn list_maybe<T>(
        &self,
        field: &str,
        count_max: usize,
        read: impl Fn(&Fields<'_>) -> Result<T, Problem>,
    ) -> Result<Option<Vec<T>>, Problem> {
        let expected = format!("a list of at most {count_max} objects");
        let objects = self.maybe(field, &expected, |value| {
            let list = value.as_array().filter(|list| list.len() <= count_max)?;
            list.iter().map(Value::as_object).collect::<Option<Vec<_>>>()
        })?;
        objects.map(|objects| objects.into_iter().map(|map| read(&Fields(map))).collect()).transpose()
    }
}

const MEMBER: &str = "a participant's id";

fn member(value: &Value) -> Option<ParticipantId> {
    ParticipantId::of_token(value.as_str()?)
}

const ACTION: &str = "a number, or a string of at most 128 bytes";
const _: () = assert!(ACTION_ID_LEN_MAX == 128, "the words say the number");

const SOCKET: &str = "a connection's id";

fn socket(value: &Value) -> Option<SocketId> {
    let text = value.as_str()?;
    let fits = (1..=PARTICIPANT_ID_LEN_MAX).contains(&text.len());
    (fits && !text.chars().any(char::is_control)).then(|| SocketId::new(text))
}

/// S013 with its reason.
pub(super) fn refused(message: impl Into<String>) -> Problem {
    Problem::new(Code::S013, message)
}

fn missing(field: &str) -> Problem {
    refused(format!("missing field `{field}`"))
}

/// A stranger's name is not repeated at length.
fn known(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect()
}

/// Without what makes a line say something else than it seems to: control characters, and those that turn its direction
/// (Unicode 9.0, "Bidirectional character types": embeddings, overrides, isolates and marks).
pub fn cleaned(text: &str) -> String {
    let hides = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| !hides(c)).collect::<String>().trim().to_owned()
}
