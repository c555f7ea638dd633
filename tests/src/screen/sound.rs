//! Everybody's sound in one recording, a channel a player, and when which tone is heard in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::display::WINDOWS;
use super::film::{TONES, tone};
use crate::process::{Program, find};
use crate::{SOON, within};

/// A sound server without a card, with an output for each player. It ends with the value.
pub struct Sound {
    _server: Program,
    _ears: Program,
    address: String,
}

/// The channels of the one output behind all others.
const CHANNELS: [&str; WINDOWS] = ["front-left", "front-right", "rear-left", "rear-right"];
const SAMPLE_RATE: usize = 48_000;

impl Sound {
    /// Starts PulseAudio with a socket in that folder.
    pub fn start(folder: &Path) -> Self {
        let socket = folder.join("pulse.sock");
        let mut command = Command::new(find("pulseaudio"));
        // Nothing of the user's own sound server is touched or found.
        command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env_remove("PULSE_SERVER");
        command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit"]);
        let protocol = format!("module-native-protocol-unix socket={} auth-anonymous=1", socket.display());
        let all = format!("module-null-sink sink_name=all rate={SAMPLE_RATE} channels={WINDOWS} channel_map={}", map());
        command.args(["-L", &protocol, "-L", &all]);
        for (ear, channel) in CHANNELS.iter().enumerate() {
            command.arg("-L").arg(format!(
                "module-remap-sink sink_name=ear{ear} master=all channels=1 master_channel_map={channel} \
                 channel_map=mono remix=no sink_properties=device.description=ear{ear}"
            ));
        }
        let mut server = Program::start(&mut command);
        within(SOON, "PulseAudio listens", || {
            let ended = server.wait(Duration::ZERO);
            assert!(ended.is_none(), "{}", server.stderr.text());
            socket.exists().then_some(())
        });
        let address = format!("unix:{}", socket.display());
        let ears = ears(&address, &folder.join("ears"));
        Self { _server: server, _ears: ears, address }
    }

    /// For `PULSE_SERVER`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A player's output, as mpv calls it.
    pub fn device(window: usize) -> String {
        format!("pulse/{}", Self::name(window))
    }

    /// The same, as PulseAudio calls it.
    pub fn name(window: usize) -> String {
        format!("ear{window}")
    }

    /// Records all of it to that file from now on.
    pub fn record(&self, file: &Path) -> Recording {
        let mut command = Command::new(find("parec"));
        command.env("PULSE_SERVER", &self.address).args(["-d", "all.monitor", "--raw", "--format=s16le"]);
        command.args([&format!("--rate={SAMPLE_RATE}"), &format!("--channels={WINDOWS}")]);
        command.arg(format!("--channel-map={}", map())).arg("--latency-msec=50").arg(file);
        let program = Program::start(&mut command);
        let is_written = || fs::metadata(file).is_ok_and(|file| file.len() > 0).then(Instant::now);
        let begin = within(SOON, "the recording begins", is_written);
        Recording { program, begin, file: file.to_owned() }
    }
}

/// An output without a card plays two seconds ahead, and whatever comes in begins after those, unless somebody listens closely: as
/// no card does that has one. What is heard goes to that file, 2 kB a second.
fn ears(address: &str, file: &Path) -> Program {
    const HEARD_A_SECOND: u64 = 2000;
    let mut command = Command::new(find("parec"));
    command.env("PULSE_SERVER", address).args(["-d", "all.monitor", "--raw", "--format=u8", "--channels=1"]);
    command.arg(format!("--rate={HEARD_A_SECOND}")).arg("--latency-msec=50").arg(file);
    let mut ears = Program::start(&mut command);
    within(SOON, "three seconds are heard", || {
        let ended = ears.wait(Duration::ZERO);
        assert!(ended.is_none(), "{}", ears.stderr.text());
        fs::metadata(file).is_ok_and(|file| file.len() >= 3 * HEARD_A_SECOND).then_some(())
    });
    ears
}

/// A recording under way.
pub struct Recording {
    program: Program,
    begin: Instant,
    file: PathBuf,
}

/// A tone that was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Since the recording began.
    pub at: Duration,
    /// Which of the film's tones: the second of the film it stands for, without whole sixteens.
    pub tone: u32,
}

impl Recording {
    /// Ends it: when it began, within a tenth of a second, and what was heard of each player.
    pub fn end(mut self) -> (Instant, [Vec<Heard>; WINDOWS]) {
        self.program.terminate();
        assert!(self.program.wait(SOON).is_some(), "parec ends when it is asked to");
        let bytes = fs::read(&self.file).expect("the recording is there");
        let channel = |ear: usize| {
            let frames = bytes.chunks_exact(2 * WINDOWS);
            let samples: Vec<i16> =
                frames.map(|frame| i16::from_le_bytes([frame[2 * ear], frame[2 * ear + 1]])).collect();
            tones(&samples)
        };
        (self.begin, std::array::from_fn(channel))
    }
}

