use super::*;
use crate::playback::Cause;
use crate::time::Rate;

const USUAL: Device = Device { weak: false, live_rate_max: 0.05, output_offset: 0.0 };
const STEP: Duration = Duration::from_millis(50);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A room that plays, and a player with faults of its own.
struct Scene {
    now: Instant,
    room_now: ServerTime,
    anchor: Anchor,
    controller: SyncController,
    player: MediaTime,
    player_rate: f64,
    /// Its clock runs so much faster: 1e-4 is 100 ppm.
    skew: f64,
    ignores_rates: bool,
    stands: bool,
    seek_takes: Duration,
    sought: Option<(MediaTime, Instant)>,
    ahead: Duration,
    rates: Vec<f64>,
    seeks: Vec<MediaTime>,
    buffering: u32,
    widened: u32,
}

impl Scene {
    fn new(device: Device) -> Self {
        let (now, room_now) = (crate::testing::start(), ServerTime::from_unix_ms(1_700_000_000_000));
        let mut anchor = Anchor::new(room_now);
        anchor.play(MediaTime::ZERO.plus(100.0), room_now, Cause::room("play"));
        let mut controller = SyncController::new(now, device);
        controller.handle_input(now, Input::Anchor(anchor.clone()));
        Self {
            now,
            room_now,
            player: anchor.position,
            anchor,
            controller,
            player_rate: 1.0,
            skew: 0.0,
            ignores_rates: false,
            stands: false,
            seek_takes: ms(250),
            sought: None,
            ahead: Duration::MAX,
            rates: Vec::new(),
            seeks: Vec::new(),
            buffering: 0,
            widened: 0,
        }
    }

    fn off_by(device: Device, seconds: f64) -> Self {
        let mut scene = Self::new(device);
        scene.player = scene.player.plus(seconds);
        scene
    }

    fn moved(&mut self) {
        self.controller.handle_input(self.now, Input::Anchor(self.anchor.clone()));
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.room_now = self.room_now.plus(STEP);
            let runs = self.anchor.state == PlaybackState::Playing && !self.stands && self.sought.is_none();
            if runs {
                self.player = self.player.plus(STEP.as_secs_f64() * self.player_rate * (1.0 + self.skew));
            }
            if let Some((target, asked)) = self.sought.filter(|(_, asked)| self.now >= *asked + self.seek_takes) {
                (self.player, self.sought) = (target, None);
                self.controller.handle_input(self.now, Input::Seeked { took: self.now - asked });
            }
            if self.controller.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
                self.controller.handle_timeout(self.now);
            }
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.controller.poll_output() {
            match output {
                Output::AskPosition => {
                    let position = Position {
                        server_now: self.room_now,
                        at: self.player,
                        moving: !self.stands && self.sought.is_none(),
                        ahead_of_room: self.ahead,
                    };
                    self.controller.handle_input(self.now, Input::Position(position));
                }
                Output::SetRate(rate) => {
                    self.rates.push(rate);
                    if !self.ignores_rates {
                        self.player_rate = rate;
                    }
                }
                Output::Seek(target) => {
                    self.seeks.push(target);
                    self.sought = Some((target, self.now));
                }
                Output::Buffering => self.buffering += 1,
                Output::Widened => self.widened += 1,
            }
        }
    }

    fn error(&self) -> f64 {
        self.player.seconds() - self.anchor.position_at(self.room_now).seconds()
    }
}

#[test]
fn nothing_is_done_before_there_is_an_anchor() {
    let scene = Scene::new(USUAL);
    let mut controller = SyncController::new(scene.now, USUAL);
    assert_eq!(controller.poll_timeout(), None);
    let position =
        Position { server_now: scene.room_now, at: MediaTime::ZERO, moving: true, ahead_of_room: Duration::MAX };
    controller.handle_input(scene.now, Input::Position(position));
    assert_eq!(controller.poll_output(), None);
}

#[test]
fn a_player_in_step_is_left_alone() {
    let mut scene = Scene::off_by(USUAL, 0.03);
    scene.run(ms(60_000));
    assert_eq!((scene.rates.len(), scene.seeks.len()), (0, 0));
    assert!(!scene.controller.is_correcting());
}

