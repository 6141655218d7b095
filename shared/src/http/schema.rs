//! Schemas that types alone do not tell: the bounds of texts, and the bodies that are read field by field.
//!
//! For the API's description only. The bounds are the very constants by which requests are checked.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::model::{EventView, MOST_EVENTS, SessionView};
use crate::{device, email, keys::Jwk, password};

macro_rules! texts {
    ($($(#[$doc:meta])+ $name:ident: $schema:tt)+) => {$(
        $(#[$doc])+
        pub struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

/// Texts without control characters, as ECMA-262 and Rust both read it.
const NO_CONTROLS: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F]*$";
/// Three parts in base64url (RFC 7515 §7.1).
const JWT: &str = "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$";

texts! {
    /// A token in an answer.
    Token: { "type": "string", "minLength": 64, "maxLength": 4096, "pattern": JWT }
    /// A token in a request: whatever is no token of ours is answered with 401, not 422.
    PresentedToken: { "type": "string", "minLength": 1, "maxLength": 4096 }
    /// RFC 6750's token type.
    Bearer: { "type": "string", "enum": ["bearer"] }
    /// A UUID.
    Id: { "type": "string", "format": "uuid", "minLength": 36, "maxLength": 36 }
    /// RFC 3339, UTC, whole seconds.
    Time: {
        "type": "string", "format": "date-time", "minLength": 20, "maxLength": 20,
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
    }
    /// An address, also outside ASCII.
    EmailAddress: { "type": "string", "format": "idn-email", "minLength": 3, "maxLength": email::MAX_BYTES }
    /// A password as it is presented at a login.
    PresentedPassword: {
        "type": "string", "format": "password", "minLength": 1, "maxLength": password::MAX_CHARS,
    }
    /// A device's name or id.
    DeviceText: { "type": "string", "maxLength": device::MAX_CHARS, "pattern": NO_CONTROLS }
    /// An IPv4 or IPv6 address.
    Address: { "type": "string", "minLength": 2, "maxLength": 45, "pattern": "^[0-9A-Fa-f:.]+$" }
    /// A city or a country.
    Place: { "type": "string", "minLength": 1, "maxLength": 100, "pattern": NO_CONTROLS }
    /// A sentence for people: it may name a device.
    Sentence: { "type": "string", "minLength": 1, "maxLength": 400 }
    /// A few words.
    Words: { "type": "string", "maxLength": 100 }
    /// A URL of this service.
    Url: { "type": "string", "format": "uri", "minLength": 8, "maxLength": 300 }
    /// A registered name.
    Name: { "type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[A-Za-z0-9_]+$" }
    /// RFC 9457 §4.2.1.
    AboutBlank: { "type": "string", "format": "uri-reference", "maxLength": 100 }
    /// RFC 6749 §5.2: `invalid_grant` or `invalid_request`.
    OAuthError: { "type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[a-z_]+$" }
    /// RFC 6749 §6.
    RefreshGrant: { "type": "string", "enum": ["refresh_token"] }
    /// A problem code: any, so that a client can read those that are yet to come. Responses name theirs.
    ProblemCode: { "type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[a-z_]+$" }
    /// RFC 7518 §6.1.
    EllipticCurve: { "type": "string", "enum": ["EC"] }
    /// RFC 7518 §6.2.1.1.
    P256: { "type": "string", "enum": ["P-256"] }
    /// RFC 7517 §4.2.
    Signatures: { "type": "string", "enum": ["sig"] }
    /// RFC 7518 §3.1.
    Es256: { "type": "string", "enum": ["ES256"] }
    /// 32 bytes in base64url.
    Base64Url32: { "type": "string", "minLength": 43, "maxLength": 43, "pattern": "^[A-Za-z0-9_-]+$" }
    /// A type of event: any, so that a client can read those that are yet to come.
    EventKind: { "type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[a-z_]+$" }
    /// What says where a page begins.
    Cursor: { "type": "string", "minLength": 70, "maxLength": 70, "pattern": "^[A-Za-z0-9_-]+$" }
    /// How many events a page has.
    PageSize: { "type": "integer", "format": "int32", "minimum": 1, "maximum": MOST_EVENTS, "default": 50 }
    /// The `Idempotency-Key`.
    IdempotencyKey: { "type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]+$" }
}

/// Sessions, as many as an account can have.
pub type SessionList = Bounded<SessionView, 1000>;
/// Events, as many as a page has.
pub type EventList = Bounded<EventView, { MOST_EVENTS as usize }>;
/// Keys: the current, the next and retired ones.
pub type KeyList = Bounded<Jwk, 100>;
/// Fields that do not fit.
pub type FieldList = Bounded<FieldProblem, 16>;

/// A list of at most so many.
pub struct Bounded<T, const MOST: usize>(std::marker::PhantomData<T>);

impl<T: JsonSchema, const MOST: usize> JsonSchema for Bounded<T, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}List", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "maxItems": MOST, "items": items })
    }
}

/// A field that does not fit, and what would.
#[derive(JsonSchema)]
pub struct FieldProblem {
    /// The field, header or parameter.
    #[schemars(with = "Words")]
    pub field: String,
    /// What is wrong, continuing a sentence that begins with the field's name.
    #[schemars(with = "Sentence")]
    pub message: String,
}

/// Who logs in, and on which device.
#[derive(JsonSchema)]
pub struct LoginRequest {
    /// The address. White space around it, letter case and Unicode's other ways of writing it make no difference.
    #[schemars(with = "EmailAddress")]
    pub email: String,
    /// The password, taken as it is.
    #[schemars(with = "PresentedPassword")]
    pub password: String,
    /// The device's name, as its owner will know it. Wins over `X-Device-Name`.
    #[schemars(with = "Option<DeviceText>")]
    pub device_name: Option<String>,
    /// The device's own id, which stays the same from login to login. Wins over `X-Device-Id`.
    #[schemars(with = "Option<DeviceText>")]
    pub device_id: Option<String>,
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
