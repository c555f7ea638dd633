use proptest::prelude::*;

use super::*;
use crate::infohash::Infohash;
use crate::limits::{MSE_FIRST_PAYLOAD_LEN_MAX, MSE_PAD_LEN_MAX, MSE_PENDING_LEN_MAX};
use crate::rng::Rng;
use crate::wire::Handshake;

const FILM: Infohash = Infohash::new([0xaa; 20]);
const FIRST: [u8; Handshake::LEN] = [0x42; Handshake::LEN];

/// Private keys of 01 02 … 14 and 65 66 … 78.
fn keys() -> [PrivateKey; 2] {
    [1, 0x65].map(|first: u8| PrivateKey::new(std::array::from_fn(|at| first + u8::try_from(at).unwrap())))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn pads(first: usize, second: usize) -> [Pad; 2] {
    [Pad::new(&vec![0x11; first]), Pad::new(&vec![0x22; second])]
}

#[test]
fn the_keys_of_a_known_exchange() {
    let public = keys().map(|key| Exchange::own(key).run().own.unwrap());
    assert_eq!(
        public[0].0.as_slice(),
        hex("96e112dab29e8c5272accb9b17b26887ce54a144a4e3b697c7d159b7a817e556b0918db2b4c658e02a87f7e5fb14b18a\
         553e084cbf3dad2d30f16596ccb982d406258c61b30c5c1dae2ddc60bdbd48d79896312aad63238c39e1a633821eb693",)
    );
    assert_eq!(
        public[1].0.as_slice(),
        hex("d32ae8cedd0de9ca4fe67e35626bb8c7cdb0966727d899f6a62fdb2b68817f9ddc4b684e3eb34030b8dba4e028b7cff3\
         264020340cb4eab61923cdc4e4216ba873368d83f0a38e497f1f6b4e3d2012eb91a3ee6056f966f9eae732089b6fa46e",)
    );
    let one = Exchange::with(keys()[0], public[1], false).run().secret.unwrap().unwrap();
    let other = Exchange::with(keys()[1], public[0], false).run().secret.unwrap().unwrap();
    for secret in [one, other] {
        assert_eq!(secret.mark().as_slice(), hex("78fffb0f23055a793ff7609f359e04e383ec3505"));
        assert_eq!(secret.ask(FILM).as_slice(), hex("f2f74cb293cbfc230fbc6707cd5dca1d7ea0e6fd"));
        assert!(secret.asked(secret.ask(FILM)).is(FILM));
        assert!(!secret.asked(secret.ask(FILM)).is(Infohash::new([0xab; 20])));
        let stream = |mut cipher: Cipher| {
            let mut bytes = [0; 16];
            cipher.apply(&mut bytes);
            bytes.to_vec()
        };
        assert_eq!(stream(secret.cipher_a(FILM)), hex("e50e282022084479e72308e7a3a4e880"));
        assert_eq!(stream(secret.cipher_b(FILM)), hex("943d5a81d0106aa03a3f5991e0bb8b9c"));
        let mut sealed = hex("00000000000000000000000300000044");
        secret.cipher_a(FILM).apply(&mut sealed);
        assert_eq!(sealed, hex("e50e282022084479e72308e4a3a4e8c4"));
    }
}

/// One end, with what it was told and what it says.
struct End {
    negotiation: Negotiation,
    prefer_rc4: bool,
    done: Option<Established>,
    sent: Vec<u8>,
}

impl End {
    fn initiator(pads: [Pad; 2]) -> Self {
        Self::new(Negotiation::initiate(keys()[0], pads, FILM, FIRST), false)
    }

    fn acceptor(pads: [Pad; 2], prefer_rc4: bool) -> Self {
        Self::new(Negotiation::accept(keys()[1], pads), prefer_rc4)
    }

    fn new(negotiation: Negotiation, prefer_rc4: bool) -> Self {
        let mut end = Self { negotiation, prefer_rc4, done: None, sent: Vec::new() };
        end.settle().unwrap();
        end
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), MseError> {
        self.negotiation.handle_input(Input::Received(bytes))?;
        self.settle()
    }

    fn settle(&mut self) -> Result<(), MseError> {
        while let Some(output) = self.negotiation.poll_output() {
            match output {
                Output::Send(bytes) => self.sent.extend(bytes),
                Output::Exchange(exchange) => self.negotiation.handle_input(Input::Exchanged(exchange.run()))?,
                Output::Find(wanted) => {
                    let found = wanted.is(FILM).then_some(Found { infohash: FILM, prefer_rc4: self.prefer_rc4 });
                    self.negotiation.handle_input(Input::Found(found))?;
                }
                Output::Done(established) => self.done = Some(established),
            }
        }
        Ok(())
    }
}

/// Lets both talk, in parts of those lengths in turn, until neither says more.
fn talk(a: &mut End, b: &mut End, cuts: &[usize]) {
    let mut cuts = cuts.iter().copied().cycle();
    loop {
        let (from_a, from_b) = (std::mem::take(&mut a.sent), std::mem::take(&mut b.sent));
        if from_a.is_empty() && from_b.is_empty() {
            return;
        }
        for (to, mut bytes) in [(&mut *b, from_a.as_slice()), (&mut *a, from_b.as_slice())] {
            while !bytes.is_empty() {
                let (part, rest) = bytes.split_at(cuts.next().unwrap().clamp(1, bytes.len()));
                to.receive(part).unwrap();
                bytes = rest;
            }
        }
    }
}

/// What one says after the handshake is what the other hears.
fn assert_understand(from: &mut Established, to: &mut Established) {
    let mut bytes = b"the film".to_vec();
    if let Some(ciphers) = &mut from.ciphers {
        ciphers.write.apply(&mut bytes);
        assert_ne!(bytes, b"the film");
    }
    if let Some(ciphers) = &mut to.ciphers {
        ciphers.read.apply(&mut bytes);
    }
    assert_eq!(bytes, b"the film");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_ends_agree_however_the_bytes_are_cut(
        pad_lens in any::<[u16; 4]>(),
        cuts in proptest::collection::vec(1usize..700, 1..20),
        prefer_rc4: bool,
    ) {
        let [one, two, three, four] = pad_lens.map(|len| usize::from(len) % (MSE_PAD_LEN_MAX + 1));
        let (mut a, mut b) = (End::initiator(pads(one, two)), End::acceptor(pads(three, four), prefer_rc4));
        talk(&mut a, &mut b, &cuts);
        let (mut a, mut b) = (a.done.expect("through"), b.done.expect("through"));
        prop_assert_eq!((a.infohash, b.infohash), (FILM, FILM));
        prop_assert_eq!(&b.received, &FIRST);
        prop_assert!(a.received.is_empty());
        prop_assert_eq!((a.ciphers.is_some(), b.ciphers.is_some()), (prefer_rc4, prefer_rc4));
        assert_understand(&mut a, &mut b);
        assert_understand(&mut b, &mut a);
    }

    #[test]
    fn garbage_ends_within_the_bounds(seed: u64, cut in 1usize..900, initiate: bool) {
        let mut end = if initiate { End::initiator(pads(0, 0)) } else { End::acceptor(pads(0, 0), true) };
        let mut garbage = vec![0; 96 + MSE_PAD_LEN_MAX + 20];
        Rng::new(seed).fill(&mut garbage);
        // Below P, so that it is the padding that goes wrong.
        garbage[0] = 0x7f;
        let outcome = garbage.chunks(cut).try_for_each(|part| end.receive(part));
        prop_assert_eq!(outcome, Err(MseError::NotSynchronised));
        prop_assert!(end.receive(&garbage).is_ok() && end.done.is_none(), "after an error nothing happens any more");
    }
}

#[test]
fn payload_right_behind_the_handshake_is_kept() {
    for prefer_rc4 in [false, true] {
        let (mut a, mut b) = (End::initiator(pads(5, 6)), End::acceptor(pads(7, 512), prefer_rc4));
        b.receive(&std::mem::take(&mut a.sent)).unwrap();
        a.receive(&std::mem::take(&mut b.sent)).unwrap();
        b.receive(&std::mem::take(&mut a.sent)).unwrap();
        let mut payload = vec![0x77; 100_000];
        if let Some(ciphers) = &mut b.done.as_mut().unwrap().ciphers {
            ciphers.write.apply(&mut payload);
        }
        a.receive(&[std::mem::take(&mut b.sent), payload].concat()).unwrap();
        assert_eq!(a.done.unwrap().received, vec![0x77; 100_000]);
    }
}

#[test]
fn public_keys_that_make_no_secret_are_refused() {
    let p = hex("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd\
         ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563");
    let near_p = |last: u8| [&p[..95], &[last]].concat();
    let small = |last: u8| [&[0; 95][..], &[last]].concat();
    for weak in [small(0), small(1), near_p(0x62), near_p(0x63), near_p(0x64), vec![0xff; 96]] {
        for mut end in [End::initiator(pads(0, 0)), End::acceptor(pads(0, 0), false)] {
            end.sent.clear();
            assert_eq!(end.receive(&weak), Err(MseError::WeakKey), "{weak:02x?}");
            assert!(end.sent.is_empty(), "nothing is answered");
        }
    }
    for strong in [small(2), near_p(0x61)] {
        assert_eq!(End::acceptor(pads(0, 0), false).receive(&strong), Ok(()));
    }
}

/// An acceptor that was told all but the encrypted part, and the stream in which to tell that.
fn asked_for(infohash: Infohash) -> (End, Cipher, Result<(), MseError>) {
    let mut b = End::acceptor(pads(0, 0), false);
    let [private, _] = keys();
    let own = Exchange::own(private).run().own.unwrap();
    b.receive(&own.0).unwrap();
    let theirs = PublicKey(*b.sent.first_chunk().unwrap());
    let secret = Exchange::with(private, theirs, false).run().secret.unwrap().unwrap();
    let asked = b.receive(&[secret.mark(), secret.ask(infohash)].concat());
    (b, secret.cipher_a(infohash), asked)
}

fn say(end: &mut End, cipher: &mut Cipher, fields: &[&[u8]]) -> Result<(), MseError> {
    let mut bytes = fields.concat();
    cipher.apply(&mut bytes);
    end.receive(&bytes)
}

#[test]
fn what_an_acceptor_refuses() {
    assert_eq!(asked_for(Infohash::new([1; 20])).2, Err(MseError::UnknownTorrent));
    let refused = |fields: &[&[u8]]| {
        let (mut b, mut cipher, asked) = asked_for(FILM);
        asked.unwrap();
        say(&mut b, &mut cipher, fields)
    };
    assert_eq!(refused(&[&[0, 0, 0, 0, 0, 0, 0, 1], &[0, 0, 0, 3], &[0, 0]]), Err(MseError::WrongConstant));
    assert_eq!(refused(&[&[0; 8], &[0, 0, 0, 4], &[0, 0]]), Err(MseError::NoMethod(4)));
    assert_eq!(refused(&[&[0; 8], &[0, 0, 0, 3], &513u16.to_be_bytes()]), Err(MseError::PadTooLong(513)));
    let long = u16::try_from(MSE_FIRST_PAYLOAD_LEN_MAX + 1).unwrap();
    let outcome = refused(&[&[0; 8], &[0, 0, 0, 3], &[0, 0], &long.to_be_bytes()]);
    assert_eq!(outcome, Err(MseError::PayloadTooLong(long)));
    assert_eq!(refused(&[&[0; 8], &[0, 0, 0, 2], &512u16.to_be_bytes(), &[9; 512], &[0, 0]]), Ok(()));
}

#[test]
fn what_an_initiator_refuses() {
    for (method, len, expected) in [
        (0u32, 0u16, MseError::NoMethod(0)),
        (3, 0, MseError::NoMethod(3)),
        (4, 0, MseError::NoMethod(4)),
        (2, 513, MseError::PadTooLong(513)),
    ] {
        let mut a = End::initiator(pads(0, 0));
        let theirs = PublicKey(*a.sent.first_chunk().unwrap());
        let exchanged = Exchange::with(keys()[1], theirs, true).run();
        a.receive(&exchanged.own.unwrap().0).unwrap();
        let mut cipher = exchanged.secret.unwrap().unwrap().cipher_b(FILM);
        assert_eq!(say(&mut a, &mut cipher, &[&[0; 8], &method.to_be_bytes(), &len.to_be_bytes()]), Err(expected));
    }
}

#[test]
fn nobody_fills_the_memory_while_a_key_is_made() {
    for mut negotiation in
        [Negotiation::initiate(keys()[0], pads(0, 0), FILM, FIRST), Negotiation::accept(keys()[0], pads(0, 0))]
    {
        let mut given = 0;
        let error = loop {
            given += 97;
            if let Err(error) = negotiation.handle_input(Input::Received(&[9; 97])) {
                break error;
            }
            assert!(given <= 96 + MSE_PENDING_LEN_MAX + 97);
        };
        assert_eq!(error, MseError::TooEarly);
    }
}

#[test]
fn pads_of_ours_are_bounded() {
    assert_eq!(Pad::new(&[1; 600]).as_bytes().len(), MSE_PAD_LEN_MAX);
}
