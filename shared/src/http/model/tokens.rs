//! What a login and a refresh answer.

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{
    account::Credential,
    ids::{SessionId, UserId},
    tokens::IssuedTokens,
};
#[cfg(feature = "openapi")]
use crate::http::schema;

/// A new pair of tokens (RFC 6749 §5.1).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Tokens {
    /// The access token, for `Authorization: Bearer`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Token"))]
    pub access_token: String,
    /// The refresh token, good for one refresh.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Token"))]
    pub refresh_token: String,
    /// Always `bearer`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bearer"))]
    pub token_type: &'static str,
    /// For how many seconds the access token is valid.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 86_400)))]
    pub expires_in: i64,
    /// For how many seconds the session lives without a refresh.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 31_536_000)))]
    pub refresh_token_expires_in: i64,
    /// The session that the tokens belong to.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub session_id: SessionId,
}

impl Tokens {
    /// The tokens issued for a session.
    #[must_use]
    pub fn new(issued: IssuedTokens, session_id: SessionId) -> Self {
        Self {
            access_token: issued.access_token,
            refresh_token: issued.refresh_token,
            token_type: "bearer",
            expires_in: issued.expires_in,
            refresh_token_expires_in: issued.refresh_token_expires_in,
            session_id,
        }
    }
}

/// What a login answers: a pair of tokens, and who logged in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct LoggedIn {
    /// The pair of tokens, whose members stand beside the user.
    #[serde(flatten)]
    pub tokens: Tokens,
    /// What to send with the next login of this address: it keeps strangers who spend the account's limits from locking
    /// this device out. Kept beyond logout.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Token"))]
    pub device_token: String,
    /// Who logged in.
    pub user: User,
}

/// An account, as its owner sees it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct User {
    /// The account's id: the access token's `sub`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub id: UserId,
    /// The address, as it was typed when the account was created.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EmailAddress"))]
    pub email: String,
    /// Whether the account may log in.
    pub is_active: bool,
    /// When the account was created.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Time"))]
    pub created_at: String,
}

impl From<&Credential> for User {
    fn from(credential: &Credential) -> Self {
        let account = &credential.account;
        Self {
            id: account.user_id,
            email: account.email_as_typed.clone(),
            is_active: credential.is_active,
            created_at: account.created_at.to_string(),
        }
    }
}
