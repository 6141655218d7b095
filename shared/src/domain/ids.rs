//! Identifiers, each with its own type, and their generator.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Builder, Uuid};

use crate::domain::{clock::Millis, digest::sha256};

/// Not a valid identifier of the expected kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a {0}")]
pub struct NotAnId(&'static str);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl FromStr for $name {
            type Err = NotAnId;

            /// Accepts only the hyphenated form (RFC 9562 §4), in either case.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                if text.len() != 36 {
                    return Err(NotAnId($what));
                }
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId($what))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

uuid_id!(
    /// Account id: a UUID.
    UserId,
    "user id (a UUID)"
);
uuid_id!(
    /// Session id: a UUID v7, so that a user's sessions sort by age.
    SessionId,
    "session id (a UUID)"
);
uuid_id!(
    /// Event id: a UUID v7, so that a user's events sort by time.
    EventId,
    "event id (a UUID)"
);

impl EventId {
    /// The id of the one event about `subject` in the minute of `now`: whoever records another meets it. It sorts with
    /// the minute's beginning, since all of them must find the same id.
    #[must_use]
    pub fn once_a_minute(now: Millis, subject: &str) -> Self {
        let minute = Millis(now.0 - now.0.rem_euclid(60_000));
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&sha256(subject.as_bytes())[..10]);
        Self(uuid_v7(minute, &bytes))
    }

    /// The last byte: random, so it spreads events evenly over up to 256 shards.
    #[must_use]
    pub fn last_byte(&self) -> u8 {
        self.0.as_bytes()[15]
    }
}

/// A token's `jti` (RFC 7519 §4.1.7): 128 random bits, base64url without padding.
///
/// Together with a valid signature it lets a client refresh, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct TokenId(String);

impl TokenId {
    /// As stored in tokens and in the table.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (22..=64).contains(&text.len()) && text.bytes().all(alphabet) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnId("token id (22 to 64 base64url characters)"))
        }
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenId(…)")
    }
}

/// The source of identifiers and salts: the operating system's generator, or a test's fixed sequence.
#[derive(Clone, Debug)]
pub struct Ids {
    source: Source,
    /// The last event's millisecond (48 bits) and its count within it ([`COUNT_BITS`]).
    last_event: Arc<AtomicU64>,
}

/// How many bits of an event's id count within its millisecond: RFC 9562's `rand_a`.
const COUNT_BITS: u32 = 12;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

#[derive(Clone, Debug)]
enum Source {
    System,
    Sequence(Arc<AtomicU64>),
}

impl Ids {
    /// The operating system's generator.
    #[must_use]
    pub fn system() -> Self {
        Self::with_source(Source::System)
    }

    /// A predictable sequence, for tests only. Clones share it.
    #[must_use]
    pub fn sequence(start: u64) -> Self {
        Self::with_source(Source::Sequence(Arc::new(AtomicU64::new(start))))
    }

    fn with_source(source: Source) -> Self {
        Self {
            source,
            last_event: Arc::default(),
        }
    }

    /// A new account's id (UUID v4).
    #[must_use]
    pub fn user(&self) -> UserId {
        UserId(Builder::from_random_bytes(self.bytes()).into_uuid())
    }

    /// A new session's id (UUID v7 of `now`).
    #[must_use]
    pub fn session(&self, now: Millis) -> SessionId {
        SessionId(uuid_v7(now, &self.bytes()))
    }

    /// A new event's id (UUID v7 of `now`).
    ///
    /// Within a millisecond ids count up from a random start (RFC 9562 §6.2, method 1), so one request's events sort in
    /// the order in which they happened. Events of different processes sort by their clocks.
    #[must_use]
    pub fn event(&self, now: Millis) -> EventId {
        let mut random = self.bytes::<10>();
        let seed = u16::from_be_bytes([random[0], random[1]]);
        random[..2].copy_from_slice(&self.count_within(now, seed).to_be_bytes());
        EventId(uuid_v7(now, &random))
    }