#[test]
fn a_small_error_is_nudged_away_in_about_ten_seconds() {
    for off in [0.3, -0.3] {
        let mut scene = Scene::off_by(USUAL, off);
        scene.run(ms(3_000));
        assert!((scene.rates[0] - (1.0 - off / 10.0)).abs() < 1e-9, "{:?}", scene.rates);
        scene.run(ms(12_000));
        assert!(scene.error().abs() < 0.04, "{}", scene.error());
        assert_eq!(scene.rates.len(), 2, "there and back: {:?}", scene.rates);
        assert!((scene.player_rate - 1.0).abs() < 1e-9);
        assert!(scene.seeks.is_empty());
    }
}

#[test]
fn a_nudge_keeps_to_what_the_player_can_do() {
    let mut scene = Scene::off_by(Device { live_rate_max: 0.02, ..USUAL }, 0.5);
    scene.run(ms(2_000));
    assert!((scene.rates[0] - 0.98).abs() < 1e-9, "{:?}", scene.rates);
    let mut scene = Scene::off_by(Device { live_rate_max: 0.0, ..USUAL }, 0.5);
    scene.run(ms(20_000));
    assert!(scene.rates.is_empty() && scene.seeks.is_empty());
}

#[test]
fn a_player_that_ignores_rates_is_nudged_once_in_a_film() {
    let mut scene = Scene::off_by(USUAL, 0.4);
    scene.ignores_rates = true;
    scene.run(ms(60_000));
    assert_eq!(scene.rates.len(), 2, "{:?}", scene.rates);
    scene.anchor.new_film(scene.room_now, Cause::room("film"));
    scene.anchor.play(scene.player.plus(-0.4), scene.room_now, Cause::room("play"));
    scene.moved();
    scene.run(ms(20_000));
    assert_eq!(scene.rates.len(), 4, "another film, another try: {:?}", scene.rates);
}

#[test]
fn a_player_that_stumbles_while_it_is_nudged_is_not_taken_for_deaf() {
    for stumbles in [1, 2] {
        let mut scene = Scene::off_by(USUAL, -0.1);
        for _ in 0..stumbles {
            // It chose a rate, and before that is looked at the machine has no time for the player.
            scene.run(ms(1_500));
            scene.player = scene.player.plus(-0.1);
        }
        scene.run(ms(40_000));
        assert!(scene.error().abs() < 0.05, "{stumbles}: {} {:?}", scene.error(), scene.rates);
        assert!(scene.seeks.is_empty());
    }
}

#[test]
fn a_large_error_is_sought_away_with_the_seek_in_mind() {
    let mut scene = Scene::off_by(USUAL, -5.0);
    scene.run(ms(10_000));
    assert_eq!(scene.seeks.len(), 1);
    assert!(scene.error().abs() <= 0.1, "{}", scene.error());

    let mut slow = Scene::off_by(USUAL, -5.0);
    slow.seek_takes = ms(1_500);
    slow.run(ms(60_000));
    assert!(slow.error().abs() < 0.1, "learned what a seek takes: {}", slow.error());
}

#[test]
fn no_seek_into_bytes_that_are_not_there() {
    let mut scene = Scene::off_by(USUAL, -5.0);
    scene.ahead = ms(2_000);
    scene.run(ms(5_000));
    assert!(scene.seeks.is_empty());
    assert!(scene.buffering > 0);
    assert!((scene.player_rate - 1.05).abs() < 1e-9, "a gentle rate while it cannot jump");
    scene.ahead = ms(10_000);
    scene.run(ms(1_000));
    assert_eq!(scene.seeks.len(), 1);
}

#[test]
fn a_stall_is_no_drift_until_it_is_worth_a_jump() {
    let mut scene = Scene::new(USUAL);
    scene.run(ms(5_000));
    scene.stands = true;
    scene.run(ms(500));
    scene.stands = false;
    assert!(scene.rates.is_empty() && scene.seeks.is_empty());
    scene.stands = true;
    scene.run(ms(2_000));
    assert_eq!(scene.seeks.len(), 1);
}

