//! Asks one tracker: from its name to peers, with every address on the way checked.

use std::net::SocketAddr;
use std::time::Duration;

use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::rng::Rng;
use bittorrent_proto::tracker::rendezvous::RENDEZVOUS_PATH;
use bittorrent_proto::tracker::tiers::Failure;
use bittorrent_proto::tracker::{Announce, AnswerError, Peers, Rendezvous, Scheme, TrackerUrl};
use futures_lite::FutureExt as _;
use futures_lite::future::zip;
use smol::Timer;

use crate::addresses::{self, OwnNetworks};
use crate::http_get::{self, Answer};
use crate::udp_ask::{self, UdpError};

/// All of one announce, redirects and names included.
const DEADLINE: Duration = Duration::from_secs(15);

/// Connecting to one of several addresses.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(6);

/// Addresses of one name and family that are tried.
const ADDRESSES_MAX: usize = 3;

/// Answers that lead elsewhere, one after another.
const REDIRECTS_MAX: usize = 5;

/// One question to one tracker.
pub(crate) struct Question<'a> {
    pub(crate) url: &'a TrackerUrl,
    pub(crate) named_by: NamedBy,
    pub(crate) announce: &'a Announce,
    pub(crate) own: &'a OwnNetworks,
    /// For transactions.
    pub(crate) rng: Rng,
}

/// What a tracker gave.
pub(crate) struct Found {
    pub(crate) peers: Peers,
    /// The tracker is on this machine or its networks.
    pub(crate) local: bool,
    /// Where it is announced to: of a rendezvous, what it named.
    pub(crate) announced_at: (TrackerUrl, NamedBy),
}

/// Announces once for each address family that the tracker has (BEP 7), within 15 s. It worked when one of them did.
pub(crate) async fn ask(question: &Question<'_>) -> Result<Vec<Found>, Failure> {
    let asking = async {
        match zip(Box::pin(ask_family(question, false)), Box::pin(ask_family(question, true))).await {
            (Ok(v4), Ok(v6)) => Ok(vec![v4, v6]),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(vec![found]),
            (Err(v4), Err(v6)) => Err(worse(v4, v6)),
        }
    };
    let patience = async {
        Timer::after(DEADLINE).await;
        Err(Failure::Unreachable(format!("no answer within {} s", DEADLINE.as_secs())))
    };
    asking.or(patience).await
}

/// A refusal says more than silence, and any reason more than a missing address.
fn worse(v4: Option<Failure>, v6: Option<Failure>) -> Failure {
    match (v4, v6) {
        (_, Some(refused @ Failure::Refused(_))) => refused,
        (Some(failure), _) | (None, Some(failure)) => failure,
        (None, None) => Failure::Unreachable("its name has no address".to_owned()),
    }
}

/// `Err(None)`: it has no address of that family.
async fn ask_family(question: &Question<'_>, v6: bool) -> Result<Found, Option<Failure>> {
    let Question { url, named_by, own, .. } = question;
    let mut way = Way { own, v6, named_by: *named_by, from_outside: false, local: false };
    match url.scheme() {
        Scheme::Http | Scheme::Https | Scheme::Udp => way.announce(question, (*url).clone()).await,
        Scheme::Ws | Scheme::Wss => {
            let answer = way.fetch(url.beside(RENDEZVOUS_PATH), RENDEZVOUS_PATH.to_owned()).await?;
            let read = if answer.status == 200 { Rendezvous::read(&answer.body, url) } else { None };
            let at = read.unwrap_or_else(|| Rendezvous::unknown(url)).announce;
            let usual = url.beside("/announce");
            let is_own = is_same_machine(&at, url);
            way.named_by = if is_own { *named_by } else { NamedBy::Stranger };
            match way.announce(question, at).await {
                // A server that is wrong about its own name is still there.
                Err(None | Some(Failure::Unreachable(_))) if !is_own => {
                    way.named_by = *named_by;
                    way.announce(question, usual).await
                }
                found => found,
            }
        }
    }
}

fn is_same_machine(a: &TrackerUrl, b: &TrackerUrl) -> bool {
    (a.host(), a.port()) == (b.host(), b.port())
}

/// The way to an answer: each address on it is checked by who named it and what came before.
struct Way<'a> {
    own: &'a OwnNetworks,
    v6: bool,
    named_by: NamedBy,
    /// Somebody out there said where to go next.
    from_outside: bool,
    /// The last answer came from this machine or its networks.
    local: bool,
}

