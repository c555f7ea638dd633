//! From the words of the crate `bittorrent` to those of the contract.

use bittorrent::{
    ClientEvent, Failure, Fetch, FileChoice, PeerStats, Removed, TorrentError, TorrentHandle, TorrentState,
    TorrentStats, TrackerOutcome, Trouble, Why,
};
use bittorrent_proto::magnet::Magnet;
use bittorrent_proto::metainfo::Metainfo;
use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::room::{MemberId, Room};
use bittorrent_proto::units::FileIndex;
use engine_proto::app::{DetailFile, Details, Fact, Snapshot, Terms};
use engine_proto::error::{ErrorCode, Problem};
use engine_proto::infohash::Infohash;
use engine_proto::ipc::{self, Counts, Figures, PeerStatus, State};
use engine_proto::trackers;
use engine_proto::words;
use httprange::mime;

/// Characters of a torrent's name in a sentence.
const NAME_CHARS_MAX: usize = 120;

/// An infohash in the contract's type.
pub(crate) fn infohash(infohash: bittorrent_proto::infohash::Infohash) -> Infohash {
    Infohash(*infohash.as_bytes())
}

/// A front end's choice of file.
pub(crate) fn file_choice(choice: ipc::FileChoice) -> FileChoice {
    match choice {
        ipc::FileChoice::Largest => FileChoice::Largest,
        ipc::FileChoice::Index(index) => FileChoice::Index(index),
        ipc::FileChoice::Path(path) => FileChoice::Path(path),
        ipc::FileChoice::All => FileChoice::All,
    }
}

/// A front end's choice of how much.
pub(crate) fn fetch(fetch: ipc::Fetch) -> Fetch {
    match fetch {
        ipc::Fetch::All => Fetch::All,
        ipc::Fetch::AsNeeded => Fetch::AsNeeded,
    }
}

/// Whom a torrent has to do with; whether it is for the room alone was worked out.
pub(crate) fn terms(terms: &Terms, private: bool) -> bittorrent::Terms {
    let room = terms.room.as_ref().map(|room| Room::new(room.key, MemberId(room.member)));
    let insisted = terms.private.unwrap_or(terms.room.is_some());
    bittorrent::Terms { room, private, insisted, members_only: !terms.allow_stock }
}

/// The files of a torrent whose metadata is known. Pad files are not shown.
pub(crate) fn details(handle: &TorrentHandle, magnet_uri: String) -> Option<Details> {
    Some(details_of(&*handle.metainfo()?, handle.film()?, magnet_uri))
}

fn details_of(metainfo: &Metainfo, film: FileIndex, magnet_uri: String) -> Details {
    let shown = metainfo.files.iter().enumerate().filter(|(_, file)| !file.pad);
    let files: Vec<DetailFile> = shown
        .filter_map(|(index, file)| {
            let path = file.path.join("/");
            let media = mime::is_media(mime::extension(&path));
            Some(DetailFile { index: u32::try_from(index).ok()?, path, length: file.len.get(), media })
        })
        .collect();
    let film = files.iter().position(|file| file.index == film.0).unwrap_or(0);
    Details { name: metainfo.name.clone(), files, film, magnet_uri }
}

/// A magnet that is of use to others: trackers on this machine are left out.
pub(crate) fn magnet_for_others(mut magnet: Magnet, advertised: &[std::net::SocketAddr]) -> String {
    magnet.trackers.retain(|tracker| trackers::is_for_others(tracker));
    magnet.peers = advertised.iter().filter_map(|addr| addr.to_string().parse().ok()).collect();
    magnet.to_string()
}

/// A moment of a torrent.
pub(crate) fn snapshot(stats: &TorrentStats) -> Snapshot {
    let figures = Figures {
        downloaded: 0.0, // worked out by App
        speed: stats.download_rate.get(),
        peers: stats.peers,
        downloaded_bytes: stats.downloaded_bytes,
        total_bytes: stats.total_bytes,
        upload_speed: stats.upload_rate.get(),
        uploaded_bytes: stats.uploaded_bytes,
        seeds: stats.seeds,
        ranges: stats.ranges.iter().map(|range| (range.start, range.end)).collect(),
        ahead_bytes: stats.ahead_bytes,
        upload_capacity: stats.upload_capacity.get(),
        state: state(stats.state),
    };
    let counts = Counts { proofs_refused: stats.proofs_refused, pieces_given_up: stats.pieces_given_up };
    Snapshot { figures, peers: stats.peer_list.iter().map(peer).collect(), counts }
}

fn state(state: TorrentState) -> State {
    match state {
        TorrentState::Metadata => State::Metadata,
        TorrentState::Downloading => State::Downloading,
        TorrentState::Seeding => State::Seeding,
        TorrentState::Paused => State::Paused,
        TorrentState::Error => State::Error,
    }
}

