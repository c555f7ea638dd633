//! Media types by file extension: a fixed list, so that nothing a browser would run is ever named.

/// What a file without a known extension is: bytes.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// The media type of a file of that name or path. Upper and lower case are the same.
pub fn content_type(name: &str) -> &'static str {
    let extension = extension(name);
    TYPES.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known)).map_or(OCTET_STREAM, |&(_, mime)| mime)
}

/// Whether a file with that extension (without the dot) is a film or music, rather than what accompanies one.
pub fn is_media(extension: &str) -> bool {
    TYPES.iter().any(|(known, mime)| {
        extension.eq_ignore_ascii_case(known) && (mime.starts_with("video/") || mime.starts_with("audio/"))
    })
}

/// What follows the last dot of the last element of a path; empty when there is none. A leading dot starts a hidden
/// file's name, not an extension.
pub fn extension(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        Some(_) | None => "",
    }
}

const TYPES: &[(&str, &str)] = &[
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("mkv", "video/x-matroska"),
    ("mk3d", "video/x-matroska"),
    ("webm", "video/webm"),
    ("avi", "video/x-msvideo"),
    ("mov", "video/quicktime"),
    ("qt", "video/quicktime"),
    ("ts", "video/mp2t"),
    ("m2ts", "video/mp2t"),
    ("mts", "video/mp2t"),
    ("mpg", "video/mpeg"),
    ("mpeg", "video/mpeg"),
    ("m2v", "video/mpeg"),
    ("vob", "video/mpeg"),
    ("ogv", "video/ogg"),
    ("ogm", "video/ogg"),
    ("flv", "video/x-flv"),
    ("wmv", "video/x-ms-wmv"),
    ("asf", "video/x-ms-asf"),
    ("3gp", "video/3gpp"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("m4b", "audio/mp4"),
    ("aac", "audio/aac"),
    ("ac3", "audio/ac3"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("mka", "audio/x-matroska"),
    ("wav", "audio/wav"),
    ("wma", "audio/x-ms-wma"),
    ("srt", "application/x-subrip"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("ass", "text/x-ssa; charset=utf-8"),
    ("ssa", "text/x-ssa; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_extension() {
        for (name, expected) in [
            ("Film.mp4", "video/mp4"),
            ("a/b.c/Film.MKV", "video/x-matroska"),
            ("film.en.srt", "application/x-subrip"),
            ("song.flac", "audio/flac"),
            ("stream.ts", "video/mp2t"),
            ("page.html", OCTET_STREAM),
            ("drawing.svg", OCTET_STREAM),
            ("no extension", OCTET_STREAM),
            ("mp4", OCTET_STREAM),
            (".mp4", OCTET_STREAM),
            ("folder.mp4/readme", OCTET_STREAM),
            ("", OCTET_STREAM),
        ] {
            assert_eq!(content_type(name), expected, "{name:?}");
        }
    }

    #[test]
    fn subtitles_accompany_and_films_are_media() {
        for extension in ["mp4", "MKV", "webm", "avi", "mov", "ts", "mp3", "m4a", "flac", "ogg"] {
            assert!(is_media(extension), "{extension}");
        }
        for extension in ["srt", "vtt", "png", "txt", "exe", "", ".mp4"] {
            assert!(!is_media(extension), "{extension}");
        }
    }

    #[test]
    fn no_type_is_one_that_browsers_run() {
        for (extension, mime) in TYPES {
            assert!(!mime.contains("html") && !mime.contains("script") && !mime.contains("xml"), "{extension}");
        }
    }
}
