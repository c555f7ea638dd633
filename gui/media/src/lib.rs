//! Plays a film with GStreamer.
