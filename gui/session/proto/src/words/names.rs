//! What sentences call people and things whose names may not be known, in each language.

use super::{Context, Language, in_both, one_line};
use crate::limits::NAME_CHARS_MAX;

/// What English puts into its sentences.
pub(super) struct English {
    /// `Ana`, or `the host`.
    pub(super) host: String,
    /// `share.example`, or `the server`.
    pub(super) server: String,
    /// `“Film.mkv”`, or `the film`.
    pub(super) film: String,
    /// `Bea`, or `the others`.
    pub(super) other: String,
}

/// What German puts into its sentences. Host, server and film are masculine, and names have no article.
pub(super) struct German {
    /// `Ana`, or `der Host`.
    pub(super) der_host: String,
    /// `Ana`, or `den Host`.
    pub(super) den_host: String,
    /// `Ana`, or `dem Host`.
    pub(super) dem_host: String,
    /// `von Ana`, or `vom Host`.
    pub(super) vom_host: String,
    /// `share.example`, or `der Server`.
    pub(super) der_server: String,
    /// `auf share.example`, or `auf dem Server`.
    pub(super) auf_server: String,
    /// `„Film.mkv“`, or `der Film`.
    pub(super) der_film: String,
    /// `„Film.mkv“`, or `den Film`.
    pub(super) den_film: String,
    /// `Bea`, or `den anderen`.
    pub(super) den_anderen: String,
}

impl English {
    pub(super) fn of(context: &Context<'_>) -> Self {
        let or = |name: Option<String>, without: &str| name.unwrap_or_else(|| without.to_owned());
        Self {
            host: or(named(context.host_name), "the host"),
            server: or(named(context.server), "the server"),
            film: or(named(context.film).map(|name| format!("“{name}”")), "the film"),
            other: or(named(context.other), "the others"),
        }
    }
}

impl German {
    pub(super) fn of(context: &Context<'_>) -> Self {
        let (host, server, film) = (named(context.host_name), named(context.server), named(context.film));
        let film = film.map(|name| format!("„{name}“"));
        let or = |name: &Option<String>, without: &str| name.clone().unwrap_or_else(|| without.to_owned());
        Self {
            der_host: or(&host, "der Host"),
            den_host: or(&host, "den Host"),
            dem_host: or(&host, "dem Host"),
            vom_host: host.as_ref().map_or_else(|| "vom Host".to_owned(), |name| format!("von {name}")),
            der_server: or(&server, "der Server"),
            auf_server: server.as_ref().map_or_else(|| "auf dem Server".to_owned(), |name| format!("auf {name}")),
            der_film: or(&film, "der Film"),
            den_film: or(&film, "den Film"),
            den_anderen: named(context.other).unwrap_or_else(|| "den anderen".to_owned()),
        }
    }
}

/// The same at the beginning of a sentence: `the film` becomes `The film`, while a name stays as it is written.
pub(super) fn sentence(text: &str) -> String {
    let articles = [("the ", "The "), ("der ", "Der "), ("den ", "Den ")];
    let begun = articles.iter().find_map(|(article, begun)| Some(format!("{begun}{}", text.strip_prefix(article)?)));
    begun.unwrap_or_else(|| text.to_owned())
}

/// Another's name, on one line and cut; `None` when nothing is left of it.
pub(super) fn named(name: Option<&str>) -> Option<String> {
    let name = one_line(name?, NAME_CHARS_MAX);
    (!name.is_empty()).then_some(name)
}

/// ` Next try in 5 s.`, or nothing.
pub(super) fn next_try(context: &Context<'_>) -> String {
    let Some(wait) = context.retry_in else { return String::new() };
    // Rounded up: "in 0 s" would be no time at all.
    let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    in_both!(context.language, " Next try in {seconds} s.", " Nächster Versuch in {seconds} s.")
}

/// For somebody whose name is not known.
pub(crate) const fn somebody(language: Language) -> &'static str {
    language.of("Somebody", "Jemand")
}

/// For a film whose name is not known.
pub(crate) const fn the_film(language: Language) -> &'static str {
    language.of("the film", "der Film")
}
