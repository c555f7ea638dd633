//! Why a film ended badly: GStreamer's errors as a [`Failure`].

use gst::{CoreError, ResourceError, StreamError};

use crate::event::Failure;
use crate::limits::WHY_CHARS_MAX;
use crate::missing::Missing;
use crate::words::printable;

/// What an error means for a film of which `missing` cannot be decoded.
pub(crate) fn failure(error: &gst::glib::Error, missing: &[Missing]) -> Failure {
    let is_of_codecs = error.matches(StreamError::CodecNotFound)
        || error.matches(CoreError::MissingPlugin)
        || error.matches(StreamError::TypeNotFound);
    if let Some(missing) = missing.first().filter(|_| is_of_codecs) {
        return Failure::NoDecoder { codec: missing.codec.clone(), help: missing.help.clone() };
    }
    Failure::Unreadable { why: why(error) }
}

fn why(error: &gst::glib::Error) -> String {
    let what = match (error.kind::<ResourceError>(), error.kind::<StreamError>()) {
        (Some(ResourceError::NotFound), _) => "there is nothing at its address",
        (Some(ResourceError::NotAuthorized), _) => "it may not be read",
        (Some(_), _) => "its address does not answer as it should",
        (None, Some(StreamError::TypeNotFound | StreamError::WrongType | StreamError::CodecNotFound)) => {
            "this is no film that is known here"
        }
        (None, Some(StreamError::Decrypt | StreamError::DecryptNokey)) => "it is encrypted",
        (None, Some(_)) => "the file is damaged",
        (None, None) => "it does not play",
    };
    let said = printable(error.message(), WHY_CHARS_MAX);
    if said.is_empty() { what.to_owned() } else { format!("{what} ({})", said.trim_end_matches('.')) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::TrackKind;

    fn ac3() -> Missing {
        Missing { kind: TrackKind::Audio, codec: "AC-3 sound".into(), help: "a package".into() }
    }

    #[test]
    fn an_error_about_codecs_names_the_one_that_is_missing() {
        let error = gst::glib::Error::new(StreamError::CodecNotFound, "Your installation is missing a plug-in.");
        let no_decoder = Failure::NoDecoder { codec: "AC-3 sound".into(), help: "a package".into() };
        assert_eq!(failure(&error, &[ac3()]), no_decoder);
        assert!(matches!(failure(&error, &[]), Failure::Unreadable { .. }));
    }

    #[test]
    fn other_errors_are_told_in_clean_words() {
        let error = gst::glib::Error::new(StreamError::Demux, "No moov\u{1b}\n atom.");
        let why = "the file is damaged (No moov atom)".to_owned();
        assert_eq!(failure(&error, &[ac3()]), Failure::Unreadable { why });
        let error = gst::glib::Error::new(ResourceError::NotFound, "");
        assert_eq!(failure(&error, &[]), Failure::Unreadable { why: "there is nothing at its address".into() });
    }
}
