//! One connection as its other end sees it: what was said, and what may be said after that.

use super::Dice;
use crate::bitfield::Bitfield;
use crate::ext::{self, ExtHandshake, MetadataMessage};
use crate::layout::{RawBlock, TorrentLayout};
use crate::limits::INFLIGHT_MAX;
use crate::metainfo::Metainfo;
use crate::units::ByteLen;
use crate::wire::{FrameDecoder, FrameLimits, Message};

/// What the disk holds and held.
pub(super) struct OnDisk {
    /// What it knows to be right.
    pub(super) verified: Bitfield,
    /// What it is giving up: peers may hear of it and of its end in the same breath.
    pub(super) going: Bitfield,
    /// What it ever gave up.
    pub(super) given_up: Bitfield,
}

impl OnDisk {
    pub(super) fn new(verified: Bitfield) -> Self {
        let none = Bitfield::new_empty(verified.len());
        Self { verified, going: none.clone(), given_up: none }
    }

    fn may_be_told(&self, piece: u32) -> bool {
        self.verified.get(piece) || self.going.get(piece)
    }
}

/// The number under which this end receives metadata messages; any will do.
const METADATA_ID: u8 = 9;

/// The other end of a connection.
pub(super) struct Remote {
    fast: bool,
    extensions: bool,
    /// Cuts what the torrent says.
    heard: FrameDecoder,
    /// Cuts what it was sent, as the torrent does.
    said: FrameDecoder,
    /// Given out by the torrent, and not written yet.
    pub(super) unwritten: usize,
    /// Made up, and not sent yet.
    pub(super) pending: Vec<u8>,
    /// The torrent chokes this end.
    choked: bool,
    /// The torrent is interested in this end.
    interesting: bool,
    /// This end chokes the torrent.
    choking: bool,
    have: Bitfield,
    /// The torrent has told what it has as a whole, or begun to do so piece by piece.
    told_set: bool,
    told: Bitfield,
    /// What the torrent asks for.
    wanted: Vec<RawBlock>,
    /// What left `wanted` by the bytes last sent; the torrent may have taken it back while it read them.
    settled: Vec<RawBlock>,
    /// What this end has asked for and was not answered.
    asked: Vec<RawBlock>,
    /// Metadata pieces the torrent asks for.
    wanted_metadata: Vec<u32>,
}

impl Remote {
    pub(super) fn new(fast: bool, extensions: bool, known: Option<&TorrentLayout>, layout: &TorrentLayout) -> Self {
        let limits = known.map_or_else(FrameLimits::default, |layout| FrameLimits::for_pieces(layout.piece_count()));
        let none = || Bitfield::new_empty(layout.piece_count());
        Self {
            fast,
            extensions,
            heard: FrameDecoder::new(FrameLimits::for_pieces(layout.piece_count())),
            said: FrameDecoder::new(limits),
            unwritten: 0,
            pending: Vec::new(),
            choked: true,
            interesting: false,
            choking: true,
            have: none(),
            told_set: false,
            told: none(),
            wanted: Vec::new(),
            settled: Vec::new(),
            asked: Vec::new(),
            wanted_metadata: Vec::new(),
        }
    }

    /// The torrent knows how many pieces there are.
    pub(super) const fn set_piece_count(&mut self, piece_count: u32) {
        self.said.set_piece_count(piece_count);
    }

