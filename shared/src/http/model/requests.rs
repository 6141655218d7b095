//! The bodies that are read field by field: for the API's description only.

use schemars::JsonSchema;

use crate::http::schema::{
    DeviceText, EmailAddress, GivenName, PresentedPassword, PresentedTicket, PresentedToken, RefreshGrant,
    Words,
};

/// Who logs in, by `email` and `password` or by `ticket`, and on which device.
#[derive(JsonSchema)]
pub struct LoginRequest {
    /// The address. White space around it, letter case and Unicode's other ways of writing it make no difference.
    #[schemars(with = "Option<EmailAddress>")]
    pub email: Option<String>,
    /// The password, taken as it is.
    #[schemars(with = "Option<PresentedPassword>")]
    pub password: Option<String>,
    /// A ticket from the app's own backend, in place of `email` and `password`.
    #[schemars(with = "Option<PresentedTicket>")]
    pub ticket: Option<String>,
    /// The device's name, as its owner will know it. Wins over `X-Device-Name`.
    #[schemars(with = "Option<DeviceText>")]
    pub device_name: Option<String>,
    /// The device's own id, which stays the same from login to login. Wins over `X-Device-Id`.
    #[schemars(with = "Option<DeviceText>")]
    pub device_id: Option<String>,
    /// The `device_token` of the last login of this address; `null` on the first. Any other is as none.
    #[schemars(with = "Option<PresentedToken>")]
    pub device_token: Option<String>,
}

/// A login as OAuth 2 password forms send it.
#[derive(JsonSchema)]
#[schemars(inline)]
pub struct LoginForm {
    /// The address.
    #[schemars(with = "EmailAddress")]
    pub username: String,
    /// The password, taken as it is.
    #[schemars(with = "PresentedPassword")]
    pub password: String,
}

/// The token to be exchanged.
#[derive(JsonSchema)]
pub struct RefreshRequest {
    /// The refresh token.
    #[schemars(with = "PresentedToken")]
    pub refresh_token: String,
}

/// A refresh as OAuth 2 sends it (RFC 6749 §6).
#[derive(JsonSchema)]
#[schemars(inline)]
pub struct RefreshForm {
    /// Which grant it is.
    #[schemars(with = "RefreshGrant")]
    pub grant_type: String,
    /// The refresh token.
    #[schemars(with = "PresentedToken")]
    pub refresh_token: String,
}

/// Whose session ends, when it is not the access token's.
#[derive(JsonSchema)]
pub struct LogoutRequest {
    /// A refresh token of the session, also an older one.
    #[schemars(with = "Option<PresentedToken>")]
    pub refresh_token: Option<String>,
}

/// Which sessions end.
#[derive(JsonSchema)]
pub struct LogoutAllRequest {
    /// Whether the session of the access token goes on.
    pub except_current: Option<bool>,
}

/// A device's name.
#[derive(JsonSchema)]
pub struct RenameRequest {
    /// What its owner calls it; `null`, or one without anything visible, takes the name away.
    #[schemars(with = "GivenName")]
    pub device_name: String,
}

/// A refresh of a client that speaks OAuth (RFC 6749 §6).
#[derive(JsonSchema)]
#[schemars(inline)]
pub struct TokenForm {
    /// Which grant it is.
    #[schemars(with = "RefreshGrant")]
    pub grant_type: String,
    /// The refresh token.
    #[schemars(with = "PresentedToken")]
    pub refresh_token: String,
    /// The client: `CLIENT_ID`, if it is sent at all.
    #[schemars(with = "Option<Words>")]
    pub client_id: Option<String>,
}

/// Whose session ends (RFC 7009 §2.1).
#[derive(JsonSchema)]
#[schemars(inline)]
pub struct RevokeTokenForm {
    /// A refresh token or an access token.
    #[schemars(with = "PresentedToken")]
    pub token: String,
    /// Not needed.
    #[schemars(with = "Option<Words>")]
    pub token_type_hint: Option<String>,
    /// The client: `CLIENT_ID`, if it is sent at all.
    #[schemars(with = "Option<Words>")]
    pub client_id: Option<String>,
}

/// Which token is asked for (RFC 7662 §2.1).
#[derive(JsonSchema)]
#[schemars(inline)]
pub struct IntrospectForm {
    /// An access token; any other is not active.
    #[schemars(with = "PresentedToken")]
    pub token: String,
    /// Not needed.
    #[schemars(with = "Option<Words>")]
    pub token_type_hint: Option<String>,
}