    /// The next count within a millisecond. It restarts when the clock moves, in either direction, or the range is used
    /// up: at `seed`, cut to the lower half to leave room above.
    fn count_within(&self, now: Millis, seed: u16) -> u16 {
        let millis = unix_millis(now);
        let next = |last: u64| {
            if last >> COUNT_BITS == millis && last & COUNT_MAX < COUNT_MAX {
                last + 1
            } else {
                millis << COUNT_BITS | (u64::from(seed) & (COUNT_MAX >> 1))
            }
        };
        let update = |last| Some(next(last));
        let last = self
            .last_event
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, update);
        let (Ok(last) | Err(last)) = last;
        u16::try_from(next(last) & COUNT_MAX).expect("it has 12 bits")
    }

    /// A new token id.
    #[must_use]
    pub fn token(&self) -> TokenId {
        TokenId(URL_SAFE_NO_PAD.encode(self.bytes::<16>()))
    }

    /// A new `ClientRequestToken` for one DynamoDB transaction (36 characters).
    #[must_use]
    pub fn request_token(&self) -> String {
        Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// Random bytes, for salts and seeds.
    ///
    /// # Panics
    ///
    /// If there is no random number generator; Linux has one.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.source {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
                getrandom::fill(&mut bytes).expect("Linux's getrandom(2) does not fail once it is seeded");
            }
            Source::Sequence(next) => {
                let number = next.fetch_add(1, Ordering::SeqCst).to_be_bytes();
                for (byte, value) in bytes.iter_mut().rev().zip(number.iter().rev()) {
                    *byte = *value;
                }
            }
        }
        bytes
    }
}

fn uuid_v7(now: Millis, random: &[u8; 10]) -> Uuid {
    Builder::from_unix_timestamp_millis(unix_millis(now), random).into_uuid()
}

/// The 48-bit time of a UUID v7.
fn unix_millis(now: Millis) -> u64 {
    u64::try_from(now.0).unwrap_or_default() & ((1 << 48) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_only_in_hyphenated_form() {
        let id = "018f3c5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f";
        assert_eq!(id.parse::<SessionId>().unwrap().to_string(), id);
        assert_eq!(id.to_uppercase().parse::<SessionId>().unwrap().to_string(), id);
        for bad in [
            "",
            "me",
            "018f3c5e7b1a7c3d8e4f5a6b7c8d9e0f",
            "{018f3c5e-7b1a-7c3d-8e4f-5a6b7c8d9e}",
        ] {
            assert_eq!(
                bad.parse::<SessionId>(),
                Err(NotAnId("session id (a UUID)")),
                "{bad}"
            );
        }
    }

    #[test]
    fn token_ids_carry_128_bits_and_hide_themselves() {
        let id = Ids::system().token();
        assert_eq!(id.as_str().len(), 22);
        assert_eq!(format!("{id:?}"), "TokenId(…)");
        assert!("short".parse::<TokenId>().is_err());
        assert!("with spaces in it, and more".parse::<TokenId>().is_err());
    }

    #[test]
    fn later_sessions_sort_after_earlier_ones() {
        let ids = Ids::system();
        assert!(ids.session(Millis(1_700_000_000_000)) < ids.session(Millis(1_700_000_000_001)));
    }

    #[test]
    fn events_of_one_millisecond_sort_as_they_were_made() {
        let (ids, now) = (Ids::system(), Millis(1_700_000_000_000));
        let events: Vec<_> = (0..2000).map(|_| ids.clone().event(now)).collect();
        assert!(events.is_sorted());
        // A clock set back still gets ids of its own time.
        assert!(ids.event(Millis(now.0 - 1)) < events[0]);
        let mut all: Vec<_> = (0..10_000).map(|_| ids.event(now)).collect();
        all.sort();
        all.dedup();
        assert_eq!(
            all.len(),
            10_000,
            "past the count's range they are unique all the same"
        );
    }

    #[test]
    fn once_a_minute_is_one_id_for_a_subject_and_minute() {
        let id = |now, subject| EventId::once_a_minute(Millis(now), subject);
        let first = id(1_700_000_040_000, "anna from here");
        assert_eq!(id(1_700_000_099_999, "anna from here"), first);
        assert!(id(1_700_000_100_000, "anna from here") > first);
        assert_ne!(id(1_700_000_040_000, "anna from there"), first);
    }

    #[test]
    fn a_sequence_repeats_itself_and_never_an_id() {
        let (a, b) = (Ids::sequence(7), Ids::sequence(7));
        assert_eq!(a.user(), b.user());
        assert_ne!(a.token(), a.token());
    }
}