    /// Notes what is about to reach the torrent. What breaks a rule ends the connection, so that nothing after it counts.
    pub(super) fn on_sent(&mut self, mut bytes: &[u8], piece_count: u32) {
        self.settled.clear();
        while let Ok(Some(message)) = self.said.next(&mut bytes) {
            match message {
                Message::Choke => {
                    self.choking = true;
                    self.settled.append(&mut self.wanted);
                }
                Message::Unchoke => self.choking = false,
                Message::Have(index) if index < piece_count => {
                    self.have.set(index);
                }
                Message::Bitfield(bits) => {
                    if let Ok(bits) = Bitfield::from_wire(bits, piece_count) {
                        self.have = bits;
                    }
                }
                Message::HaveAll => self.have = Bitfield::new_full(piece_count),
                Message::HaveNone => self.have = Bitfield::new_empty(piece_count),
                Message::Request(raw) => self.asked.push(raw),
                Message::Cancel(_) => {}
                Message::Piece { piece, offset, data } => {
                    let len = ByteLen::new(data.len() as u64).as_u32();
                    let block = RawBlock { piece, offset, len };
                    self.settle(block);
                }
                Message::Reject(raw) => self.settle(raw),
                Message::Extended { id: ext::LT_DONTHAVE_ID, payload } => {
                    if let Ok(index) = payload.try_into().map(u32::from_be_bytes)
                        && index < piece_count
                    {
                        self.have.clear(index);
                    }
                }
                Message::Have(_)
                | Message::KeepAlive
                | Message::Interested
                | Message::NotInterested
                | Message::Port(_)
                | Message::Suggest(_)
                | Message::AllowedFast(_)
                | Message::Extended { .. }
                | Message::Unknown { .. } => {}
            }
        }
    }

    fn settle(&mut self, block: RawBlock) {
        if let Some(at) = self.wanted.iter().position(|wanted| *wanted == block) {
            self.settled.push(self.wanted.remove(at));
        }
    }

    /// Checks what the torrent says. `disk` is what the disk knows.
    pub(super) fn on_heard(&mut self, bytes: &[u8], film: &[u8], layout: &TorrentLayout, disk: &OnDisk) {
        let mut bytes = bytes;
        let mut heard = std::mem::replace(&mut self.heard, FrameDecoder::new(FrameLimits::default()));
        while let Some(message) = heard.next(&mut bytes).expect("the torrent speaks BitTorrent") {
            self.check(message, film, layout, disk);
        }
        self.heard = heard;
    }

    fn check(&mut self, message: Message<'_>, film: &[u8], layout: &TorrentLayout, disk: &OnDisk) {
        match message {
            Message::KeepAlive => {}
            Message::Choke => assert!(!std::mem::replace(&mut self.choked, true), "choked twice"),
            Message::Unchoke => assert!(std::mem::replace(&mut self.choked, false), "unchoked twice"),
            Message::Interested => assert!(!std::mem::replace(&mut self.interesting, true), "interested twice"),
            Message::NotInterested => assert!(std::mem::replace(&mut self.interesting, false), "never interested"),
            Message::Have(piece) => {
                assert!(disk.may_be_told(piece), "{piece} is told and not verified");
                // Not everybody hears what was given up, and then it comes again.
                assert!(self.told.set(piece) || disk.given_up.get(piece), "{piece} is told twice");
                self.told_set = true;
            }
            Message::Bitfield(bits) => {
                let bits = Bitfield::from_wire(bits, layout.piece_count()).expect("a bit a piece");
                self.hear_set(&bits, disk);
            }
            Message::HaveAll => self.hear_fast_set(&Bitfield::new_full(layout.piece_count()), disk),
            Message::HaveNone => self.hear_fast_set(&Bitfield::new_empty(layout.piece_count()), disk),
            Message::Request(raw) => {
                let block = layout.check_block(raw).expect("a block that exists");
                assert_eq!(layout.block(block.piece, block.index()), Some(block), "a whole block");
                assert!(!self.choking, "asked while choked");
                assert!(self.have.get(raw.piece), "asked for what it does not have");
                assert!(self.interesting, "asked without interest");
                assert!(!self.wanted.contains(&raw), "asked twice for {raw:?}");
                self.wanted.push(raw);
                assert!(self.wanted.len() <= INFLIGHT_MAX);
            }
            Message::Cancel(raw) => match self.wanted.iter().position(|wanted| *wanted == raw) {
                Some(at) => {
                    self.wanted.remove(at);
                }
                None => assert!(self.settled.contains(&raw), "{raw:?} is taken back and was not asked for"),
            },
            Message::Piece { piece, offset, data } => {
                let block = RawBlock { piece, offset, len: ByteLen::new(data.len() as u64).as_u32() };
                self.answered(block);
                assert!(!self.choked, "served while choked");
                assert!(disk.verified.get(piece), "{piece} is served and not verified");
                let start = layout.block_range(layout.check_block(block).expect("a block that exists")).start;
                let start = usize::try_from(start).expect("a short film");
                assert_eq!(data, &film[start..start + data.len()], "served wrong");
            }
            Message::Reject(raw) => {
                assert!(self.fast, "a reject without the fast extension");
                self.answered(raw);
            }
            Message::Extended { id, payload } => {
                assert!(self.extensions, "an extension nobody agreed on");
                if id == METADATA_ID
                    && let Ok(MetadataMessage::Request { piece }) = MetadataMessage::decode(payload)
                {
                    self.wanted_metadata.push(piece);
                }
            }
            Message::Port(_) | Message::Suggest(_) | Message::AllowedFast(_) | Message::Unknown { .. } => {
                panic!("nothing that this program says: {message:?}")
            }
        }
    }

