//! The languages that people are told things in.

use serde::Serialize;

/// A language of people. Whoever adds one is told by the compiler where sentences are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Language {
    /// The one that is understood by most.
    #[default]
    #[serde(rename = "en")]
    English,
    /// By "du".
    #[serde(rename = "de")]
    German,
}

/// One sentence in all languages, side by side, so that none can be forgotten: the one of the given language as a `String`. What
/// stands in braces is taken from around, as by `format!`.
///
/// ```
/// use session_proto::words::{Language, in_both};
/// let name = "Ana";
/// assert_eq!(in_both!(Language::German, "{name} left", "{name} ist gegangen"), "Ana ist gegangen");
/// ```
#[macro_export]
macro_rules! in_both {
    ($language:expr, $english:literal, $german:literal $(,)?) => {
        match $language {
            $crate::words::Language::English => ::std::format!($english),
            $crate::words::Language::German => ::std::format!($german),
        }
    };
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag: `en`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The one that the environment names, in the order of POSIX (Base Definitions, 8.2): the first variable that is not empty counts.
    /// What is neither is English.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let said = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable);
        let named = said.map(|value| value.trim().to_ascii_lowercase()).find(|value| !value.is_empty());
        // `de_AT.UTF-8@euro`: the language, and then what matters to others.
        match named.as_deref().and_then(|value| value.split(['_', '-', '.', '@']).next()) {
            Some("de") => Self::German,
            Some(_) | None => Self::English,
        }
    }

    /// The one of the two texts that is in this language; for what needs no `String`.
    pub const fn of(self, english: &'static str, german: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    /// A number that is written as in English, as it is written in this language: `1.5 MB` is `1,5 MB` in German.
    pub fn number(self, english: &str) -> String {
        match self {
            Self::English => english.to_owned(),
            Self::German => english.replace('.', ","),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_a_language() {
        let of = |variables: &[(&str, &str)]| {
            Language::of_environment(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        for (value, language) in [
            ("de_DE.UTF-8", Language::German),
            ("de", Language::German),
            ("DE-at", Language::German),
            ("de@euro", Language::German),
            ("en_GB.UTF-8", Language::English),
            ("den", Language::English),
            ("C", Language::English),
            ("", Language::English),
            ("fr_FR.UTF-8", Language::English),
        ] {
            assert_eq!(of(&[("LANG", value)]), language, "{value}");
        }
        assert_eq!(of(&[]), Language::English);
        assert_eq!(of(&[("LC_ALL", "de_DE"), ("LANG", "en_US")]), Language::German);
        assert_eq!(of(&[("LC_ALL", " "), ("LC_MESSAGES", "en"), ("LANG", "de_DE")]), Language::English);
        assert_eq!(Language::ALL.map(Language::tag), ["en", "de"]);
        assert_eq!(Language::ALL.map(|it| it.number("1.5 MB")), ["1.5 MB", "1,5 MB"]);
    }
}
