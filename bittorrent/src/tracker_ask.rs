//! Asks one tracker: from its name to peers, with every address on the way checked.

use std::net::SocketAddr;
use std::time::Duration;

use bittorrent_proto::policy::connector::NamedBy;
use bittorrent_proto::tracker::tiers::Failure;
use bittorrent_proto::tracker::{Announce, AnswerError, Peers, TrackerUrl};
use futures_lite::FutureExt as _;
use futures_lite::future::zip;
use smol::Timer;

use crate::addresses::{self, OwnNetworks};
use crate::http_get;

/// All of one announce, redirects and names included.
const DEADLINE: Duration = Duration::from_secs(15);

/// Connecting to one of several addresses.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(6);

/// Addresses of one name and family that are tried.
const ADDRESSES_MAX: usize = 3;

/// Answers that lead elsewhere, one after another.
const REDIRECTS_MAX: usize = 5;

/// What a tracker gave.
pub(crate) struct Found {
    pub(crate) peers: Peers,
    /// The tracker is on this machine or its networks.
    pub(crate) local: bool,
}

/// Announces once for each address family that the tracker has (BEP 7), within 15 s. It worked when one of them did.
pub(crate) async fn ask(
    url: &TrackerUrl,
    named_by: NamedBy,
    announce: &Announce,
    own: &OwnNetworks,
) -> Result<Vec<Found>, Failure> {
    let asking = async {
        let family = |v6| ask_family(url, named_by, announce, own, v6);
        match zip(family(false), family(true)).await {
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
async fn ask_family(
    url: &TrackerUrl,
    named_by: NamedBy,
    announce: &Announce,
    own: &OwnNetworks,
    v6: bool,
) -> Result<Found, Option<Failure>> {
    let unreachable = |why: String| Some(Failure::Unreachable(why));
    let (mut url, mut named_by, mut target) = (url.clone(), named_by, announce.target(url));
    let mut came_from_outside = false;
    for _ in 0..=REDIRECTS_MAX {
        let addrs = resolve(&url, v6).await.map_err(unreachable)?;
        let (addr, answer) = ask_one(&addrs, &url, &target, |addr| {
            addresses::may_announce(addr, named_by, &url, own).map_err(|refused| refused.to_string())?;
            // Whoever answers out there has no business with what is in here.
            let inward = came_from_outside && addresses::is_local(addr);
            if inward { Err("it leads from outside to a local address".to_owned()) } else { Ok(()) }
        })
        .await?;
        came_from_outside |= !addresses::is_local(addr);
        if (300..400).contains(&answer.status) {
            let location = answer.location.ok_or_else(|| unreachable("it leads nowhere".to_owned()))?;
            let next = url.redirected(&location).map_err(|error| unreachable(error.to_string()))?;
            // What another machine is called there is the tracker's word, not the user's.
            if (next.host(), next.port()) != (url.host(), url.port()) {
                named_by = NamedBy::Stranger;
            }
            target = next.target();
            url = next;
            continue;
        }
        return match Peers::read(&answer.body) {
            Ok(peers) => Ok(Found { peers, local: addresses::is_local(addr) }),
            Err(AnswerError::Refused(reason)) => Err(Some(Failure::Refused(reason))),
            Err(_) if answer.status != 200 => Err(unreachable(format!("it answers {}", answer.status))),
            Err(error) => Err(unreachable(error.to_string())),
        };
    }
    Err(unreachable(format!("more than {REDIRECTS_MAX} redirects")))
}

async fn resolve(url: &TrackerUrl, v6: bool) -> Result<Vec<SocketAddr>, String> {
    let found = smol::net::resolve((url.host(), url.port())).await.map_err(|error| error.to_string())?;
    let canonical = |addr: SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
    Ok(found.into_iter().map(canonical).filter(|addr| addr.is_ipv6() == v6).take(ADDRESSES_MAX).collect())
}

/// The first address that may be asked and answers.
async fn ask_one(
    addrs: &[SocketAddr],
    url: &TrackerUrl,
    target: &str,
    may: impl Fn(SocketAddr) -> Result<(), String>,
) -> Result<(SocketAddr, http_get::Answer), Option<Failure>> {
    let mut failure = None;
    for addr in addrs {
        if let Err(refused) = may(*addr) {
            failure = Some(Failure::Unreachable(format!("{addr} is not asked: {refused}")));
            continue;
        }
        let asking = async { http_get::get(*addr, url, target).await.map_err(|error| error.to_string()) };
        let patience = async {
            Timer::after(ADDRESS_PATIENCE).await;
            Err(format!("no answer within {} s", ADDRESS_PATIENCE.as_secs()))
        };
        match asking.or(patience).await {
            Ok(answer) => return Ok((*addr, answer)),
            Err(why) => failure = Some(Failure::Unreachable(why)),
        }
    }
    Err(failure)
}