    fn hear_fast_set(&mut self, set: &Bitfield, disk: &OnDisk) {
        assert!(self.fast, "a message of the fast extension");
        self.hear_set(set, disk);
    }

    fn hear_set(&mut self, set: &Bitfield, disk: &OnDisk) {
        assert!(!std::mem::replace(&mut self.told_set, true), "what is here comes first, and once");
        assert!(set.iter_ones().all(|piece| disk.may_be_told(piece)), "told and not verified");
        self.told = set.clone();
    }

    fn answered(&mut self, block: RawBlock) {
        let at = self.asked.iter().position(|asked| *asked == block);
        self.asked.remove(at.unwrap_or_else(|| panic!("{block:?} was never asked for, or answered before")));
    }

    /// Makes up a message, or the bytes of something that is none.
    pub(super) fn make_up(&mut self, dice: &mut Dice<'_>, film: &[u8], metainfo: &Metainfo) {
        let layout = &metainfo.layout;
        let count = layout.piece_count();
        let out = &mut self.pending;
        match dice.below(40) {
            0..=9 => {
                let count = 1 + dice.below(24);
                self.wanted.iter().take(count).for_each(|block| put_block(out, *block, film, layout, false));
            }
            10 => {
                let at = dice.below(self.wanted.len());
                if let Some(block) = self.wanted.get(at).copied() {
                    put_block(out, block, film, layout, true);
                }
            }
            11..=13 => Message::Unchoke.encode(out),
            14 => Message::Choke.encode(out),
            15 | 16 => Message::Interested.encode(out),
            17 => Message::NotInterested.encode(out),
            18 | 19 => Message::Have(dice.index(count)).encode(out),
            20 => {
                let mut bits = Bitfield::new_empty(count);
                layout.pieces().filter(|_| dice.one_in(2)).for_each(|piece| {
                    bits.set(piece.get());
                });
                let mut wire = bits.to_wire();
                if dice.one_in(16) {
                    wire.push(0);
                }
                Message::Bitfield(&wire).encode(out);
            }
            21 => Message::Bitfield(&Bitfield::new_full(count).to_wire()).encode(out),
            22 => Message::HaveAll.encode(out),
            23 => Message::HaveNone.encode(out),
            24..=27 => Message::Request(any_block(dice, layout)).encode(out),
            28 => Message::Cancel(self.asked.last().copied().unwrap_or_else(|| any_block(dice, layout))).encode(out),
            29 => Message::Reject(self.wanted.last().copied().unwrap_or_else(|| any_block(dice, layout))).encode(out),
            30 => {
                let raw = any_block(dice, layout);
                let data = vec![7; usize::try_from(raw.len % 20_000).expect("a short block")];
                Message::Piece { piece: raw.piece, offset: raw.offset, data: &data }.encode(out);
            }
            31 => Message::Suggest(dice.index(count)).encode(out),
            32 => Message::AllowedFast(dice.index(count)).encode(out),
            33 => Message::Port(6881).encode(out),
            34 => Message::KeepAlive.encode(out),
            35 => put_extended(out, ext::HANDSHAKE_ID, &any_handshake(dice, metainfo).encode()),
            36 => self.answer_metadata(dice, metainfo),
            37 => {
                let (id, payload) = match dice.below(4) {
                    0 => (ext::UPLOAD_ONLY_ID, vec![dice.byte()]),
                    1 => (ext::UT_METADATA_ID, MetadataMessage::Request { piece: dice.index(2) }.encode()),
                    2 => (ext::UT_METADATA_ID, b"d8:msg_typei".to_vec()),
                    _ => (dice.byte(), vec![dice.byte(); 5]),
                };
                put_extended(out, id, &payload);
            }
            38 => put_extended(out, ext::LT_DONTHAVE_ID, &dice.index(count).to_be_bytes()),
            _ => match dice.below(6) {
                // A kind nobody knows, and what is no frame at all.
                0..=3 => out.extend([0, 0, 0, 3, 99, 1, 2]),
                4 => out.extend(dice.number().to_be_bytes()),
                _ => (0..dice.below(30)).for_each(|_| out.push(dice.byte())),
            },
        }
    }

