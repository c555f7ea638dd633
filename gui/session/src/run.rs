//! The session's loop: what happens goes into the participant, what it wants is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use session_proto::participant::{EngineNews, Input, Output, Participant, SignalNews};
use session_proto::player::Event as PlayerEvent;
use session_proto::view::Phase;
use session_proto::wish::Wish;
use smol::Timer;
use smol::channel::{Receiver, Sender};

use crate::clock::Clock;
use crate::engine_link::EngineLink;
use crate::limits::{GOODBYE_PATIENCE, UPDATES_UNREAD_MAX, VIEW_ANYWAY, VIEW_EVERY};
use crate::places::PlaceKeeper;
use crate::player::Player;
use crate::session::{Options, Update};
use crate::signal::Signal;
use crate::sleep::SleepWatch;

/// What a session runs on.
struct Loop {
    clock: Clock,
    participant: Participant,
    signal: Signal,
    engine: EngineLink,
    player: Box<dyn Player>,
    places: PlaceKeeper,
    updates: Sender<Update>,
    /// Something is different from the last view.
    changed: bool,
    /// When the last view was made, by the machine's clock.
    viewed: Instant,
    over: bool,
}

enum Happened {
    Input(Box<Input>),
    /// Nobody holds the session any more.
    LetGo,
    Timeout,
}

/// Ends when it is over, or when nobody holds the session any more.
pub(crate) async fn run(options: Options, signal: Signal, wishes: Receiver<Wish>, updates: Sender<Update>) {
    let Options { setup, server: _, engine, player, home, clock } = options;
    let player_events = player.events();
    let engine = EngineLink::start(engine);
    let engine_news = engine.news();
    let participant = Participant::new(clock.now(), setup);
    let viewed = Instant::now();
    let places = PlaceKeeper::new(home);
    let mut this =
        Loop { clock, participant, signal, engine, player, places, updates, changed: true, viewed, over: false };
    let mut sleep = SleepWatch::new();
    loop {
        this.carry_out().await;
        this.show().await;
        if this.over {
            break;
        }
        let wait = this.wait();
        let wanted = Instant::now() + wait;
        let timeout = async {
            Timer::at(wanted).await;
            Happened::Timeout
        };
        let happened = next(&mut this.signal, &mut this.places, &wishes, &engine_news, &player_events);
        let happened = or(timeout, happened).await;
        let now = this.clock.now();
        if sleep.slept(wanted) {
            log::info!("this machine or program slept");
            this.participant.handle_input(now, Input::Woke);
        }
        match happened {
            Happened::Input(input) => this.participant.handle_input(now, *input),
            Happened::LetGo => {
                this.participant.handle_input(now, Input::LetGo);
                this.carry_out().await;
                break;
            }
            Happened::Timeout => {}
        }
        this.participant.handle_timeout(now);
    }
    // The player and the engine go first, so that nothing is fetched for nobody.
    drop(this.player);
    this.places.end().await;
    this.engine.end().await;
}

/// Whatever comes first; the person before everybody else.
async fn next(
    signal: &mut Signal,
    places: &mut PlaceKeeper,
    wishes: &Receiver<Wish>,
    engine: &Receiver<EngineNews>,
    player: &Receiver<PlayerEvent>,
) -> Happened {
    let input = |input| Happened::Input(Box::new(input));
    let wish = async {
        match wishes.recv().await {
            Ok(wish) => input(Input::Wish(wish)),
            Err(_) => Happened::LetGo,
        }
    };
    let player = async { input(Input::Player(received(player).await)) };
    let engine = async { input(Input::Engine(received(engine).await)) };
    let signal = async {
        match signal.next().await {
            Some(news) => input(Input::Signal(news)),
            None => input(Input::Signal(SignalNews::Lost {
                why: "the connection was closed for good".to_owned(),
                retry_in: None,
            })),
        }
    };
    let place = async { input(Input::Place(places.next().await)) };
    or(wish, or(player, or(signal, or(engine, place)))).await
}

/// What comes next of somebody who may have nothing more to say, while others have.
async fn received<T>(from: &Receiver<T>) -> T {
    match from.recv().await {
        Ok(value) => value,
        Err(_) => std::future::pending().await,
    }
}

impl Loop {
    /// Until the participant or the view wants its turn.
    fn wait(&self) -> Duration {
        let view = if self.changed { VIEW_EVERY } else { VIEW_ANYWAY };
        let view = (self.viewed + view).saturating_duration_since(Instant::now());
        let timeout = self.participant.poll_timeout();
        timeout.map_or(view, |(at, _)| self.clock.until(at).min(view))
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.participant.poll_output() {
            match output {
                Output::Say(say) => self.signal.say(say).await,
                Output::LeaveServer => {
                    let patience = async {
                        Timer::after(GOODBYE_PATIENCE).await;
                    };
                    or(self.signal.leave(), patience).await;
                }
                Output::RetryServer => self.signal.retry(),
                Output::Engine(command) => self.engine.command(command).await,
                Output::Player(command) => self.player.command(command),
                Output::WantPlace(film) => self.places.find(film),
                Output::KeepPlace(place) => self.places.keep(place),
                Output::Changed => self.changed = true,
                Output::Said(item) => self.tell(Update::Said(item)).await,
                Output::Noticed(notice) => self.tell(Update::Noticed(notice)).await,
                Output::Keep { code, token } => self.tell(Update::Keep { code, token }).await,
                Output::Ended(end) => {
                    let view = Arc::new(self.participant.view(self.clock.now()));
                    self.tell(Update::View(view)).await;
                    self.tell(Update::Ended(end)).await;
                    self.over = true;
                }
            }
        }
    }

    /// The newest view, when it is time for one.
    async fn show(&mut self) {
        let since = self.viewed.elapsed();
        let is_due = since >= VIEW_ANYWAY || (self.changed && since >= VIEW_EVERY);
        if !is_due || self.over {
            return;
        }
        self.viewed = Instant::now();
        if self.updates.len() > UPDATES_UNREAD_MAX {
            return;
        }
        self.changed = false;
        debug_assert_ne!(self.participant.phase(), Phase::Ended, "the last view was told with the end");
        let view = Arc::new(self.participant.view(self.clock.now()));
        self.tell(Update::View(view)).await;
    }

    async fn tell(&mut self, update: Update) {
        if self.updates.send(update).await.is_err() {
            self.over = true;
        }
    }
}