fn peer(peer: &PeerStats) -> PeerStatus {
    PeerStatus {
        addr: peer.addr,
        client: peer.client.clone(),
        speed: peer.download_rate.get(),
        upload_speed: peer.upload_rate.get(),
        downloaded_bytes: peer.downloaded_bytes,
        uploaded_bytes: peer.uploaded_bytes,
        progress: peer.progress,
        am_choking: peer.am_choking,
        am_interested: peer.am_interested,
        peer_choking: peer.peer_choking,
        peer_interested: peer.peer_interested,
        incoming: peer.incoming,
        encrypted: peer.encrypted,
        inflight: peer.inflight,
        member: peer.member.is_some(),
        member_id: peer.member.map(|member| member.to_string()),
    }
}

/// Why a torrent could not start.
pub(crate) fn refused(error: &TorrentError) -> Problem {
    let code = match error {
        TorrentError::Open { .. } | TorrentError::Unfit { .. } => ErrorCode::E005,
        TorrentError::Empty { .. } => ErrorCode::E003,
        TorrentError::Changed { .. } => ErrorCode::E008,
        TorrentError::NoSuchFile(_) | TorrentError::Stopping | TorrentError::Thread(_) => ErrorCode::E010,
    };
    Problem::new(code, sentence(&error.to_string()))
}

/// Why a torrent ended by itself.
pub(crate) fn failed(failure: &Failure) -> Problem {
    let code = match failure {
        Failure::Metainfo(_) => ErrorCode::E003,
        Failure::NoSuchFile(_) => ErrorCode::E010,
        Failure::Disk { .. } => ErrorCode::E005,
        Failure::SourceChanged { .. } => ErrorCode::E008,
    };
    Problem::new(code, sentence(&failure.to_string()))
}

/// The rendezvous as a tracker to announce to.
pub(crate) fn room_tracker(tracker: Option<String>) -> Vec<(String, NamedBy)> {
    tracker.into_iter().map(|url| (url, NamedBy::User)).collect()
}

/// What to tell of a tracker.
pub(crate) fn tracker(url: &str, outcome: &TrackerOutcome) -> Fact {
    Fact::Told(match outcome {
        TrackerOutcome::Works => Ok(format!("The tracker {url} works")),
        TrackerOutcome::WorksAgain => Ok(format!("The tracker {url} works again")),
        TrackerOutcome::NotItsOwn => {
            Ok(format!("{url} is not asked: this torrent is private and has trackers of its own"))
        }
        TrackerOutcome::Fails(why) => Ok(format!("The tracker {url} cannot be asked: {why}")),
        TrackerOutcome::Refuses(reason) => {
            Err(Problem::new(ErrorCode::E004, format!("The tracker {url} refused: {reason}")))
        }
        TrackerOutcome::NotYet(scheme) => {
            Ok(format!("Trackers for browsers ({scheme}://) are not there yet, so {url} is not asked; a trackerUrl is"))
        }
    })
}

/// What to tell of a trouble.
pub(crate) fn trouble(trouble: &Trouble) -> Fact {
    let problem = |code, words: String| Fact::Told(Err(Problem::new(code, words)));
    match trouble {
        Trouble::NoPeers => problem(ErrorCode::E004, "No peers after 20 s; still looking".to_owned()),
        Trouble::Silence => problem(
            ErrorCode::E004,
            "Nobody has sent anything for 20 s: the network or the other end may be gone; still trying".to_owned(),
        ),
        Trouble::SilenceOver => Fact::Told(Ok("Data arrives again".to_owned())),
        Trouble::NoMetadata => {
            problem(ErrorCode::E004, "The video's details did not arrive within 60 s; still trying".to_owned())
        }
        Trouble::AddressesRefused(addresses) => {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Fact::Told(Ok(format!(
                "Not connecting to {}: only you or the room may name private and local addresses",
                list.join(", ")
            )))
        }
        Trouble::DiskFull { missing } => problem(
            ErrorCode::E006,
            format!("The disk is full: {missing} bytes are missing; downloading goes on when there is room"),
        ),
        Trouble::DiskHasRoom => Fact::Told(Ok("The disk has room again".to_owned())),
        Trouble::PieceKeepsFailing { piece, banned } => problem(
            ErrorCode::E009,
            format!("Piece {piece} keeps failing its check; {banned} peers were banned for it"),
        ),
    }
}

/// What happened beside the torrents that run.
pub(crate) fn news(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Removed(Removed { name, bytes, why, .. }) => {
            let why = match why {
                Why::Unused => "it was not used for 14 days",
                Why::Room => "the disk is short of room, and it was unused for longest",
            };
            format!("Deleted the download {} ({}): {why}", words::printable(name, NAME_CHARS_MAX), words::bytes(*bytes))
        }
    }
}

/// Libraries begin their errors in lower case; people read sentences.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
