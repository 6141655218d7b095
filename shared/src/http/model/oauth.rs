//! What the OAuth endpoints answer, besides tokens.

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{
    auth_method::AuthMethod,
    clock::Seconds,
    ids::{SessionId, TokenId, UserId},
};
#[cfg(feature = "openapi")]
use crate::http::schema;

/// The session of a token has ended, or the token was none: there is nothing to say (RFC 7009 §2.2).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct TokenRevoked {}

/// What a token is (RFC 7662 §2.2): of one that is not active, nothing else is told.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Introspection {
    /// Whether it is an access token of this service that is valid now, and its session active.
    pub active: bool,
    /// What an active token claims.
    #[serde(flatten)]
    pub claims: Option<IntrospectedClaims>,
}

/// An access token's claims.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct IntrospectedClaims {
    /// The issuer.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub iss: String,
    /// The audience.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub aud: String,
    /// The account.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub sub: UserId,
    /// The session.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub sid: SessionId,
    /// The client.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub client_id: String,
    /// Always `bearer`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bearer"))]
    pub token_type: &'static str,
    /// The token's id.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub jti: TokenId,
    /// When it was issued, in seconds since the epoch.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EpochSeconds"))]
    pub iat: Seconds,
    /// When it expires, in seconds since the epoch.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EpochSeconds"))]
    pub exp: Seconds,
    /// When its owner logged in, in seconds since the epoch.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EpochSeconds"))]
    pub auth_time: Seconds,
    /// How its owner logged in (RFC 8176).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::AuthMethods"))]
    pub amr: Vec<AuthMethod>,
}
