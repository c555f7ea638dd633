//! What is said and what happens, as lines; one's own messages wait here until the room has them.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use serde_json::json;
use signal_proto::error::Code;
use signal_proto::event::ChatLine;
use signal_proto::limits::CHAT_CHARS_MAX;

use super::Participant;
use super::io::{Answer, Output, Say, Ticket};
use super::timers::Wake;
use crate::limits::{CHAT_ITEMS_MAX, UNSENT_MAX};
use crate::view::{ChatItem, Delivery};
use crate::words::Happening;

/// A message whose fate is unknown goes out again after so long; the server knows it by its mark.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// Lines, and what is not out yet.
#[derive(Debug, Default)]
pub(super) struct Chat {
    items: VecDeque<ChatItem>,
    unsent: VecDeque<Unsent>,
    /// Keys given so far.
    keys: u64,
    /// Keys of lines that are not shown yet.
    held: BTreeSet<u64>,
    /// Ids of the server's lines that are here.
    seen: VecDeque<String>,
}

#[derive(Debug)]
struct Unsent {
    key: u64,
    /// Unique in the world: this run's random number and the line's key.
    client_id: String,
    text: String,
    film_time: Option<f64>,
    /// It is on its way on the present connection.
    ticket: Option<Ticket>,
    /// Refused; waits for its writer.
    failed: bool,
}

impl Chat {
    /// The lines that are shown, the oldest first.
    pub(super) fn items(&self) -> impl DoubleEndedIterator<Item = &ChatItem> {
        self.items.iter().filter(|item| !self.held.contains(&item.key))
    }

    /// Those that are not.
    pub(super) fn held(&self) -> impl Iterator<Item = &ChatItem> {
        self.items.iter().filter(|item| self.held.contains(&item.key))
    }

    pub(super) fn hold(&mut self, key: u64) {
        self.held.insert(key);
    }

    pub(super) fn release(&mut self, key: u64) {
        self.held.remove(&key);
    }

    pub(super) fn held_count(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(u32::MAX)
    }

    /// The connection is another one: nothing is on its way.
    pub(super) fn lost_connection(&mut self) {
        self.unsent.iter_mut().for_each(|unsent| unsent.ticket = None);
    }

    fn key(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }

    pub(super) fn push(&mut self, item: ChatItem) {
        self.items.push_back(item);
        if self.items.len() > CHAT_ITEMS_MAX
            && let Some(gone) = self.items.pop_front()
        {
            self.held.remove(&gone.key);
        }
    }

    fn update(&mut self, key: u64, change: impl FnOnce(&mut ChatItem)) -> Option<ChatItem> {
        let item = self.items.iter_mut().rev().find(|item| item.key == key)?;
        change(item);
        Some(item.clone())
    }
}

impl Participant {
    /// The person says something.
    pub(super) fn say_in_chat(&mut self, now: Instant, text: &str) {
        let text: String = text.trim().chars().take(CHAT_CHARS_MAX).collect();
        if text.is_empty() {
            return;
        }
        let key = self.chat.key();
        let film_time = self.film.is_some().then(|| self.room_place(now));
        let is_full = self.chat.unsent.len() >= UNSENT_MAX;
        let delivery = if is_full { Delivery::Failed } else { Delivery::Pending };
        let item = ChatItem {
            key,
            from: Some(self.setup.name.clone()),
            mine: true,
            text: text.clone(),
            at: None,
            film_time,
            delivery,
        };
        self.chat.push(item.clone());
        self.output(Output::Said(item));
        if is_full {
            return;
        }
        let client_id = format!("{:x}-{key}", self.setup.nonce);
        self.chat.unsent.push_back(Unsent { key, client_id, text, film_time, ticket: None, failed: false });
        self.send_chat();
    }

    /// A message that was refused is wanted all the same.
    pub(super) fn retry_saying(&mut self, key: u64) {
        if let Some(unsent) = self.chat.unsent.iter_mut().find(|unsent| unsent.key == key) {
            unsent.failed = false;
            self.tell_line(key, |item| item.delivery = Delivery::Pending);
        }
        self.send_chat();
    }

