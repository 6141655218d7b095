//! The configured names and lifetimes in tokens.

/// The configured names and lifetimes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// `ISSUER`: the tokens' `iss` (RFC 7519 §4.1.1).
    pub issuer: String,
    /// `AUDIENCE`: the access tokens' `aud`.
    pub audience: String,
    /// `CLIENT_ID` \[`mobile`\]: the access tokens' `client_id` (RFC 9068 §2.2).
    pub client_id: String,
    /// `ACCESS_TOKEN_SECONDS` \[900\]: how long an access token lives.
    pub access_token_seconds: i64,
}

impl TokenSettings {
    /// The device tokens' `aud`, which no other kind of token has.
    #[must_use]
    pub fn device_audience(&self) -> String {
        format!("{}/device", self.issuer)
    }
}
