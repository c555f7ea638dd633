//! What a person at a terminal is shown, from the engine's events. Pure.

use std::time::{Duration, Instant};

use engine_proto::ipc::{Added, Event, Figures, Message, PeerStatus, Progress, RequestId, Seeding, State, Status};
use engine_proto::words::{self, columns, fit, pad};

use super::paint::{Ink, Paint, percent};

/// Peers in the list; the rest are a number.
const PEERS_SHOWN_MAX: usize = 12;

/// Lines of a stream that is no terminal come at most this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Characters of another's text.
const NAME_CHARS_MAX: usize = 120;

/// Columns of a peer's address, its program, and its bar.
const PEER_COLUMNS: (usize, usize, usize) = (22, 22, 12);

/// What the person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Share,
    Watch,
}

/// All that is shown.
pub(super) struct View {
    purpose: Purpose,
    started: Instant,
    name: String,
    /// 0.0–1.0 of the file that was read.
    hashing: Option<f64>,
    figures: Figures,
    peers: Vec<PeerStatus>,
    /// The film is shared or its details are known.
    open: bool,
    failed: bool,
    plain_at: Option<Instant>,
    plain_last: String,
}

impl View {
    pub(super) fn new(purpose: Purpose, now: Instant) -> Self {
        Self {
            purpose,
            started: now,
            name: String::new(),
            hashing: None,
            figures: Figures::default(),
            peers: Vec::new(),
            open: false,
            failed: false,
            plain_at: None,
            plain_last: String::new(),
        }
    }

    /// Whether it cannot go on.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Takes an event; the lines it leaves on the screen.
    pub(super) fn handle_message(&mut self, now: Instant, message: Message) -> Vec<String> {
        let Message { event, id } = message;
        match event {
            Event::Ready(_) | Event::Stopped(_) => Vec::new(),
            Event::Hashing(hashing) => {
                if self.hashing.is_none() {
                    self.started = now;
                }
                self.name = printable(&hashing.name);
                self.hashing = Some(hashing.progress);
                Vec::new()
            }
            Event::Seeding(seeding) => self.on_seeding(&seeding),
            Event::Added(added) => self.on_added(now, &added),
            Event::Progress(Progress { infohash: _, figures }) => {
                self.failed |= figures.state == State::Error;
                self.figures = figures;
                Vec::new()
            }
            Event::Done(_) => vec![format!("All of {} is here. It stays shared until Ctrl-C.", self.name)],
            Event::Error(error) => {
                self.failed |= id == Some(RequestId::Text(super::MARK.to_owned()));
                let advice = error.code.words().advice;
                vec![format!("{} ({})", printable_long(&error.message), error.code), format!("  {advice}")]
            }
            Event::Info(info) => vec![printable_long(&info.message)],
            Event::Status(Status { torrents, .. }) => {
                self.peers = torrents.into_iter().next().map(|torrent| torrent.peer_list).unwrap_or_default();
                Vec::new()
            }
        }
    }

    /// The live part.
    pub(super) fn live(&self, now: Instant, paint: Paint) -> Vec<String> {
        let mut lines = match (self.open, self.hashing, self.purpose) {
            (false, Some(progress), _) => vec![self.hashing_line(now, progress, paint)],
            (false, None, Purpose::Share) => vec!["Reading…".to_owned()],
            (false, None, Purpose::Watch) => vec![self.looking_line(now)],
            (true, _, Purpose::Share) => vec![String::new(), paint.ink(Ink::Bold, &self.share_line(paint))],
            (true, _, Purpose::Watch) => self.watch_lines(paint),
        };
        let room = paint.height.saturating_sub(lines.len() + 2);
        lines.extend(self.peer_lines(paint, room));
        lines
    }

