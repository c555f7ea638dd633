//! Which language a browser is answered in (RFC 9110, 12.5.4 "Accept-Language").

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

impl Language {
    /// The one of ours that the header likes best; of two that it likes the same, the one it names first. English for whoever likes none.
    pub(super) fn preferred(header: &str) -> Self {
        let mut best = (Self::English, 0);
        for range in header.split(',').take(RANGES_MAX) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::parse) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(WEIGHT_MAX), weight).unwrap_or(0);
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    /// Its tag (RFC 5646).
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    fn parse(range: &str) -> Option<Self> {
        let primary = range.split('-').next()?;
        [Self::English, Self::German].into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}

/// Languages that are looked at; browsers name fewer.
const RANGES_MAX: usize = 32;

/// Of a language without a weight, in thousandths.
const WEIGHT_MAX: u16 = 1000;

/// `0` to `1` with at most three digits behind the point, in thousandths.
fn weight(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(WEIGHT_MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, English, German};

    #[test]
    fn the_one_that_is_liked_best() {
        for (header, language) in [
            ("", English),
            ("de", German),
            ("de-AT,de;q=0.9,en;q=0.8", German),
            ("DE-ch", German),
            ("en-GB,en;q=0.9,de;q=0.8", English),
            ("fr,de;q=0.5,en;q=0.4", German),
            ("fr;q=1.0, en;q=0.2, de;q=0.25", German),
            ("en;q=0.5,de;q=0.5", English),
            ("de;q=0.5,en;q=0.5", German),
            ("de;q=0", English),
            ("*", English),
            ("den", English),
        ] {
            assert_eq!(Language::preferred(header), language, "{header}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        for header in [",,;;q", "de;q=2", "de;q=0.1234", "de;q=x", "de;q=-1", "de;q=", "de;q=1.5", "\u{df},ü"] {
            assert_eq!(Language::preferred(header), English, "{header}");
        }
        assert_eq!(Language::preferred(&format!("{}de", "x,".repeat(100))), English);
    }
}
