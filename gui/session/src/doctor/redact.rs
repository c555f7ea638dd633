//! Takes out of words what others need not know. It is the last door: what passes it is read by strangers in forums.

use std::net::IpAddr;
use std::path::Path;

/// The text without magnets, invitations, tokens, passwords in addresses, the last part of IP addresses, and people's home folders.
pub(super) fn redacted(text: &str, home: Option<&Path>) -> String {
    let home = home.and_then(Path::to_str).filter(|home| home.len() > 1);
    let text = home.map_or_else(|| text.to_owned(), |home| text.replace(home, "~"));
    in_runs(&text, |c| !c.is_whitespace(), word_redacted)
}

/// Bytes of letters, digits and what base64 has beside them that, with a digit among them, are a token and no name.
const TOKEN_LEN_MIN: usize = 20;

fn word_redacted(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    if lower.contains("magnet:") || lower.contains("xt=urn") {
        return "(a magnet)".to_owned();
    }
    if lower.contains("sharestream://") || lower.contains("/j/") {
        return "(an invitation)".to_owned();
    }
    let mut word = without_credentials(word).unwrap_or_else(|| word.to_owned());
    if let Some(at) = word.find(['?', '#']).filter(|_| word.contains("://")) {
        word.replace_range(at.., "?…");
    }
    let word = in_runs(&word, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '='), token_redacted);
    let word = in_runs(&word, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':'), addresses_redacted);
    other_homes(&word)
}

/// Changes each run of such characters, and nothing between.
fn in_runs(text: &str, belongs: impl Fn(char) -> bool, change: impl Fn(&str) -> String) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = if belongs(c) { rest.find(|c| !belongs(c)) } else { rest.find(&belongs) };
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        shown.push_str(&if belongs(c) { change(run) } else { run.to_owned() });
        rest = after;
    }
    shown
}

/// `scheme://user:password@host` without what stands before the host.
fn without_credentials(word: &str) -> Option<String> {
    let (scheme, rest) = word.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let at = authority.rfind('@')?;
    Some(format!("{scheme}://{}", &rest[at + 1..]))
}

fn token_redacted(run: &str) -> String {
    let is_token = run.len() >= TOKEN_LEN_MIN && run.bytes().any(|byte| byte.is_ascii_digit());
    if is_token { "(hidden)".to_owned() } else { run.to_owned() }
}

/// Behind any colon an address may begin: `TCP:192.168.1.5`.
fn addresses_redacted(run: &str) -> String {
    // A full stop or a colon after an address belongs to the sentence.
    let core = run.trim_end_matches(['.', ':']);
    let starts = std::iter::once(0).chain(core.match_indices(':').map(|(at, _)| at + 1));
    let found = starts.into_iter().find_map(|start| Some((start, address_redacted(&core[start..])?)));
    match found {
        Some((start, address)) => format!("{}{address}{}", &core[..start], &run[core.len()..]),
        None => run.to_owned(),
    }
}

/// An address with or without a port, its last part taken away; loopback tells nothing and stays.
fn address_redacted(text: &str) -> Option<String> {
    let whole = |text: &str| text.parse::<IpAddr>().ok();
    let (ip, port) = match whole(text) {
        Some(ip) => (ip, None),
        None => {
            let (host, port) = text.rsplit_once(':')?;
            (whole(host).filter(IpAddr::is_ipv4)?, Some(port))
        }
    };
    let hidden = match ip {
        ip if ip.is_loopback() || ip.is_unspecified() => ip.to_string(),
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.x")
        }
        // The first half is the network's.
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            format!("{a:x}:{b:x}:x")
        }
    };
    Some(port.map_or_else(|| hidden.clone(), |port| format!("{hidden}:{port}")))
}

/// Homes of others than whoever runs this, as they stand in messages of the system.
fn other_homes(word: &str) -> String {
    for root in ["/home/", "/Users/", "\\Users\\"] {
        if let Some(at) = word.find(root) {
            let start = at + root.len();
            let end =
                word[start..].find(['/', '\\', ')', ',', ':', '\'', '"', '`']).map_or(word.len(), |len| start + len);
            return format!("{}~{}", &word[..at], &word[end..]);
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_gone_and_the_rest_is_as_it_was() {
        let table = [
            ("port 6881 is free at 192.168.1.77.", "port 6881 is free at 192.168.1.x."),
            ("(10.0.0.9:3001)", "(10.0.0.x:3001)"),
            ("http://192.168.1.5:3001/health", "http://192.168.1.x:3001/health"),
            ("[2001:db8:1:2::7]:80 and fe80::1", "[2001:db8:x]:80 and fe80:0:x"),
            ("TCP:192.168.1.77 ip=192.168.1.77 (192.168.1.77)", "TCP:192.168.1.x ip=192.168.1.x (192.168.1.x)"),
            ("at:2001:db8:1:2::7", "at:2001:db8:x"),
            ("é€😀:1.2.3.4:", "é€😀:1.2.3.x:"),
            ("127.0.0.1:3001, ::1", "127.0.0.1:3001, ::1"),
            ("get magnet:?xt=urn:btih:3530453ef100f8cd9235f76b1c06c4f711b67a19&dn=x now", "get (a magnet) now"),
            ("sharestream://join/ABC1-2345?s=wss://h", "(an invitation)"),
            ("https://h/j/ABC12345#k=abc", "(an invitation)"),
            ("turn://ana:secret@h.example:3478/x", "turn://h.example:3478/x"),
            ("https://h.example/x?key=1", "https://h.example/x?…"),
            ("eyJyb29tIjoiQUJDMTIzNDUifQ.c2lnbmF0dXJlMTIzNDU2Nzg5", "(hidden).(hidden)"),
            ("key 3530453ef100f8cd9235f76b1c06c4f7", "key (hidden)"),
            ("no server named share.example.org is found", "no server named share.example.org is found"),
            ("mpv 0.35.1 plays", "mpv 0.35.1 plays"),
            ("at 12:34:56, 1.5 MB/s", "at 12:34:56, 1.5 MB/s"),
            ("/srv/ana/films (denied) /home/bea/x", "~/films (denied) ~/x"),
            ("C:\\Users\\Bea\\films", "C:~\\films"),
        ];
        for (text, expected) in table {
            assert_eq!(redacted(text, Some(Path::new("/srv/ana"))), expected);
        }
        assert_eq!(redacted("/root and /", Some(Path::new("/"))), "/root and /", "a home that is everything is none");
    }

    #[test]
    fn any_text_is_borne() {
        for text in ["", " ", "://", "@://@", "\u{202e}::::", "....", "?#", "é€😀:1.2.3.4", "1.2.3.4:", "a://b@"] {
            redacted(text, None);
        }
    }
}
