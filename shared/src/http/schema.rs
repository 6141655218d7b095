//! Schemas that types alone do not tell: the bounds of texts and lists.
//!
//! For the API's description only. The bounds are the very constants by which requests are checked.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::domain::{
    audit::{EventType, MAX_EVENTS_PER_PAGE},
    device, email, password,
    ticket::MAX_AMR,
};

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
    /// A time of a token: seconds since the epoch (RFC 7519 §2).
    EpochSeconds: { "type": "integer", "format": "int64", "minimum": 0, "maximum": 253_402_300_799_i64 }
    /// An address, also outside ASCII.
    EmailAddress: { "type": "string", "format": "idn-email", "minLength": 3, "maxLength": email::MAX_BYTES }
    /// A password as it is presented at a login.
    PresentedPassword: {
        "type": "string", "format": "password", "minLength": 1, "maxLength": password::MAX_CHARS,
    }
    /// A device's name or id.
    DeviceText: { "type": "string", "maxLength": device::MAX_CHARS, "pattern": NO_CONTROLS }
    /// A device's name as its owner gives it, or takes it away.
    GivenName: { "type": ["string", "null"], "minLength": 1, "maxLength": device::MAX_CHARS }
    /// An IPv4 or IPv6 address.
    Address: { "type": "string", "minLength": 2, "maxLength": 45, "pattern": "^[0-9A-Fa-f:.]+$" }
    /// A city or a country.
    Place: { "type": "string", "minLength": 1, "maxLength": 100, "pattern": NO_CONTROLS }
    /// A sentence for people: it may name a device.
    Sentence: { "type": "string", "minLength": 1, "maxLength": 400 }
    /// RFC 6749 §5.2.
    ErrorDescription: { "type": "string", "minLength": 1, "maxLength": 400, "pattern": "^[ !#-\\[\\]-~]+$" }
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
    /// Authentication methods: any, like types of events.
    AuthMethods: {
        "type": "array",
        "maxItems": MAX_AMR,
        "items": { "type": "string", "minLength": 1, "maxLength": 20, "pattern": "^[a-z]+$" }
    }
    /// A ticket in a request: whatever is no ticket of ours is answered with 401, not 422.
    PresentedTicket: { "type": "string", "minLength": 1, "maxLength": 1024 }
    /// What says where a page begins.
    Cursor: { "type": "string", "minLength": 70, "maxLength": 70, "pattern": "^[A-Za-z0-9_-]+$" }
    /// How many events a page has.
    PageSize: { "type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_EVENTS_PER_PAGE, "default": 50 }
    /// The `Idempotency-Key`.
    IdempotencyKey: { "type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]+$" }
}

/// The types of events that are asked for.
pub struct EventTypes;

impl JsonSchema for EventTypes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EventTypes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<KnownEventType>();
        json_schema!({ "type": "array", "items": one, "maxItems": EventType::ALL.len() })
    }
}

/// One of them: a named component, because generated clients would call an enumeration in a parameter after that.
struct KnownEventType;

impl JsonSchema for KnownEventType {
    fn schema_name() -> Cow<'static, str> {
        "EventType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = EventType::ALL.map(EventType::name);
        json_schema!({
            "description": "A type of event that this version knows.",
            "type": "string",
            "enum": names,
        })
    }
}

/// A list of at most so many.
pub struct Bounded<T, const MAX: usize>(std::marker::PhantomData<T>);

impl<T: JsonSchema, const MAX: usize> JsonSchema for Bounded<T, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}List", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "maxItems": MAX, "items": items })
    }
}
