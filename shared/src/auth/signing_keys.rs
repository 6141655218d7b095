//! The private keys.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::EncodingKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{
    digest::sha256,
    key_set::{KeySet, PublicKey},
};

/// The secret's two keys: the one that signs, and the one that will sign after the next rotation.
///
/// As JSON: `{"current": "<PKCS #8, base64>", "next": "<PKCS #8, base64>", "epoch": 0}`.
#[derive(Clone, Debug, Serialize)]
pub struct SigningKeys {
    /// Signs now.
    pub current: KeyPair,
    /// Already published, so that every verifier knows it in time.
    pub next: KeyPair,
    /// How many emergency rotations preceded them: [`epoch`](crate::domain::key_set::PublishedKeys::epoch).
    pub epoch: u64,
}

/// Why signing keys are invalid. Never shows what was read.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// Not JSON.
    #[error("it is not JSON")]
    Json,
    /// JSON of another shape.
    #[error("it is no object with the strings `current` and `next`")]
    Shape,
    /// An invalid key.
    #[error("`{0}`: {1}")]
    Key(&'static str, KeyPairError),
}

impl SigningKeys {
    /// Makes two keys of `epoch`.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot make a key.
    pub fn generate(epoch: u64) -> Result<Self, KeyPairError> {
        Ok(Self {
            current: KeyPair::generate()?,
            next: KeyPair::generate()?,
            epoch,
        })
    }

    /// The keys after a rotation: `next` becomes current, and a new key comes next.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot make a key.
    pub fn successor(&self) -> Result<Self, KeyPairError> {
        Ok(Self {
            current: self.next.clone(),
            next: KeyPair::generate()?,
            epoch: self.epoch,
        })
    }

    /// Parses the JSON form. `None` if it is an empty object, as a secret is until its first rotation.
    ///
    /// # Errors
    ///
    /// If the text is neither.
    pub fn parse(text: &str) -> Result<Option<Self>, SigningKeysError> {
        let value: Value = serde_json::from_str(text).map_err(|_| SigningKeysError::Json)?;
        if value == json!({}) {
            return Ok(None);
        }
        let stored = Stored::deserialize(value).map_err(|_| SigningKeysError::Shape)?;
        let key = |name, text: &str| KeyPair::parse(text).map_err(|error| SigningKeysError::Key(name, error));
        Ok(Some(Self {
            current: key("current", &stored.current)?,
            next: key("next", &stored.next)?,
            epoch: stored.epoch,
        }))
    }

    /// The JSON form.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("two strings and a number are always JSON")
    }

    /// The public halves, as verifiers need them.
    #[must_use]
    pub fn public(&self) -> KeySet {
        KeySet::new(vec![self.current.public.clone(), self.next.public.clone()])
    }
}

#[derive(Deserialize)]
struct Stored {
    current: String,
    next: String,
    #[serde(default)]
    epoch: u64,
}

/// An ES256 (P-256, SHA-256; RFC 7518 §3.4) key pair. `Debug` shows the key id only.
#[derive(Clone)]
pub struct KeyPair {
    pkcs8: Vec<u8>,
    public: PublicKey,
}

/// Why a key pair is invalid.
#[derive(Debug, thiserror::Error)]
pub enum KeyPairError {
    /// Not base64.
    #[error("not base64")]
    Encoding(#[from] base64::DecodeError),
    /// Not a P-256 private key in PKCS #8.
    #[error("not a P-256 private key in PKCS #8: {0}")]
    Rejected(#[from] aws_lc_rs::error::KeyRejected),
    /// The library failed without a reason.
    #[error("the cryptographic library failed: {0}")]
    Failed(#[from] aws_lc_rs::error::Unspecified),
}

impl KeyPair {
    /// A new key pair.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot make a key.
    pub fn generate() -> Result<Self, KeyPairError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Self::from_pkcs8(pair.to_pkcs8v1()?.as_ref().to_vec())
    }

    /// Reads a PKCS #8 document (DER).
    ///
    /// # Errors
    ///
    /// If it is not a P-256 private key.
    pub fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, KeyPairError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)?;
        // SEC 1 §2.3.3, uncompressed: 0x04, then x and y of 32 bytes each.
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let public = PublicKey {
            kid: thumbprint(&x, &y),
            x,
            y,
            retired: None,
        };
        Ok(Self { pkcs8, public })
    }

    fn parse(base64: &str) -> Result<Self, KeyPairError> {
        Self::from_pkcs8(STANDARD.decode(base64)?)
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The private half, for `jsonwebtoken`.
    #[must_use]
    pub fn encoding_key(&self) -> EncodingKey {
        EncodingKey::from_ec_der(&self.pkcs8)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public.kid)
    }
}

impl Serialize for KeyPair {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.pkcs8))
    }
}

/// RFC 7638 §3: the digest of the required members in lexicographic order, without white space.
fn thumbprint(x: &str, y: &str) -> String {
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_json_form() {
        let keys = SigningKeys::generate(3).unwrap();
        let json = keys.to_json();
        let read = SigningKeys::parse(&json).unwrap().unwrap();
        assert_eq!((read.public(), read.epoch), (keys.public(), 3));
        assert_ne!(keys.current.public(), keys.next.public());
    }

    #[test]
    fn keys_written_before_there_were_epochs_are_of_the_first() {
        let mut json = serde_json::to_value(SigningKeys::generate(3).unwrap()).unwrap();
        json.as_object_mut().unwrap().remove("epoch");
        assert_eq!(SigningKeys::parse(&json.to_string()).unwrap().unwrap().epoch, 0);
    }

    #[test]
    fn only_an_empty_object_means_that_there_are_no_keys_yet() {
        assert!(SigningKeys::parse(" {} ").unwrap().is_none());
        for other in ["", "null", "[]", "\"secret\"", r#"{"password": "secret"}"#] {
            let message = SigningKeys::parse(other).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn a_rotation_makes_the_next_key_current() {
        let keys = SigningKeys::generate(2).unwrap();
        let after = keys.successor().unwrap();
        assert_eq!((after.current.public(), after.epoch), (keys.next.public(), 2));
        assert_ne!(after.next.public(), keys.next.public());
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let error = SigningKeys::parse(r#"{"current": "c2VjcmV0", "next": "c2VjcmV0"}"#);
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("`current`: not a P-256 private key") && !message.contains("c2VjcmV0"),
            "{message}"
        );
        let pair = KeyPair::generate().unwrap();
        assert!(!format!("{pair:?}").contains(&STANDARD.encode(&pair.pkcs8)[..16]));
    }

    #[test]
    fn the_key_id_is_the_thumbprint() {
        // The key of RFC 7517 appendix A.1.
        let x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
        let y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
        assert_eq!(thumbprint(x, y), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
        assert_eq!(KeyPair::generate().unwrap().public().kid.len(), 43);
    }
}
