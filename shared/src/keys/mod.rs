//! The public keys that verify tokens, as they are published in the table and as a JWK Set (RFC 7517).

mod cache;
mod signing;

pub use cache::Keys;
pub use signing::{KeyPair, KeyPairError, SigningKeys};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Millis, Seconds};

/// Every key that tokens may be verified with at present.
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
    /// When it stopped signing, once it has, and what it still verifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retired>,
}

/// What a key that no longer signs is still good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Until when it verifies access tokens.
    pub access_until: Seconds,
    /// Until when it verifies refresh tokens.
    pub refresh_until: Seconds,
}

/// What a token is for: the two kinds are verified differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Access tokens.
    Access,
    /// Refresh tokens.
    Refresh,
}

impl KeySet {
    /// A set of these keys.
    #[must_use]
    pub const fn new(keys: Vec<PublicKey>) -> Self {
        Self(keys)
    }

    /// The key named `kid`, when it may verify tokens of this purpose at `now`.
    #[must_use]
    pub fn find(&self, kid: &str, purpose: Purpose, now: Millis) -> Option<&PublicKey> {
        self.0
            .iter()
            .find(|key| key.kid == kid && key.verifies(purpose, now))
    }

    /// The JWK Set (RFC 7517 §5) of the keys that may verify access tokens at `now`.
    #[must_use]
    pub fn jwk_set(&self, now: Millis) -> Value {
        let usable = self.0.iter().filter(|key| key.verifies(Purpose::Access, now));
        json!({ "keys": usable.map(PublicKey::jwk).collect::<Vec<_>>() })
    }
}

impl PublicKey {
    fn verifies(&self, purpose: Purpose, now: Millis) -> bool {
        self.retired.is_none_or(|retired| {
            let until = match purpose {
                Purpose::Access => retired.access_until,
                Purpose::Refresh => retired.refresh_until,
            };
            now.seconds() < until
        })
    }

    fn jwk(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "kid": self.kid, "x": self.x, "y": self.y,
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
        };
        let set = KeySet::new(vec![key("old", Some(retired)), key("new", None)]);
        let found = |purpose, now| set.find("old", purpose, now).is_some();
        assert!(found(Purpose::Access, Millis(99_999)) && !found(Purpose::Access, Millis(100_000)));
        assert!(found(Purpose::Refresh, Millis(199_999)) && !found(Purpose::Refresh, Millis(200_000)));
        assert!(set.find("new", Purpose::Access, Millis(i64::MAX)).is_some());
        assert!(set.find("", Purpose::Access, Millis(0)).is_none());
    }

    #[test]
    fn the_public_document_shows_what_verifies_access_tokens() {
        let retired = Retired {
            access_until: Seconds(100),
            refresh_until: Seconds(200),
        };
        let set = KeySet::new(vec![key("old", Some(retired)), key("new", None)]);
        let kids = |now| {
            let document = set.jwk_set(Millis(now));
            document["keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|jwk| jwk["kid"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(kids(99_999), ["old", "new"]);
        assert_eq!(kids(100_000), ["new"]);
    }
}
