//! The connection doctor: looks at the player, the disk, the server and the network, and says of each what it means and what helps.
//!
//! `look` asks the world and gives back what it saw (`seen`), `conclude` makes [`Check`]s of that and is pure, [`report()`] is what
//! people copy for others: without magnets, tokens and whole addresses.

mod check;
mod conclude;
pub mod limits;
mod look;
mod own;
mod redact;
mod report;
mod seen;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::thread;

use futures_lite::future;
use session_proto::server_url::ServerUrl;
use session_proto::words::Language;
use sharestream_signal_client::Trust;
use smol::channel::{Receiver, Sender, bounded};

pub use check::{Check, Grade, Topic, Verdict, verdict};
pub use own::OwnPlayer;
pub use report::report;

use limits::CHECKS_MAX;
use seen::{ServerSeen, UplinkSeen};

/// What is to be examined.
#[derive(Clone, Debug)]
pub struct DoctorOptions {
    /// The server, if one is configured.
    pub server: Option<ServerUrl>,
    /// Who may vouch for its certificate.
    pub trust: Trust,
    /// Other servers that answer STUN, as `HOST:PORT`: with a second opinion the kind of NAT can be told.
    pub stun: Vec<String>,
    /// What is said is said in it.
    pub language: Language,
    /// The app's own player, by what was asked of it before; then no program is looked for.
    pub own_player: Option<Result<OwnPlayer, String>>,
    /// The player's program: a path, or a name of the search path.
    pub player: PathBuf,
    /// Where downloads lie.
    pub downloads: PathBuf,
    /// The engine's preferred port.
    pub listen_port: u16,
    /// A relay for calls is configured.
    pub relay: bool,
    /// What this machine can send, in bytes a second, if that was measured or is known of its contract.
    pub uplink: Option<u64>,
    /// What a second of film has, in bytes.
    pub film_rate: u64,
    /// How many watch beside the host.
    pub viewers: u32,
}

/// What is examined without being told otherwise: 8 Mbit/s of film for three viewers, as of most films in 1080p.
impl Default for DoctorOptions {
    fn default() -> Self {
        Self {
            server: None,
            trust: Trust::System,
            stun: Vec::new(),
            language: Language::English,
            own_player: None,
            player: PathBuf::from("mpv"),
            downloads: sharestream_engine::default_data_dir(),
            listen_port: 6881,
            relay: false,
            uplink: None,
            film_rate: 1_000_000,
            viewers: 3,
        }
    }
}

/// Examines a machine.
#[derive(Debug)]
pub struct Doctor;

impl Doctor {
    /// Begins on a thread of its own; the checks come as they are done, those of the machine first, and each topic once. The
    /// channel closes at the end, a minute later at worst. Dropping it ends the examination.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn run(options: DoctorOptions) -> io::Result<Receiver<Check>> {
        let (sender, checks) = bounded(CHECKS_MAX);
        let examine = move || {
            let done = async {
                examine(&options, &sender).await;
            };
            smol::block_on(future::or(sender.closed(), done));
        };
        thread::Builder::new().name("doctor".to_owned()).spawn(examine)?;
        Ok(checks)
    }
}

async fn examine(options: &DoctorOptions, out: &Sender<Check>) {
    let l = options.language;
    let player = async {
        match &options.own_player {
            Some(own) => conclude::own_player(l, own),
            None => conclude::player(l, &look::player(&options.player).await),
        }
    };
    say(out, player).await;
    say(out, async { conclude::disk(l, &look::disk(options.downloads.clone()).await) }).await;
    say(out, async { conclude::port(l, &look::port(options.listen_port).await) }).await;
    say(out, async { conclude::ipv6(l, look::ipv6().await) }).await;
    let uplink = UplinkSeen { uplink: options.uplink, film_rate: options.film_rate, viewers: options.viewers };
    say(out, async { conclude::uplink(l, uplink) }).await;
    say(out, async { conclude::relay(l, options.relay) }).await;
    say(out, async { conclude::devices(l) }).await;

    let server = look::server(options.server.as_ref(), &options.trust).await;
    let reached = matches!(server, ServerSeen::Ours { .. });
    say(out, async { conclude::server(l, &server, signal::VERSION) }).await;
    let url = options.server.as_ref().filter(|_| reached);
    let rendezvous = look::rendezvous(url, &options.trust).await;
    say(out, async { conclude::rendezvous(l, &rendezvous) }).await;
    say(out, async { conclude::websocket(l, &look::websocket(url, &options.trust).await) }).await;
    let stun: Vec<String> =
        rendezvous.stun().chain(options.stun.iter().map(String::as_str)).map(str::to_owned).collect();
    say(out, async { conclude::public_address(l, &look::stun(&stun).await) }).await;
}

async fn say(out: &Sender<Check>, checks: impl Future<Output = Vec<Check>>) {
    for check in checks.await {
        // Nobody listens any more: then all of it ends.
        let _ = out.send(check).await;
    }
}
