//! Issued tokens. They have no `Debug`, so no log can show them.

use super::clock::DAY;

/// How long a device token lives: 180 days.
pub const DEVICE_TOKEN_SECONDS: i64 = 180 * DAY;

/// The two tokens that a login or refresh returns.
pub struct IssuedTokens {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// How long the access token lives from now, in seconds.
    pub expires_in: i64,
    /// How long the session lives from now without a refresh, in seconds.
    pub refresh_token_expires_in: i64,
}
