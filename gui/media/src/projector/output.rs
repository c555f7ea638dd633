//! Where the film's sound goes, which changes while it runs: people plug things in.

use super::film::Film;
use crate::event::Event;
use crate::sound;

impl Film {
    /// Tells it if it is another place than it was.
    pub(super) fn look_at_output(&mut self) {
        let output = self.pipeline.output();
        if output == self.output {
            return;
        }
        if let Some(output) = &output {
            self.tell(Event::Output { name: sound::output_name(output) });
        }
        self.output = output;
    }
}