impl Way<'_> {
    async fn announce(&mut self, question: &Question<'_>, url: TrackerUrl) -> Result<Found, Option<Failure>> {
        let announced_at = (url.clone(), self.named_by);
        let peers = if url.scheme() == Scheme::Udp {
            self.ask_udp(question, &url).await?
        } else {
            let target = question.announce.target(&url);
            let answer = self.fetch(url, target).await?;
            match Peers::read(&answer.body) {
                Ok(peers) => peers,
                Err(AnswerError::Refused(reason)) => return Err(Some(Failure::Refused(reason))),
                Err(_) if answer.status != 200 => return Err(unreachable(format!("it answers {}", answer.status))),
                Err(error) => return Err(unreachable(error.to_string())),
            }
        };
        Ok(Found { peers, local: self.local, announced_at })
    }

    /// Follows redirects to an answer.
    async fn fetch(&mut self, url: TrackerUrl, target: String) -> Result<Answer, Option<Failure>> {
        let (mut url, mut target) = (url, target);
        for _ in 0..=REDIRECTS_MAX {
            let answer = self
                .first(&url, async |addr, url| match http_get::get(addr, url, &target).await {
                    Ok(answer) => Ok(answer),
                    Err(error) => Err(Failure::Unreachable(error.to_string())),
                })
                .await?;
            if !(300..400).contains(&answer.status) {
                return Ok(answer);
            }
            let location = answer.location.ok_or_else(|| unreachable("it leads nowhere"))?;
            let next = url.redirected(&location).map_err(|error| unreachable(error.to_string()))?;
            if url.scheme().is_secure() && !next.scheme().is_secure() {
                return Err(unreachable("it leads from https:// to http://"));
            }
            // What another machine is called there is the tracker's word, not the user's.
            if !is_same_machine(&next, &url) {
                self.named_by = NamedBy::Stranger;
            }
            target = next.target();
            url = next;
        }
        Err(unreachable(format!("more than {REDIRECTS_MAX} redirects")))
    }

    async fn ask_udp(&mut self, question: &Question<'_>, url: &TrackerUrl) -> Result<Peers, Option<Failure>> {
        self.first(url, async |addr, url| {
            udp_ask::announce(addr, url, question.announce, question.rng.clone()).await.map_err(|error| match error {
                UdpError::Answer(AnswerError::Refused(reason)) => Failure::Refused(reason),
                UdpError::Answer(_) | UdpError::Io(_) | UdpError::Silent => Failure::Unreachable(error.to_string()),
            })
        })
        .await
    }

    /// The answer of the first address of that name that may be asked and is there. A refusal is an answer.
    async fn first<T>(
        &mut self,
        url: &TrackerUrl,
        ask: impl AsyncFn(SocketAddr, &TrackerUrl) -> Result<T, Failure>,
    ) -> Result<T, Option<Failure>> {
        let addrs = resolve(url, self.v6).await.map_err(unreachable)?;
        let mut failure = None;
        for (nth, addr) in (1..).zip(addrs.iter().copied()) {
            if let Err(refused) = self.may_ask(addr, url) {
                failure = Some(Failure::Unreachable(format!("{addr} is not asked: {refused}")));
                continue;
            }
            let patience = async {
                // The last one may take all the time that is left.
                let patience = if nth == addrs.len() { DEADLINE } else { ADDRESS_PATIENCE };
                Timer::after(patience).await;
                Err(Failure::Unreachable(format!("no answer within {} s", ADDRESS_PATIENCE.as_secs())))
            };
            match Box::pin(ask(addr, url)).or(patience).await {
                Ok(answer) => {
                    self.local = addresses::is_local(addr);
                    self.from_outside |= !self.local;
                    return Ok(answer);
                }
                Err(refused @ Failure::Refused(_)) => return Err(Some(refused)),
                Err(why) => failure = Some(why),
            }
        }
        Err(failure)
    }

    fn may_ask(&self, addr: SocketAddr, url: &TrackerUrl) -> Result<(), String> {
        addresses::may_announce(addr, self.named_by, url, self.own).map_err(|refused| refused.to_string())?;
        // Whoever answers out there has no business with what is in here.
        let inward = self.from_outside && addresses::is_local(addr);
        if inward { Err("it leads from outside to a local address".to_owned()) } else { Ok(()) }
    }
}

fn unreachable(why: impl Into<String>) -> Option<Failure> {
    Some(Failure::Unreachable(why.into()))
}

async fn resolve(url: &TrackerUrl, v6: bool) -> Result<Vec<SocketAddr>, String> {
    let found = smol::net::resolve((url.host(), url.port())).await.map_err(|error| error.to_string())?;
    let canonical = |addr: SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
    Ok(found.into_iter().map(canonical).filter(|addr| addr.is_ipv6() == v6).take(ADDRESSES_MAX).collect())
}
