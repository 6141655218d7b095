//! What others need to verify tokens: the public keys (RFC 7517) and the metadata (RFC 8414).

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{
    clock::Millis,
    key_set::{KeySet, PublicKey, Purpose},
};
#[cfg(feature = "openapi")]
use crate::http::schema;

/// A JWK Set (RFC 7517 §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct JwkSet {
    /// The keys.
    #[cfg_attr(feature = "openapi", schemars(with = "KeyList"))]
    pub keys: Vec<Jwk>,
}

/// Keys: the current, the next and retired ones.
#[cfg(feature = "openapi")]
type KeyList = schema::Bounded<Jwk, 100>;

impl JwkSet {
    /// The keys that may verify access tokens at `now`.
    #[must_use]
    pub fn new(set: &KeySet, now: Millis) -> Self {
        Self {
            keys: set.verifying(Purpose::Access, now).map(Jwk::from).collect(),
        }
    }
}

/// A P-256 public key (RFC 7517 §4, RFC 7518 §6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Jwk {
    /// The key's type.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EllipticCurve"))]
    pub kty: &'static str,
    /// The curve.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::P256"))]
    pub crv: &'static str,
    /// What it is for.
    #[serde(rename = "use")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Signatures"))]
    pub usage: &'static str,
    /// The algorithm.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Es256"))]
    pub alg: &'static str,
    /// The key's id: its thumbprint (RFC 7638), the tokens' `kid`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Base64Url32"))]
    pub kid: String,
    /// The point's x coordinate.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Base64Url32"))]
    pub x: String,
    /// The point's y coordinate.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Base64Url32"))]
    pub y: String,
}

impl From<&PublicKey> for Jwk {
    fn from(key: &PublicKey) -> Self {
        Self {
            kty: "EC",
            crv: "P-256",
            usage: "sig",
            alg: "ES256",
            kid: key.kid.clone(),
            x: key.x.clone(),
            y: key.y.clone(),
        }
    }
}

/// Authorization server metadata (RFC 8414 §2).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct AuthorizationServer {
    /// The tokens' `iss`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub issuer: String,
    /// Where the public keys are.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub jwks_uri: String,
    /// Where refresh tokens are exchanged.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub token_endpoint: String,
    /// How clients authenticate: not at all.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub token_endpoint_auth_methods_supported: [&'static str; 1],
    /// Where a token's session is ended (RFC 7009).
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub revocation_endpoint: String,
    /// How clients authenticate there: not at all.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub revocation_endpoint_auth_methods_supported: [&'static str; 1],
    /// Where services ask about access tokens (RFC 7662), if that is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub introspection_endpoint: Option<String>,
    /// How they authenticate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub introspection_endpoint_auth_methods_supported: Option<[&'static str; 1]>,
    /// Refreshing is the one grant.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub grant_types_supported: [&'static str; 1],
    /// None: there is no authorization endpoint.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 0>"))]
    pub response_types_supported: [&'static str; 0],
    /// Where passwords are exchanged for tokens. Not a registered member.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub login_endpoint: String,
    /// Where sessions are ended. Not a registered member.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub logout_endpoint: String,
    /// How access tokens are signed. Not a registered member.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub access_token_signing_alg_values_supported: [&'static str; 1],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{clock::Seconds, key_set::Retired};

    #[test]
    fn the_public_document_shows_what_verifies_access_tokens() {
        let key = |kid: &str, retired| PublicKey {
            kid: kid.to_owned(),
            x: "x".to_owned(),
            y: "y".to_owned(),
            retired,
        };
        let retired = Retired {
            access_until: Seconds(100),
            refresh_until: Seconds(200),
            device_until: Seconds(200),
        };
        let set = KeySet::new(vec![key("old", Some(retired)), key("new", None)]);
        let kids = |now| {
            let keys = JwkSet::new(&set, Millis(now)).keys;
            keys.into_iter().map(|jwk| jwk.kid).collect::<Vec<_>>()
        };
        assert_eq!(kids(99_999), ["old", "new"]);
        assert_eq!(kids(100_000), ["new"]);
    }
}