    fn answer_metadata(&mut self, dice: &mut Dice<'_>, metainfo: &Metainfo) {
        let piece = if self.wanted_metadata.is_empty() { dice.index(2) } else { self.wanted_metadata.remove(0) };
        let message = match dice.below(8) {
            0 => MetadataMessage::Reject { piece },
            1 => MetadataMessage::Data { piece, total_size: dice.number(), payload: &[1; 300] },
            _ => {
                let start =
                    usize::try_from(piece).unwrap_or(usize::MAX).saturating_mul(16_384).min(metainfo.info.len());
                let end = metainfo.info.len().min(start + 16_384);
                let total_size = u32::try_from(metainfo.info.len()).expect("a short dictionary");
                MetadataMessage::Data { piece, total_size, payload: &metainfo.info[start..end] }
            }
        };
        put_extended(&mut self.pending, ext::UT_METADATA_ID, &message.encode());
    }
}

fn put_extended(out: &mut Vec<u8>, id: u8, payload: &[u8]) {
    Message::Extended { id, payload }.encode(out);
}

fn put_block(out: &mut Vec<u8>, block: RawBlock, film: &[u8], layout: &TorrentLayout, altered: bool) {
    let range = layout.block_range(layout.check_block(block).expect("only what exists is asked for"));
    let bound = |at: u64| usize::try_from(at).expect("a short film");
    let mut data = film[bound(range.start)..bound(range.end)].to_vec();
    if altered {
        data[0] ^= 1;
    }
    Message::Piece { piece: block.piece, offset: block.offset, data: &data }.encode(out);
}

fn any_block(dice: &mut Dice<'_>, layout: &TorrentLayout) -> RawBlock {
    let piece = dice.index(layout.piece_count());
    match dice.below(12) {
        10 => RawBlock { piece, offset: dice.number(), len: dice.number() },
        11 => RawBlock { piece, offset: u32::from(dice.byte()), len: 1 + u32::from(dice.byte()) },
        block => {
            let index = u32::try_from(block).expect("a small number") % 4;
            let existing = layout
                .piece(piece)
                .and_then(|piece| layout.block(piece, crate::units::BlockIndex::new(index)))
                .map(RawBlock::from);
            existing.unwrap_or(RawBlock { piece, offset: index * 16_384, len: 16_384 })
        }
    }
}

fn any_handshake(dice: &mut Dice<'_>, metainfo: &Metainfo) -> ExtHandshake {
    let size = match dice.below(8) {
        0 => None,
        1 => Some(1 + u32::from(dice.byte())),
        _ => u32::try_from(metainfo.info.len()).ok(),
    };
    ExtHandshake {
        ut_metadata: Some(METADATA_ID),
        metadata_size: size,
        port: dice.one_in(2).then(|| u16::from(dice.byte()) + 1),
        reqq: dice.one_in(3).then(|| 1 + u32::from(dice.byte())),
        ..ExtHandshake::ours()
    }
}
