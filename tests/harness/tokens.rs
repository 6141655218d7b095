//! Tokens that the service would never issue.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;
use shared::keys::KeyPair;

/// The claims of a token, unverified.
///
/// # Panics
///
/// When it is no JWT.
#[must_use]
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT has three parts");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("the payload is base64url");
    serde_json::from_slice(&bytes).expect("the payload is JSON")
}

/// Signs claims with a key, under its own id.
///
/// # Panics
///
/// When they cannot be signed.
#[must_use]
pub fn forge(key: &KeyPair, kid: &str, typ: &str, claims: &Value) -> String {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    jsonwebtoken::encode(&header, claims, &key.encoding_key()).expect("claims can be signed")
}

/// A token with a header of the test's choice and no signature.
#[must_use]
pub fn forge_unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

/// RFC 8725 §2.1: an HMAC whose secret is the public key.
///
/// # Panics
///
/// When it cannot be made.
#[must_use]
pub fn hmac_with_public_key(key: &KeyPair, claims: &Value) -> String {
    let public = key.public();
    let kid = Some(public.kid.clone());
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        kid,
        ..Header::new(Algorithm::HS256)
    };
    let secret = EncodingKey::from_secret(format!("{}{}", public.x, public.y).as_bytes());
    jsonwebtoken::encode(&header, claims, &secret).expect("claims can be signed")
}