fn map() -> String {
    CHANNELS.join(",")
}

/// A tone's beginning is found to a thousandth of a second.
const BLOCK: usize = SAMPLE_RATE / 1000;
/// A block is loud when its mean amplitude is above that; the tones' is about 10,000.
const LOUD: u32 = 2_000;
/// Quiet for so many blocks, and then loud for half as many: a tone begins.
const QUIET_BLOCKS: usize = 40;
/// So much of a tone is looked at for its height, in samples: it is sure to be there.
const LOOK: usize = SAMPLE_RATE * 40 / 1000;

/// All tones in these samples.
fn tones(samples: &[i16]) -> Vec<Heard> {
    let blocks = samples.chunks_exact(BLOCK);
    let mean = |block: &[i16]| block.iter().map(|&sample| u32::from(sample.unsigned_abs())).sum::<u32>() / 48;
    let loud: Vec<bool> = blocks.map(|block| mean(block) > LOUD).collect();
    let mut heard = Vec::new();
    let mut quiet = QUIET_BLOCKS;
    for (block, &is_loud) in loud.iter().enumerate() {
        if is_loud && quiet >= QUIET_BLOCKS && loud.iter().skip(block).take(QUIET_BLOCKS / 2).all(|&loud| loud) {
            let begin = block * BLOCK + BLOCK * 5;
            if let Some(tone) = samples.get(begin..begin + LOOK).and_then(which) {
                heard.push(Heard { at: Duration::from_millis(u64::try_from(block).unwrap_or(u64::MAX)), tone });
            }
        }
        quiet = if is_loud { 0 } else { quiet + 1 };
    }
    heard
}

/// The strongest of the film's tones in these samples; `None` when none stands out.
fn which(samples: &[i16]) -> Option<u32> {
    let mut strengths: Vec<(u32, f64)> = (0..TONES).map(|index| (index, strength(samples, tone(index)))).collect();
    strengths.sort_by(|one, other| other.1.total_cmp(&one.1));
    (strengths[0].1 > 4.0 * strengths[1].1).then_some(strengths[0].0)
}

/// How much of a frequency is in these samples (the Fourier transform at one place).
fn strength(samples: &[i16], hertz: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    let step = hertz * std::f64::consts::TAU / f64::from(u32::try_from(SAMPLE_RATE).unwrap_or(u32::MAX));
    let mut turn: f64 = 0.0;
    for &sample in samples {
        real += f64::from(sample) * turn.cos();
        imaginary += f64::from(sample) * turn.sin();
        turn += step;
    }
    real.mul_add(real, imaginary * imaginary)
}

/// How far two players are apart at each tone that both play within two seconds: first minus second, in thousandths of a
/// second, and when it was.
pub fn apart(one: &[Heard], other: &[Heard]) -> Vec<(Duration, f64)> {
    let ms = |heard: &Heard| heard.at.as_secs_f64() * 1000.0;
    let nearest = |heard: &Heard| {
        let same = other.iter().filter(|candidate| candidate.tone == heard.tone);
        // Who plays a tone earlier is further on in the film.
        let apart = same.map(|candidate| ms(candidate) - ms(heard)).min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
        (apart.abs() < 2000.0).then_some((heard.at, apart))
    };
    one.iter().filter_map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(delay_ms: usize, seconds: u32) -> Vec<i16> {
        let mut samples = vec![0; delay_ms * BLOCK];
        for second in 0..seconds {
            for sample in 0..u32::try_from(SAMPLE_RATE).expect("a rate") {
                let turn = f64::from(sample) / 48_000.0 * tone(second) * std::f64::consts::TAU;
                #[expect(clippy::cast_possible_truncation, reason = "a sine of 16,000 is no larger")]
                samples.push(if sample < 3840 { (turn.sin() * 16_000.0) as i16 } else { 0 });
            }
        }
        samples
    }

    #[test]
    fn tones_are_told_from_one_another_and_timed() {
        let heard = tones(&sound(250, 20));
        assert_eq!(
            heard.iter().map(|heard| heard.tone).collect::<Vec<_>>(),
            (0..20).map(|s| s % 16).collect::<Vec<_>>()
        );
        assert_eq!(heard[3].at, Duration::from_millis(3250));
    }

    #[test]
    fn two_players_a_known_time_apart_sound_as_that() {
        let apart = apart(&tones(&sound(250, 10)), &tones(&sound(320, 10)));
        assert_eq!(apart.len(), 10);
        assert!(apart.iter().all(|(_, apart)| (apart - 70.0).abs() < 1.5), "{apart:?}");
    }

    #[test]
    fn silence_and_noise_are_no_tones() {
        assert_eq!(tones(&vec![0; 96_000]), []);
        let noise = crate::film::random_bytes(96_000, 3);
        let noise: Vec<i16> = noise.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(tones(&noise), []);
        assert_eq!(tones(&[]), []);
    }
}