    /// A line for a stream that is no terminal, when it is time for one and there is news.
    pub(super) fn plain(&mut self, now: Instant) -> Option<String> {
        let paint = Paint { width: usize::MAX, height: usize::MAX, color: false, unicode: true };
        let line = match (self.open, self.hashing, self.purpose) {
            (false, Some(progress), _) => format!("Reading {}: {}", self.name, percent(progress)),
            (false, None, _) => return None,
            (true, _, Purpose::Share) => self.share_line(paint),
            (true, _, Purpose::Watch) => self.watch_line(paint),
        };
        let due = self.plain_at.is_none_or(|at| now.duration_since(at) >= PLAIN_EVERY);
        if !due || line == self.plain_last {
            return None;
        }
        self.plain_at = Some(now);
        self.plain_last.clone_from(&line);
        Some(line)
    }

    /// The last words.
    pub(super) fn farewell(&self) -> Vec<String> {
        if self.failed {
            return Vec::new();
        }
        let sent = words::bytes(self.figures.uploaded_bytes);
        vec![match self.purpose {
            Purpose::Share => format!("Stopped sharing. {sent} were sent."),
            Purpose::Watch => "Stopped. What was fetched stays for the next time.".to_owned(),
        }]
    }

    fn on_seeding(&mut self, seeding: &Seeding) -> Vec<String> {
        self.open = true;
        self.plain_at = None;
        self.name = printable(&seeding.name);
        self.figures.total_bytes = seeding.length;
        let magnet = &seeding.magnet_uri;
        vec![
            format!("Sharing {} ({})", self.name, words::bytes(seeding.length)),
            String::new(),
            format!("  {magnet}"),
            String::new(),
            "Send this link to those who want to watch. They open it in ShareStream, or in a terminal with".to_owned(),
            format!("  sharestream-engine watch '{magnet}'"),
            format!("On this machine a player finds it at {}", seeding.server_url),
            "Ctrl-C stops sharing.".to_owned(),
        ]
    }

    fn on_added(&mut self, now: Instant, added: &Added) -> Vec<String> {
        self.open = true;
        self.started = now;
        self.plain_at = None;
        self.name = printable(&added.name);
        self.figures.total_bytes = added.length;
        vec![
            format!("Fetching {} ({})", self.name, words::bytes(added.length)),
            String::new(),
            format!("  {}", added.server_url),
            String::new(),
            "Open this address in a player; it can play and seek at once. Ctrl-C stops.".to_owned(),
            String::new(),
        ]
    }

    fn hashing_line(&self, now: Instant, progress: f64, paint: Paint) -> String {
        let mut right = format!(" {}", percent(progress));
        let passed = now.duration_since(self.started);
        // Before a fiftieth is read, a guess would jump about.
        if progress > 0.02 {
            let left = passed.mul_f64((1.0 - progress.min(1.0)) / progress);
            right.push_str(&format!("{}{} left", paint.dot(), words::clock(left)));
        }
        let name = fit(&self.name, paint.width / 2);
        let cells = paint.width.saturating_sub(columns(&name) + columns(&right) + "Reading  ".len()).min(40);
        fit(&format!("Reading {name} {}{right}", paint.bar(progress, cells)), paint.width)
    }

    fn looking_line(&self, now: Instant) -> String {
        let seconds = now.duration_since(self.started).as_secs();
        match self.figures.peers {
            0 => format!("Looking for somebody who has it… {seconds} s"),
            1 => format!("Fetching video details from 1 peer… {seconds} s"),
            peers => format!("Fetching video details from {peers} peers… {seconds} s"),
        }
    }

    fn share_line(&self, paint: Paint) -> String {
        let figures = &self.figures;
        let line = match figures.peers {
            0 if figures.uploaded_bytes == 0 => "Nobody is connected yet".to_owned(),
            0 => "Nobody is connected now".to_owned(),
            1 => "1 peer".to_owned(),
            peers => format!("{peers} peers"),
        };
        let sending = format!("sending {}", words::rate(figures.upload_speed));
        let sent = format!("{} sent", words::bytes(figures.uploaded_bytes));
        fit(&[line, sending, sent].join(paint.dot()), paint.width)
    }

