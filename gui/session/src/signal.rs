//! The server's client, in the words of a participant.

use serde_json::Value;
use session_proto::participant::{Answer, Say, SignalNews, Ticket};
use sharestream_signal_client::{AckError, AddressError, Client, Event, Events, Options};
use signal_proto::event::parse_server;
use smol::Task;
use smol::channel::{Receiver, Sender, bounded};

use crate::limits::{ANSWER_PATIENCE, ANSWERS_MAX, WORDS_CHARS_MAX};

/// A way to the server that is made again when it is lost.
pub(crate) struct Signal {
    url: String,
    client: Client,
    events: Events,
    answers: Receiver<(Ticket, Answer)>,
    answers_in: Sender<(Ticket, Answer)>,
    waiting: Vec<Task<()>>,
}

impl Signal {
    pub(crate) fn connect(url: &str) -> Result<Self, AddressError> {
        let (client, events) = Client::connect(url, Options::default())?;
        let (answers_in, answers) = bounded(ANSWERS_MAX);
        Ok(Self { url: url.to_owned(), client, events, answers, answers_in, waiting: Vec::new() })
    }

    /// Tries the server now, on a connection of its own.
    pub(crate) fn retry(&mut self) {
        match Client::connect(&self.url, Options::default()) {
            Ok((client, events)) => (self.client, self.events) = (client, events),
            Err(error) => log::error!("the address was good before: {error}"),
        }
    }

    /// What is heard next; `None` when nothing more comes.
    pub(crate) async fn next(&mut self) -> Option<SignalNews> {
        let event = async { Heard::Event(self.events.next().await) };
        let answer = async {
            match self.answers.recv().await {
                Ok(answer) => Heard::Answer(answer),
                // We hold the other end.
                Err(_) => std::future::pending().await,
            }
        };
        match futures_lite::future::or(answer, event).await {
            Heard::Answer((ticket, answer)) => Some(SignalNews::Answered(ticket, answer)),
            Heard::Event(event) => Some(match event? {
                Event::Connected { .. } => SignalNews::Connected,
                Event::Disconnected { reason, retry_in } => SignalNews::Lost {
                    why: engine_proto::words::printable(&reason.to_string(), WORDS_CHARS_MAX),
                    retry_in,
                },
                Event::Message { name, args, .. } => match parse_server(&name, args.values.first()) {
                    Ok(Some(event)) => SignalNews::Heard(Box::new(event)),
                    Ok(None) => SignalNews::NotUnderstood(format!("an unknown event of {} bytes", name.len())),
                    Err(problem) => SignalNews::NotUnderstood(problem.message),
                },
            }),
        }
    }

    pub(crate) async fn say(&mut self, say: Say) {
        let Say { name, payload, ticket } = say;
        match ticket {
            None => {
                if let Err(error) = self.client.emit(name, payload).await {
                    log::debug!("{name} was not sent: {error}");
                }
            }
            Some(ticket) => self.ask(name, payload, ticket),
        }
    }

    fn ask(&mut self, name: &'static str, payload: Value, ticket: Ticket) {
        self.waiting.retain(|task| !task.is_finished());
        let (client, answers) = (self.client.clone(), self.answers_in.clone());
        self.waiting.push(smol::spawn(async move {
            let answer = match client.emit_with_ack(name, payload, ANSWER_PATIENCE).await {
                Ok(args) => Answer::Said(args.values.into_iter().next().unwrap_or_default()),
                Err(AckError::Emit(_)) => Answer::NotSent,
                Err(AckError::TimedOut | AckError::Lost) => Answer::Unknown,
            };
            // Who asked has gone.
            let _ = answers.send((ticket, answer)).await;
        }));
    }

    /// Leaves in good order, and connects no more.
    pub(crate) async fn leave(&mut self) {
        self.client.leave().await;
        while self.events.next().await.is_some() {}
    }
}

enum Heard {
    Event(Option<Event>),
    Answer((Ticket, Answer)),
}
