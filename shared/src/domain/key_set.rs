//! The public keys that verify tokens, published in the table and as a JWK Set (RFC 7517).

use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::{Millis, Seconds},
    tokens::DEVICE_TOKEN_SECONDS,
};

/// How long a signer may still use a key after the set marks it as retired, in seconds: its copy of the set is at most
/// 60 s old and it answers within 30 s; the rest allows for clock skew.
const LAST_SIGNATURE: i64 = 120;

/// The key set as stored in the table, with the counters that guard it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedKeys {
    /// The keys.
    pub keys: KeySet,
    /// How many emergency rotations there were. Keys of an earlier epoch are never published again.
    pub epoch: u64,
    /// Optimistic lock: a writer must present the version it read.
    pub version: u64,
}

/// Every key that may verify tokens at present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeySet(Vec<PublicKey>);

/// One P-256 public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// The key's id: its JWK thumbprint (RFC 7638).
    pub kid: String,
    /// The point's x coordinate, base64url.
    pub x: String,
    /// The point's y coordinate, base64url.
    pub y: String,
    /// How long it still verifies; `None` if it may sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retired>,
}

/// How long a retired key still verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Verifies access tokens until then.
    pub access_until: Seconds,
    /// Verifies refresh tokens until then.
    pub refresh_until: Seconds,
    /// Verifies device tokens until then. Keys that were retired before there were any have signed none.
    #[serde(default)]
    pub device_until: Seconds,
}

/// What a token is for: each kind is verified differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Access tokens.
    Access,
    /// Refresh tokens.
    Refresh,
    /// Device tokens.
    Device,
}

impl KeySet {
    /// A set of these keys.
    #[must_use]
    pub const fn new(keys: Vec<PublicKey>) -> Self {
        Self(keys)
    }

    /// The key named `kid`, if it may verify tokens of this purpose at `now`.
    #[must_use]
    pub fn find(&self, kid: &str, purpose: Purpose, now: Millis) -> Option<&PublicKey> {
        self.verifying(purpose, now).find(|key| key.kid == kid)
    }

    /// The keys that may verify tokens of this purpose at `now`.
    pub fn verifying(&self, purpose: Purpose, now: Millis) -> impl Iterator<Item = &PublicKey> {
        self.0.iter().filter(move |key| key.verifies(purpose, now))
    }

    /// The key named `kid`, even if it is retired.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// Whether the key named `kid` may sign: it is published and not retired.
    #[must_use]
    pub fn signs(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid == kid && key.retired.is_none())
    }

    /// The set in which `active` sign and all other keys of this one are `retired`, unless they already were. Keys that
    /// verify nothing at `now` are left out.
    #[must_use]
    pub fn succeeded_by(&self, active: Vec<PublicKey>, retired: Retired, now: Millis) -> Self {
        let mut keys = active;
        let verifies = |key: &&PublicKey| {
            [Purpose::Refresh, Purpose::Device]
                .iter()
                .any(|purpose| key.verifies(*purpose, now))
        };
        for key in self.0.iter().filter(verifies) {
            if keys.iter().all(|active| active.kid != key.kid) {
                keys.push(PublicKey {
                    retired: key.retired.or(Some(retired)),
                    ..key.clone()
                });
            }
        }
        Self(keys)
    }

    /// These keys and those of `others` that are missing here.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        let new = others
            .0
            .iter()
            .filter(|key| self.0.iter().all(|own| own.kid != key.kid));
        Self(self.0.iter().chain(new).cloned().collect())
    }

    /// The ids of all keys.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.kid.as_str())
    }
}

impl Retired {
    /// How long a key replaced at `now` still verifies, if access tokens live for `access_seconds` and refresh tokens
    /// for `session_seconds`.
    #[must_use]
    pub const fn at(now: Millis, access_seconds: i64, session_seconds: i64) -> Self {
        let last = now.seconds().plus(LAST_SIGNATURE);
        Self {
            access_until: last.plus(access_seconds),
            refresh_until: last.plus(session_seconds),
            device_until: last.plus(DEVICE_TOKEN_SECONDS),
        }
    }
}

impl PublicKey {
    /// Whether it may verify tokens of this purpose at `now`.
    #[must_use]
    pub fn verifies(&self, purpose: Purpose, now: Millis) -> bool {
        self.retired.is_none_or(|retired| {
            let until = match purpose {
                Purpose::Access => retired.access_until,
                Purpose::Refresh => retired.refresh_until,
                Purpose::Device => retired.device_until,
            };
            now.seconds() < until
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, retired: Option<Retired>) -> PublicKey {
        PublicKey {
            kid: kid.to_owned(),
            x: "x".to_owned(),
            y: "y".to_owned(),
            retired,
        }
    }

    #[test]
    fn a_retired_key_verifies_each_kind_of_token_until_its_time() {
        let retired = Retired {
            access_until: Seconds(100),
            refresh_until: Seconds(200),
            device_until: Seconds(300),
        };
        let set = KeySet::new(vec![key("old", Some(retired)), key("new", None)]);
        let found = |purpose, now| set.find("old", purpose, now).is_some();
        assert!(found(Purpose::Access, Millis(99_999)) && !found(Purpose::Access, Millis(100_000)));
        assert!(found(Purpose::Refresh, Millis(199_999)) && !found(Purpose::Refresh, Millis(200_000)));
        assert!(found(Purpose::Device, Millis(299_999)) && !found(Purpose::Device, Millis(300_000)));
        assert!(set.find("new", Purpose::Access, Millis(i64::MAX)).is_some());
        assert!(set.find("", Purpose::Access, Millis(0)).is_none());
    }

    #[test]
    fn a_rotation_retires_what_signed_and_drops_what_verifies_nothing_any_more() {
        let at = |seconds| Retired {
            access_until: Seconds(seconds),
            refresh_until: Seconds(seconds / 2),
            device_until: Seconds(seconds),
        };
        let before = KeySet::new(vec![
            key("current", None),
            key("next", None),
            key("old", Some(at(60))),
            key("older", Some(at(50))),
        ]);
        let after = before.succeeded_by(vec![key("next", None), key("new", None)], at(90), Millis(50_000));
        let expected = [
            key("next", None),
            key("new", None),
            key("current", Some(at(90))),
            key("old", Some(at(60))),
        ];
        assert_eq!(after, KeySet::new(expected.into()));
        assert!(after.signs("new") && !after.signs("current") && !after.signs("older"));
    }

    #[test]
    fn a_rotation_told_twice_changes_nothing() {
        let once = Retired {
            access_until: Seconds(100),
            refresh_until: Seconds(200),
            device_until: Seconds(300),
        };
        let twice = Retired {
            access_until: Seconds(101),
            refresh_until: Seconds(201),
            device_until: Seconds(301),
        };
        let before = KeySet::new(vec![key("a", None), key("b", None)]);
        let active = || vec![key("b", None), key("c", None)];
        let after = before.succeeded_by(active(), once, Millis(0));
        assert_eq!(after.succeeded_by(active(), twice, Millis(1000)), after);
    }
}
