//! The two threads: one writes orders and reads their answers, one waits for letters.

use std::thread::Builder;
use std::time::{Duration, Instant};

use redis::{Client, Connection, RedisResult};
use signal_proto::cluster::{Input, NodeId};
use smol::channel::{Receiver, Sender, bounded};

use super::Order;
use super::store::{Store, post, stream_key};
use crate::limits::{CLUSTER_ORDER_AGE_MAX, CLUSTER_PATIENCE};

/// Between attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);
/// How long one wait for letters lasts; then it is looked whether anybody still wants them.
const LISTEN: Duration = Duration::from_secs(1);
/// Letters read at once.
const LETTERS_AT_ONCE: usize = 64;

pub(super) struct Link {
    /// Closed when the writer is gone.
    pub(super) wrote: Receiver<()>,
}

impl Link {
    pub(super) fn start(url: &str, id: NodeId, orders: Receiver<Order>, heard: Sender<Input>) -> Result<Self, String> {
        let client =
            Client::open(url).map_err(|error| format!("-redis takes redis://[:PASSWORD@]HOST[:PORT]: {error}"))?;
        let (writing, wrote) = bounded(1);
        let writer = Writer { line: Line::new(client.clone(), "writing"), store: Store::new(id), heard: heard.clone() };
        let writer = Builder::new().name("redis orders".to_owned()).spawn(move || {
            writer.run(&orders);
            drop(writing);
        });
        writer.map_err(|error| format!("no thread for Redis: {error}"))?;
        let reader = Reader { line: Line::new(client, "reading"), stream: stream_key(id), last: "0".to_owned(), heard };
        let reader = Builder::new().name("redis letters".to_owned()).spawn(move || reader.run());
        reader.map_err(|error| format!("no thread for Redis: {error}"))?;
        Ok(Self { wrote })
    }
}

/// A connection that is made again when it breaks. Trouble is said once, and its end.
struct Line {
    client: Client,
    what: &'static str,
    connection: Option<Connection>,
    is_down: bool,
}

impl Line {
    const fn new(client: Client, what: &'static str) -> Self {
        Self { client, what, connection: None, is_down: false }
    }

    /// Does something on the line, or says why not after a pause.
    fn with<T>(&mut self, work: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Option<T> {
        let result = self.connected().and_then(work);
        match result {
            Ok(value) => {
                if std::mem::take(&mut self.is_down) {
                    log::info!("Redis is there again ({})", self.what);
                }
                Some(value)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_down, true) {
                    log::warn!("Redis cannot be used ({}), trying on: {error}", self.what);
                }
                self.connection = None;
                std::thread::sleep(PAUSE);
                None
            }
        }
    }

    fn connected(&mut self) -> RedisResult<&mut Connection> {
        if self.connection.is_none() {
            let connection = self.client.get_connection_with_timeout(CLUSTER_PATIENCE)?;
            connection.set_read_timeout(Some(CLUSTER_PATIENCE))?;
            connection.set_write_timeout(Some(CLUSTER_PATIENCE))?;
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(|| redis::RedisError::from((redis::ErrorKind::Io, "no connection")))
    }
}

struct Writer {
    line: Line,
    store: Store,
    heard: Sender<Input>,
}

impl Writer {
    /// Until nobody orders any more. All orders can be carried out twice, so one whose line broke is tried again.
    fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv_blocking() {
            let since = Instant::now();
            while since.elapsed() < CLUSTER_ORDER_AGE_MAX {
                let done = self.line.with(|redis| match &order {
                    Order::Ask(request) => self.store.ask(redis, request),
                    Order::Post { to, letter } => post(redis, *to, letter).map(|()| None),
                });
                if let Some(answer) = done {
                    if let Some(answer) = answer
                        && self.heard.send_blocking(Input::Store(answer)).is_err()
                    {
                        return;
                    }
                    break;
                }
            }
        }
    }
}

struct Reader {
    line: Line,
    stream: String,
    /// The last letter that was read.
    last: String,
    heard: Sender<Input>,
}

impl Reader {
    /// Until nobody reads any more.
    fn run(mut self) {
        while !self.heard.is_closed() {
            let (stream, last) = (&self.stream, &self.last);
            let read = self.line.with(|redis| {
                let mut wait = redis::cmd("XREAD");
                wait.arg("COUNT").arg(LETTERS_AT_ONCE).arg("BLOCK").arg(LISTEN.as_millis().to_string());
                wait.arg("STREAMS").arg(stream).arg(last);
                wait.query::<Option<Vec<(String, Vec<(String, Vec<(String, String)>)>)>>>(redis)
            });
            for (id, fields) in read.flatten().into_iter().flatten().flat_map(|(_, letters)| letters) {
                self.last = id;
                for (_, letter) in fields {
                    if self.heard.send_blocking(Input::Letter(letter)).is_err() {
                        return;
                    }
                }
            }
        }
    }
}
