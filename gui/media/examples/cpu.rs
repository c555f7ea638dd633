//! What playing costs, beside the least it can cost: `cargo run --release -p sharestream-media --example cpu -- FILM [SECONDS]`.
//!
//! Plays a film through the player, and then through a bare `playbin` that ends in a sink of the same caps, each for so many
//! seconds, without sound. Prints the processor time of each and the ratio of the two.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;
use media::{Command, Event, Options, Player, Sound};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let film = arguments.next().ok_or("usage: cpu FILM [SECONDS]")?;
    let seconds = arguments.next().map_or(Ok(20), |seconds| seconds.parse())?;
    let lasts = Duration::from_secs(seconds);
    gst::init()?;
    // What is read from a disk for the first time costs more: both begin with a film that was just opened.
    let (bare, bare_frames) = bare(&film, lasts)?;
    let (ours, our_frames) = ours(&film, lasts)?;
    let percent = |cpu: Duration| 100.0 * cpu.as_secs_f64() / lasts.as_secs_f64();
    println!("bare    {:6.2} s   {:5.1} % of a core   {bare_frames} pictures", bare.as_secs_f64(), percent(bare));
    println!("player  {:6.2} s   {:5.1} % of a core   {our_frames} pictures", ours.as_secs_f64(), percent(ours));
    println!("ratio   {:6.3}", ours.as_secs_f64() / bare.as_secs_f64());
    Ok(())
}

/// The player, which has a place asked of it four times a second, as a room does.
fn ours(film: &str, lasts: Duration) -> Result<(Duration, u64), Box<dyn Error>> {
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    let player = Player::new(Options {
        frames: Arc::new(move |_| {
            counting.fetch_add(1, Ordering::Relaxed);
        }),
        cues: Arc::new(|_| {}),
        sound: Sound::Silent,
        clock: Arc::new(Instant::now),
    });
    let events = player.events();
    player.command(Command::Load { url: film.to_owned(), start: Duration::ZERO, title: String::new() });
    loop {
        match events.recv_blocking()? {
            Event::Opened { .. } => break,
            Event::Failed(failure) => return Err(failure.into()),
            _ => {}
        }
    }
    player.command(Command::Play);
    let (before, until) = (cpu()?, Instant::now() + lasts);
    count.store(0, Ordering::Relaxed);
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(250));
        player.command(Command::AskPosition);
        while events.try_recv().is_ok() {}
    }
    Ok((cpu()?.saturating_sub(before), count.load(Ordering::Relaxed)))
}

/// The same film, decoded to the same caps, at its pace, and let go of.
fn bare(film: &str, lasts: Duration) -> Result<(Duration, u64), Box<dyn Error>> {
    let path = std::path::absolute(film)?;
    let uri = if film.contains("://") { film.to_owned() } else { gst::glib::filename_to_uri(path, None)?.to_string() };
    let square = gst::Fraction::new(1, 1);
    let caps = gst::Caps::builder("video/x-raw").field("format", "RGBA").field("pixel-aspect-ratio", square).build();
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    let sink = gst_app::AppSink::builder().caps(&caps).max_buffers(2).drop(true).build();
    let taken = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        counting.fetch_add(1, Ordering::Relaxed);
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(taken.build());
    let silent = gst::ElementFactory::make("fakesink").property("sync", true).build()?;
    let playbin = gst::ElementFactory::make("playbin").property("uri", uri).build()?;
    playbin.set_property("video-sink", &sink);
    playbin.set_property("audio-sink", &silent);
    playbin.set_state(gst::State::Paused)?;
    playbin.state(gst::ClockTime::from_seconds(30)).0?;
    playbin.set_state(gst::State::Playing)?;
    let before = cpu()?;
    std::thread::sleep(lasts);
    let spent = cpu()?.saturating_sub(before);
    playbin.set_state(gst::State::Null)?;
    Ok((spent, count.load(Ordering::Relaxed)))
}

/// Processor time of this process so far, by its ticks of a hundredth of a second (proc(5), `/proc/PID/stat`).
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name is in parentheses and may contain anything; the third field comes after it.
    let (_, fields) = stat.rsplit_once(") ").ok_or("an odd /proc/self/stat")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
