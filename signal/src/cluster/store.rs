//! The store's requests as scripts, so that each is done at once and whole, by Redis' own clock.
//!
//! | key | what |
//! | --- | --- |
//! | `sharestream:node:ID` | a process lives; runs out with its lease |
//! | `sharestream:room:KEY` | `owner`, `claim`, and as it was kept last: `text`, `at` (milliseconds) |
//! | `sharestream:to:ID` | the stream of letters to a process |

use std::time::Duration;

use redis::{Commands as _, Connection, RedisResult, Script};
use signal_proto::cluster::{Claimed, Found, NodeId, StoreAnswer, StoreRequest};
use signal_proto::limits::LEASE;

use crate::limits::{CLUSTER_LETTERS_MAX, CLUSTER_ROOM_KEPT};

const PREFIX: &str = "sharestream:";

/// `lives(node)`, `now()` in milliseconds, `young()`: leases from before a restart of Redis may run without standing in it.
const COMMON: &str = "
    local prefix, me, lease, kept_for = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
    local function lives(node) return redis.call('EXISTS', prefix .. 'node:' .. node) == 1 end
    local function now()
        local time = redis.call('TIME')
        return time[1] * 1000 + math.floor(time[2] / 1000)
    end
    local function young()
        local seconds = string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')
        return tonumber(seconds) * 1000 < lease + 1000
    end
    local function other_owner(room)
        local owner = redis.call('HGET', room, 'owner')
        if owner and owner ~= me and lives(owner) then return owner end
        return nil
    end
    local function claim(room)
        redis.call('HSET', room, 'owner', me)
        redis.call('PEXPIRE', room, kept_for)
        return redis.call('HINCRBY', room, 'claim', 1)
    end
";

const RENEW: &str = "
    local before = lives(me)
    redis.call('SET', prefix .. 'node:' .. me, 1, 'PX', lease)
    return before and 0 or 1
";

const CREATE: &str = "
    local room = prefix .. 'room:' .. ARGV[4]
    if other_owner(room) or redis.call('HEXISTS', room, 'text') == 1 then return 'taken' end
    if young() or not lives(me) then return 'not yet' end
    claim(room)
    return 'ours'
";

const FIND: &str = "
    local room = prefix .. 'room:' .. ARGV[4]
    local owner = other_owner(room)
    if owner then return {'at', owner} end
    local kept = redis.call('HMGET', room, 'text', 'at')
    if not kept[1] and ARGV[5] ~= '1' then return {'nowhere'} end
    if young() or not lives(me) then return {'not yet'} end
    local count = tostring(claim(room))
    if not kept[1] then return {'ours', count} end
    return {'ours', count, kept[1], tostring(math.max(0, now() - tonumber(kept[2])))}
";

const SAVE: &str = "
    local room = prefix .. 'room:' .. ARGV[4]
    if redis.call('HGET', room, 'owner') ~= me or not lives(me) then return 0 end
    redis.call('HSET', room, 'text', ARGV[5], 'at', now())
    redis.call('PEXPIRE', room, kept_for)
    return 1
";

const RELEASE: &str = "
    local room = prefix .. 'room:' .. ARGV[4]
    if redis.call('HGET', room, 'owner') == me then redis.call('DEL', room) end
    return 0
";

pub(super) struct Store {
    me: NodeId,
    renew: Script,
    create: Script,
    find: Script,
    save: Script,
    release: Script,
}

impl Store {
    pub(super) fn new(me: NodeId) -> Self {
        let script = |body: &str| Script::new(&format!("{COMMON}{body}"));
        let [renew, create, find, save, release] = [RENEW, CREATE, FIND, SAVE, RELEASE].map(script);
        Self { me, renew, create, find, save, release }
    }

