//! The extension protocol (BEP 10) and what it carries: metadata from peers (BEP 9), other peers (BEP 11), and the two small messages
//! upload_only (BEP 21) and lt_donthave (BEP 54), which [`crate::peer`] reads by itself.
//!
//! An extension has a number a direction: its receiver chose it, in the `m` of its own handshake.

mod handshake;
mod metadata_fetch;
mod ut_metadata;
mod ut_pex;

pub use handshake::ExtHandshake;
pub use metadata_fetch::{MetadataFetch, MetadataProgress, MetadataWake};
pub use ut_metadata::{MetadataMessage, MetadataServe};
pub use ut_pex::{PexFlags, PexMessage};

/// The extension handshake's own number, the same in both directions.
pub const HANDSHAKE_ID: u8 = 0;

/// What peers put before what they say of other peers (BEP 11).
pub const UT_PEX_ID: u8 = 1;

/// What peers put before a metadata message to us (BEP 9).
pub const UT_METADATA_ID: u8 = 2;

/// What peers put before an upload_only message to us: one byte, 1 while they want nothing (BEP 21).
pub const UPLOAD_ONLY_ID: u8 = 3;

/// What peers put before a "no longer have" message to us: four bytes, a piece (BEP 54).
pub const LT_DONTHAVE_ID: u8 = 7;

/// The extensions that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extension {
    /// BEP 9.
    UtMetadata,
    /// BEP 21, as a message.
    UploadOnly,
    /// BEP 54.
    LtDonthave,
    /// BEP 11.
    UtPex,
}

impl Extension {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::UtMetadata, Self::UploadOnly, Self::LtDonthave, Self::UtPex];

    /// Its key in `m`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UtMetadata => "ut_metadata",
            Self::UploadOnly => "upload_only",
            Self::LtDonthave => "lt_donthave",
            Self::UtPex => "ut_pex",
        }
    }

    /// The number under which we receive it.
    pub const fn local_id(self) -> u8 {
        match self {
            Self::UtMetadata => UT_METADATA_ID,
            Self::UploadOnly => UPLOAD_ONLY_ID,
            Self::LtDonthave => LT_DONTHAVE_ID,
            Self::UtPex => UT_PEX_ID,
        }
    }
}