    /// What waits goes out, in order: the next after the one before has arrived, so that none overtakes another.
    pub(super) fn send_chat(&mut self) {
        if !self.is_inside() || self.chat.unsent.iter().any(|unsent| unsent.ticket.is_some()) {
            return;
        }
        let ticket = self.ticket();
        let Some(unsent) = self.chat.unsent.iter_mut().find(|unsent| !unsent.failed) else { return };
        unsent.ticket = Some(ticket);
        let mut payload = json!({ "text": unsent.text, "clientId": unsent.client_id });
        if let Some(film_time) = unsent.film_time {
            payload["mediaTime"] = json!(film_time);
        }
        self.output(Output::Say(Say { name: "chat-message", payload, ticket: Some(ticket) }));
    }

    /// What came of a message; `false` if the ticket is not one of chat.
    pub(super) fn on_chat_answer(&mut self, now: Instant, ticket: Ticket, answer: &Answer) -> bool {
        let Some(at) = self.chat.unsent.iter().position(|unsent| unsent.ticket == Some(ticket)) else { return false };
        let Some(unsent) = self.chat.unsent.get_mut(at) else { return false };
        unsent.ticket = None;
        let key = unsent.key;
        match answer {
            Answer::Said(said) if said["success"] == false => {
                let code = said["code"].as_str().and_then(Code::parse);
                if code == Some(Code::S010) {
                    let wait = said["wait"].as_f64().unwrap_or(1.0).clamp(0.2, 60.0);
                    self.timers.set(Wake::Chat, now + Duration::from_secs_f64(wait));
                } else {
                    unsent.failed = true;
                    self.tell_line(key, |item| item.delivery = Delivery::Failed);
                    self.send_chat();
                }
            }
            Answer::Said(said) => {
                self.chat.unsent.remove(at);
                let taken = said["timestamp"].as_i64();
                if let Some(id) = said["id"].as_str() {
                    self.remember_line(id);
                }
                self.tell_line(key, |item| {
                    item.delivery = Delivery::Sent;
                    item.at = taken.or(item.at);
                });
                self.send_chat();
            }
            // After a loss the whole room is asked for again, and its history says what arrived.
            Answer::NotSent => {}
            Answer::Unknown => self.timers.set(Wake::Chat, now + AGAIN_AFTER),
        }
        true
    }

    /// A line that the room has.
    pub(super) fn on_chat_line(&mut self, now: Instant, line: ChatLine) {
        let mine = line.client_id.as_ref();
        let own = self.chat.unsent.iter().position(|unsent| Some(&unsent.client_id) == mine);
        if let Some(unsent) = own.and_then(|at| self.chat.unsent.remove(at)) {
            self.remember_line(&line.id);
            self.tell_line(unsent.key, |item| {
                item.delivery = Delivery::Sent;
                item.at = Some(line.timestamp.unix_ms());
            });
            self.send_chat();
            return;
        }
        if self.chat.seen.contains(&line.id) {
            return;
        }
        self.remember_line(&line.id);
        let item = ChatItem {
            key: self.chat.key(),
            mine: Some(&line.sender) == self.own_id(),
            from: Some(line.sender_name),
            text: line.text,
            at: Some(line.timestamp.unix_ms()),
            film_time: line.media_time.map(signal_proto::time::MediaTime::seconds),
            delivery: Delivery::Sent,
        };
        self.show_or_hold(now, item);
    }

    /// Something happened that everybody in the room should see among the lines.
    pub(super) fn happened(&mut self, now: Instant, what: &Happening<'_>) {
        let item = ChatItem {
            key: self.chat.key(),
            from: None,
            mine: false,
            text: what.text(self.setup.language),
            at: self.play.clock.server_time(now).map(signal_proto::time::ServerTime::unix_ms),
            film_time: self.film.is_some().then(|| self.room_place(now)),
            delivery: Delivery::Sent,
        };
        self.chat.push(item.clone());
        self.output(Output::Said(item));
    }

    fn tell_line(&mut self, key: u64, change: impl FnOnce(&mut ChatItem)) {
        if let Some(item) = self.chat.update(key, change) {
            self.output(Output::Said(item));
        }
    }

    fn remember_line(&mut self, id: &str) {
        self.chat.seen.push_back(id.to_owned());
        if self.chat.seen.len() > CHAT_ITEMS_MAX {
            self.chat.seen.pop_front();
        }
    }
}