    fn watch_lines(&self, paint: Paint) -> Vec<String> {
        let ink = if self.figures.downloaded >= 1.0 { Ink::Green } else { Ink::Bold };
        let cells = paint.width.saturating_sub(1).min(100);
        let bar = paint.ranges(&self.figures.ranges, self.figures.total_bytes, cells);
        vec![paint.ink(ink, &self.watch_line(paint)), bar]
    }

    fn watch_line(&self, paint: Paint) -> String {
        let figures = &self.figures;
        let mut parts = vec![format!("{} of {}", percent(figures.downloaded), words::bytes(figures.total_bytes))];
        if figures.state == State::Paused {
            parts.push("the disk is full".to_owned());
        }
        if figures.downloaded < 1.0 {
            parts.push(words::rate(figures.speed));
            let missing = figures.total_bytes.saturating_sub(figures.downloaded_bytes);
            if let Some(seconds) = missing.checked_div(figures.speed) {
                parts.push(format!("{} left", words::clock(Duration::from_secs(seconds))));
            }
        }
        parts.push(match (figures.peers, figures.seeds) {
            (0, _) => "nobody is connected".to_owned(),
            (1, 0) => "1 peer".to_owned(),
            (1, _) => "1 peer, who has all of it".to_owned(),
            (peers, seeds) => format!("{peers} peers, {seeds} of them complete"),
        });
        if figures.upload_speed > 0 {
            parts.push(format!("sending {}", words::rate(figures.upload_speed)));
        }
        fit(&parts.join(paint.dot()), paint.width)
    }

    fn peer_lines(&self, paint: Paint, room: usize) -> Vec<String> {
        let shown = self.peers.len().min(PEERS_SHOWN_MAX).min(room.saturating_sub(1));
        let mut lines: Vec<String> = self.peers.iter().take(shown).map(|peer| self.peer_line(peer, paint)).collect();
        match self.peers.len() - shown {
            0 => {}
            more if shown == 0 => lines.push(format!("  {more} peers")),
            more => lines.push(paint.ink(Ink::Dim, &format!("  and {more} more"))),
        }
        lines
    }

    fn peer_line(&self, peer: &PeerStatus, paint: Paint) -> String {
        let rate = match self.purpose {
            Purpose::Share => peer.upload_speed,
            Purpose::Watch => peer.speed,
        };
        let (address, program, cells) = PEER_COLUMNS;
        let client = printable(&peer.client);
        let line = format!(
            "  {} {} {} {:>5}  {}",
            pad(&peer.addr.to_string(), address),
            pad(&client, program),
            paint.bar(peer.progress, cells),
            percent(peer.progress),
            words::rate(rate),
        );
        fit(&line, paint.width)
    }
}

fn printable(text: &str) -> String {
    words::printable(text, NAME_CHARS_MAX)
}