    /// Carries out one request.
    pub(super) fn ask(&self, redis: &mut Connection, request: &StoreRequest) -> RedisResult<Option<StoreAnswer>> {
        Ok(match request {
            StoreRequest::Renew { mark } => {
                let is_new: bool = self.run(redis, &self.renew, &[])?;
                Some(StoreAnswer::Renewed { mark: *mark, is_new })
            }
            StoreRequest::Resign => {
                () = redis.del(node_key(self.me))?;
                None
            }
            StoreRequest::Alive(nodes) => {
                let mut pipe = redis::pipe();
                nodes.iter().for_each(|node| {
                    pipe.exists(node_key(*node));
                });
                let alive: Vec<bool> = pipe.query(redis)?;
                let dead: Vec<NodeId> =
                    nodes.iter().zip(alive).filter(|(_, alive)| !alive).map(|(node, _)| *node).collect();
                (!dead.is_empty()).then_some(StoreAnswer::Dead(dead))
            }
            StoreRequest::Create(key) => {
                let answer: String = self.run(redis, &self.create, &[key.as_str()])?;
                let claimed = match answer.as_str() {
                    "ours" => Claimed::Ours,
                    "taken" => Claimed::Taken,
                    _ => Claimed::NotYet,
                };
                Some(StoreAnswer::Created { key: key.clone(), claimed })
            }
            StoreRequest::Find { key, form } => {
                let form = if *form { "1" } else { "0" };
                let answer: Vec<String> = self.run(redis, &self.find, &[key.as_str(), form])?;
                Some(StoreAnswer::Found { key: key.clone(), found: found(&answer) })
            }
            StoreRequest::Save { key, text } => {
                let is_saved: bool = self.run(redis, &self.save, &[key.as_str(), text])?;
                (!is_saved).then(|| StoreAnswer::NotOurs(key.clone()))
            }
            StoreRequest::Release(key) => {
                let _: i64 = self.run(redis, &self.release, &[key.as_str()])?;
                None
            }
        })
    }

    fn run<T: redis::FromRedisValue>(&self, redis: &mut Connection, script: &Script, rest: &[&str]) -> RedisResult<T> {
        let mut call = script.key(PREFIX);
        call.arg(self.me.0.to_string()).arg(millis(LEASE)).arg(millis(CLUSTER_ROOM_KEPT));
        rest.iter().for_each(|word| {
            call.arg(*word);
        });
        call.invoke(redis)
    }
}

/// Puts a letter into a process's stream. One that nobody reads is forgotten with all others after a while.
pub(super) fn post(redis: &mut Connection, to: NodeId, letter: &str) -> RedisResult<()> {
    let key = stream_key(to);
    redis::pipe()
        .cmd("XADD")
        .arg(&key)
        .arg("MAXLEN")
        .arg("~")
        .arg(CLUSTER_LETTERS_MAX)
        .arg("*")
        .arg("letter")
        .arg(letter)
        .ignore()
        .cmd("PEXPIRE")
        .arg(&key)
        .arg(20 * millis(LEASE))
        .ignore()
        .query(redis)
}

pub(super) fn stream_key(node: NodeId) -> String {
    format!("{PREFIX}to:{}", node.0)
}

fn node_key(node: NodeId) -> String {
    format!("{PREFIX}node:{}", node.0)
}

fn found(answer: &[String]) -> Found {
    let number = |text: &str| text.parse::<u64>().ok();
    match answer {
        [word, owner] if word == "at" => number(owner).map_or(Found::NotYet, |owner| Found::At(NodeId(owner))),
        [word] if word == "nowhere" => Found::Nowhere,
        [word, claim, kept @ ..] if word == "ours" => {
            let kept = match kept {
                [text, age] => Some((text.clone(), Duration::from_millis(number(age).unwrap_or(0)))),
                _ => None,
            };
            number(claim).map_or(Found::NotYet, |claim| Found::Ours { claim, kept })
        }
        _ => Found::NotYet,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_says_is_read() {
        let read = |words: &[&str]| found(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&["at", "18446744073709551615"]), Found::At(NodeId(u64::MAX)));
        assert_eq!(read(&["nowhere"]), Found::Nowhere);
        assert_eq!(read(&["ours", "3"]), Found::Ours { claim: 3, kept: None });
        let kept = Some(("{}".to_owned(), Duration::from_millis(1500)));
        assert_eq!(read(&["ours", "3", "{}", "1500"]), Found::Ours { claim: 3, kept });
        for words in [&["not yet"][..], &[], &["at"], &["at", "x"], &["ours"]] {
            assert_eq!(read(words), Found::NotYet, "{words:?}");
        }
    }

    #[test]
    fn a_key_of_a_room_is_harmless_in_a_key_of_redis() {
        let key = signal_proto::ids::RoomCode::parse("my-room").expect("a code").key();
        assert!(key.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