#[test]
fn a_standing_film_is_put_exactly_where_it_belongs_once() {
    let mut scene = Scene::off_by(USUAL, 0.3);
    scene.anchor.pause(scene.room_now, scene.anchor.position, Cause::room("pause"));
    scene.moved();
    scene.run(ms(10_000));
    assert_eq!(scene.seeks, [scene.anchor.position]);
    assert!(scene.rates.is_empty());

    let mut near = Scene::off_by(USUAL, 0.2);
    near.anchor.pause(near.room_now, near.anchor.position, Cause::room("pause"));
    near.moved();
    near.run(ms(10_000));
    assert!(near.seeks.is_empty());
}

#[test]
fn before_a_scheduled_start_it_waits_at_the_place() {
    let mut scene = Scene::off_by(USUAL, 2.0);
    scene.stands = true;
    scene.anchor.play(scene.anchor.position, scene.room_now.plus(ms(1_500)), Cause::room("play"));
    scene.moved();
    scene.run(ms(1_400));
    assert_eq!(scene.seeks, [scene.anchor.position], "no latency is planned for a film that stands");
}

#[test]
fn a_skewed_clock_costs_at_most_six_changes_a_minute() {
    for skew in [1e-4, -1e-4, 0.01, 0.03] {
        let mut scene = Scene::new(USUAL);
        scene.skew = skew;
        scene.run(ms(60_000));
        for minute in 0..5 {
            let before = scene.rates.len();
            scene.run(ms(60_000));
            assert!(scene.rates.len() - before <= RATE_CHANGES_MAX, "minute {minute}, skew {skew}: {:?}", scene.rates);
        }
        assert!(scene.error().abs() < 0.6, "skew {skew}: {}", scene.error());
    }
}

#[test]
fn a_device_that_cannot_keep_the_bands_gets_wider_ones_and_is_told_so() {
    let mut scene = Scene::new(USUAL);
    scene.run(ms(2_000));
    for _ in 0..3 {
        scene.player = scene.player.plus(-1.0);
        scene.run(ms(6_000));
    }
    assert_eq!((scene.seeks.len(), scene.widened), (3, 1));
    scene.player = scene.player.plus(-1.0);
    scene.run(ms(6_000));
    assert_eq!(scene.seeks.len(), 3, "a second is within the wider band");
}

#[test]
fn a_weak_device_is_looked_at_less_and_left_alone_more() {
    let mut scene = Scene::off_by(Device { weak: true, ..USUAL }, 0.08);
    assert_eq!(scene.controller.sample_every(), ms(500));
    scene.run(ms(20_000));
    assert!(scene.rates.is_empty());
    let mut scene = Scene::off_by(Device { weak: true, ..USUAL }, -1.2);
    scene.run(ms(40_000));
    assert!(scene.seeks.is_empty() && scene.error().abs() < 0.25, "{}", scene.error());
}

#[test]
fn the_users_offset_moves_the_target() {
    let mut scene = Scene::off_by(Device { output_offset: 0.2, ..USUAL }, 0.2);
    scene.run(ms(20_000));
    assert!(scene.rates.is_empty() && scene.seeks.is_empty());
}

#[test]
fn the_rooms_speed_is_the_players() {
    let mut scene = Scene::new(USUAL);
    scene.run(ms(2_000));
    scene.anchor.set_rate(scene.room_now, Rate::new(1.5).unwrap(), Cause::room("rate"));
    scene.moved();
    scene.run(ms(30_000));
    assert!((scene.player_rate - 1.5).abs() < 1e-9, "{:?}", scene.rates);
    assert!(scene.error().abs() < 0.05 && scene.seeks.is_empty());
}

#[test]
fn one_wild_position_changes_nothing() {
    let mut scene = Scene::new(USUAL);
    scene.run(ms(3_000));
    let true_place = scene.player;
    scene.player = true_place.plus(30.0);
    scene.controller.handle_timeout(scene.now + ms(250));
    scene.drain();
    scene.player = true_place;
    scene.run(ms(5_000));
    assert!(scene.rates.is_empty() && scene.seeks.is_empty());
}
