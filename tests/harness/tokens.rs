//! Tokens that the service would never issue.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;
use shared::auth::KeyPair;

/// The claims of a token, unverified.
///
/// # Panics
///
/// If it is no JWT.
#[must_use]
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT has three parts");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("the payload is base64url");
    serde_json::from_slice(&bytes).expect("the payload is JSON")
}

/// Signs claims with a key, under its id.
///
/// # Panics
///
/// If they cannot be signed.
#[must_use]
pub fn forge(key: &KeyPair, kid: &str, typ: &str, claims: &Value) -> String {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    jsonwebtoken::encode(&header, claims, &key.encoding_key()).expect("claims can be signed")
}

/// A token with a given header and no signature.
#[must_use]
pub fn forge_unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

/// Signs any header and payload, even malformed ones.
///
/// # Panics
///
/// If they cannot be signed.
#[must_use]
pub fn forge_raw(key: &KeyPair, header: &str, payload: &str) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.encoding_key(), Algorithm::ES256);
    format!("{message}.{}", signature.expect("anything can be signed"))
}

/// RFC 8725 §2.1: an HMAC with a publicly known secret.
///
/// # Panics
///
/// If it cannot be made.
#[must_use]
pub fn hmac(secret: &[u8], typ: &str, kid: &str, claims: &Value) -> String {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).expect("claims can be signed")
}

/// A signature in X.509's format (RFC 3279 §2.2.3) instead of JWS's (RFC 7518 §3.4).
#[must_use]
pub fn as_der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let mut bytes: Vec<_> = bytes.iter().copied().skip_while(|&byte| byte == 0).collect();
        if bytes.first().is_none_or(|&byte| byte >= 0x80) {
            bytes.insert(0, 0);
        }
        [vec![2, length(&bytes)], bytes].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let numbers = [integer(r), integer(s)].concat();
    [vec![0x30, length(&numbers)], numbers].concat()
}

fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).expect("the parts of a P-256 signature are short")
}

/// The token with the other valid signature: (r, -s) for (r, s).
///
/// # Panics
///
/// If it is no JWT with an ES256 signature.
#[must_use]
pub fn mirrored(token: &str) -> String {
    // The order of P-256 (FIPS 186-5).
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (message, signature) = token.rsplit_once('.').expect("a JWT has three parts");
    let mut signature = URL_SAFE_NO_PAD
        .decode(signature)
        .expect("the signature is base64url");
    let mut borrow = false;
    for (digit, order) in signature[32..].iter_mut().zip(ORDER).rev() {
        let (difference, first) = order.overflowing_sub(*digit);
        let (difference, second) = difference.overflowing_sub(u8::from(borrow));
        (*digit, borrow) = (difference, first || second);
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
