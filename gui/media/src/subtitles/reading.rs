//! Files of subtitles: fetched within bounds of bytes and time, on a thread of their own.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::AppSink;
use percent_encoding::percent_decode_str;

use super::{Format, Timeline, parse};
use crate::limits::{NAME_CHARS_MAX, READING_MAX, SUBTITLES_LEN_MAX, WHY_CHARS_MAX};
use crate::words::printable;

/// What became of a file.
#[derive(Debug)]
pub(crate) struct Read {
    /// The file's.
    pub(crate) name: String,
    /// Or what is wrong.
    pub(crate) cues: Result<(Format, Timeline), String>,
}

/// Reads the file at a path or address, and hands over what became of it.
pub(crate) fn read(address: String, done: impl FnOnce(Read) + Send + 'static) -> std::io::Result<()> {
    let run = move || {
        let bytes = if is_path(&address) { from_file(&address) } else { from_network(&address) };
        let cues = bytes.and_then(|bytes| parse(&bytes).ok_or_else(|| "there are no subtitles in it".to_owned()));
        done(Read { name: name(&address), cues });
    };
    std::thread::Builder::new().name("subtitles".to_owned()).spawn(run).map(drop)
}

/// What people call the file at an address.
pub(crate) fn name(address: &str) -> String {
    let last = |path: &str| path.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let name = if is_path(address) {
        last(address)
    } else {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        percent_decode_str(&last(path)).decode_utf8_lossy().into_owned()
    };
    printable(&name, NAME_CHARS_MAX)
}

fn is_path(address: &str) -> bool {
    !address.contains("://")
}

fn from_file(path: &str) -> Result<Vec<u8>, String> {
    let limit = u64::try_from(SUBTITLES_LEN_MAX).unwrap_or(u64::MAX) + 1;
    let is_file = std::fs::metadata(Path::new(path)).map_err(|error| error.to_string())?.is_file();
    if !is_file {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    bounded(bytes)
}

/// GStreamer's own sources know every scheme that films come by.
fn from_network(uri: &str) -> Result<Vec<u8>, String> {
    let said = |error: &str| printable(error, WHY_CHARS_MAX);
    gst::init().map_err(|error| said(error.message()))?;
    let source = gst::Element::make_from_uri(gst::URIType::Src, uri, None).map_err(|error| said(error.message()))?;
    let sink = AppSink::builder().sync(false).max_buffers(16).build();
    let pipeline = gst::Pipeline::new();
    let built = pipeline.add_many([&source, sink.upcast_ref()]).and_then(|()| source.link(&sink));
    let bytes = built.map_err(|error| said(&error.message)).and_then(|()| {
        pipeline.set_state(gst::State::Playing).map_err(|_| trouble(&pipeline))?;
        pull(&pipeline, &sink)
    });
    if let Err(error) = pipeline.set_state(gst::State::Null) {
        log::debug!("a source does not end: {error}");
    }
    bytes
}

fn pull(pipeline: &gst::Pipeline, sink: &AppSink) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + READING_MAX;
    let mut bytes = Vec::new();
    while bytes.len() <= SUBTITLES_LEN_MAX {
        let left = deadline.saturating_duration_since(Instant::now()).min(Duration::from_secs(1));
        let wait = gst::ClockTime::try_from(left).unwrap_or(gst::ClockTime::ZERO);
        if let Some(sample) = sink.try_pull_sample(wait) {
            if let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) {
                bytes.extend_from_slice(&map);
            }
        } else if let Some(why) = error_of(pipeline) {
            return Err(why);
        } else if sink.is_eos() {
            break;
        } else if left.is_zero() {
            return Err("it does not answer".to_owned());
        }
    }
    bounded(bytes)
}

fn trouble(pipeline: &gst::Pipeline) -> String {
    error_of(pipeline).unwrap_or_else(|| "it cannot be opened".to_owned())
}

fn error_of(pipeline: &gst::Pipeline) -> Option<String> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(printable(error.error().message(), WHY_CHARS_MAX)),
        // Only errors were asked for.
        _ => None,
    }
}

fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if bytes.len() > SUBTITLES_LEN_MAX {
        return Err(format!("it is larger than {} MiB", SUBTITLES_LEN_MAX / (1024 * 1024)));
    }
    Ok(bytes)
}
