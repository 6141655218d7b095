//! Public keys as everybody else reads them (RFC 7517).

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

#[cfg(feature = "openapi")]
use crate::http::schema;

/// A JWK Set (RFC 7517 §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct JwkSet {
    /// The keys.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::KeyList"))]
    pub keys: Vec<Jwk>,
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