fn printable_long(text: &str) -> String {
    words::printable(text, 10 * NAME_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use engine_proto::error::{ErrorCode, Problem};
    use engine_proto::infohash::Infohash;
    use engine_proto::ipc::{Error, Hashing};

    use super::*;

    const PAINT: Paint = Paint { width: 60, height: 24, color: false, unicode: true };

    fn peer(client: &str) -> PeerStatus {
        PeerStatus {
            addr: "192.168.1.5:6881".parse().unwrap(),
            client: client.into(),
            speed: 5,
            upload_speed: 3_400_000,
            downloaded_bytes: 0,
            uploaded_bytes: 9,
            progress: 0.5,
            am_choking: false,
            am_interested: false,
            peer_choking: false,
            peer_interested: true,
            incoming: true,
            encrypted: false,
            inflight: 0,
            member: false,
            member_id: None,
        }
    }

    fn seeding() -> Message {
        Message::from(Event::Seeding(Seeding {
            name: "film.mp4".into(),
            magnet_uri: "magnet:?x".into(),
            server_url: "http://u".into(),
            infohash: Infohash([1; 20]),
            length: 1_400_000_000,
            files: Vec::new(),
        }))
    }

    #[test]
    fn reading_shows_the_time_left() {
        let start = Instant::now();
        let mut view = View::new(Purpose::Share, start);
        let hashing = |progress| Message::from(Event::Hashing(Hashing { name: "film.mp4".into(), progress }));
        view.handle_message(start, hashing(0.0));
        view.handle_message(start, hashing(0.25));
        let lines = view.live(start + Duration::from_secs(10), PAINT);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("25 %") && lines[0].ends_with("0:30 left"), "{lines:?}");
        assert!(columns(&lines[0]) <= PAINT.width);
    }

    #[test]
    fn a_share_names_its_magnet_and_its_peers() {
        let start = Instant::now();
        let mut view = View::new(Purpose::Share, start);
        let lines = view.handle_message(start, seeding()).join("\n");
        assert!(
            lines.contains("film.mp4 (1.4 GB)") && lines.contains("watch 'magnet:?x'") && lines.contains("http://u")
        );
        view.peers = vec![peer("x\u{1b}[2J"); 20];
        let lines = view.live(start, PAINT);
        assert_eq!(lines.len(), 2 + PEERS_SHOWN_MAX + 1);
        assert!(lines.iter().all(|line| columns(line) <= PAINT.width && !line.contains('\u{1b}')), "{lines:#?}");
        assert!(lines.last().unwrap().contains("8 more"));
        let low = view.live(start, Paint { height: 8, ..PAINT });
        assert!(low.len() < 8, "{low:#?}");
    }

    #[test]
    fn only_the_answer_to_our_command_is_the_end() {
        let start = Instant::now();
        let mut view = View::new(Purpose::Watch, start);
        let error = |id| {
            let error = Error::new(Problem::new(ErrorCode::E004, "No peers"), None);
            Message { event: Event::Error(error), id }
        };
        let lines = view.handle_message(start, error(None));
        assert!(lines[0].contains("No peers (E004)"), "{lines:?}");
        assert!(!view.has_failed());
        view.handle_message(start, error(Some(RequestId::Text(super::super::MARK.into()))));
        assert!(view.has_failed());
        assert!(view.farewell().is_empty());
    }

    #[test]
    fn without_a_terminal_lines_come_seldom() {
        let start = Instant::now();
        let mut view = View::new(Purpose::Share, start);
        assert_eq!(view.plain(start), None);
        view.handle_message(start, seeding());
        assert!(view.plain(start).unwrap().starts_with("Nobody is connected yet"));
        view.figures.peers = 2;
        assert_eq!(view.plain(start + Duration::from_secs(1)), None);
        assert!(view.plain(start + PLAIN_EVERY).unwrap().starts_with("2 peers"));
        assert_eq!(view.plain(start + PLAIN_EVERY * 2), None, "no news");
        view.figures.uploaded_bytes = 9;
        view.figures.peers = 0;
        assert!(view.plain(start + PLAIN_EVERY * 3).unwrap().starts_with("Nobody is connected now"));
    }

    #[test]
    fn a_watch_shows_what_is_here() {
        let mut view = View::new(Purpose::Watch, Instant::now());
        view.open = true;
        view.figures = Figures {
            downloaded: 0.5,
            downloaded_bytes: 50,
            total_bytes: 100,
            speed: 10,
            ranges: vec![(0, 50)],
            ..Figures::default()
        };
        let lines = view.live(Instant::now(), Paint { width: 80, ..PAINT });
        assert!(lines[0].starts_with("50 % of 100 bytes · 10 B/s · 0:05 left"), "{lines:?}");
        assert!(lines[1].starts_with('█') && lines[1].ends_with('░'), "{lines:?}");
    }
}
