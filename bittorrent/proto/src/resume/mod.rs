//! Resume data: what a download holds already, so that a restart need not read and hash a whole film. No I/O: the driver's
//! and the simulator's disks run the same decisions.
//!
//! | module | what |
//! | --- | --- |
//! | `file` | the form of a resume file |
//! | `ledger` | what may be claimed, and after which sync |
//! | `belief` | what of a claim is believed, and what is hashed again |

mod belief;
mod file;
mod ledger;

use crate::bitfield::Bitfield;

pub use belief::{Files, Found, recheck};
pub use file::{ResumeError, decode, encode, len_max};
pub use ledger::{Claim, Ledger, Saved};

/// What one run of a download tells the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// No write was under way or to be expected: whoever changed a file since was not us.
    pub at_rest: bool,
    /// Pieces that matched their hash and are durable.
    pub verified: Bitfield,
    /// Those and all that were verified before and given up since: for showing, and so that a bounded disk does not fetch
    /// anew what nobody asks for.
    pub ever: Bitfield,
    /// How each file of the layout looked when they were; `None` for one that was not there.
    pub stamps: Vec<Option<Stamp>>,
}

impl Resume {
    /// Nothing was ever given up.
    pub fn new(at_rest: bool, verified: Bitfield, stamps: Vec<Option<Stamp>>) -> Self {
        Self { at_rest, ever: verified.clone(), verified, stamps }
    }
}

/// A file's length and time of change: the same again means that nobody wrote to it, unless they hid it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes of the file on the disk, holes included.
    pub size: u64,
    /// When it was last written, in nanoseconds since 1970, as the file system counts.
    pub modified_ns: i64,
}
