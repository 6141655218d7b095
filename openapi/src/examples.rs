//! Example answers, built from the functions' response types, so that no member can be missing.

use serde_json::{Value, json};
use shared::{
    domain::{
        audit::EventType,
        auth_method::AuthMethod,
        clock::{Millis, Seconds},
        error::FieldError,
        ids::{SessionId, UserId},
        key_set::{KeySet, PublicKey},
    },
    http::{
        Code, ErrorFormat, OAuthError, Operation, Problem,
        model::{
            Activity, Done, EventView, IntrospectedClaims, Introspection, JwkSet, LoggedIn, LoggedOut,
            SessionView, Sessions, Tokens, User,
        },
    },
    runtime::config::Config,
};

/// A session id.
pub const SESSION: &str = "01a20b6b-6898-7d21-b5c3-6a3f0f1e2d4c";
/// A fake access token: three parts in base64url.
pub const ACCESS_TOKEN: &str =
    "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImV4YW1wbGUifQ.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl";
/// A fake refresh token.
pub const REFRESH_TOKEN: &str =
    "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImV4YW1wbGUifQ.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl";
/// A fake device token.
pub const DEVICE_TOKEN: &str = "eyJ0eXAiOiJkZXZpY2Urand0IiwiYWxnIjoiRVMyNTYiLCJraWQiOiJleGFtcGxlIn0.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl";
/// A fake cursor.
pub const CURSOR: &str = "MDFhMjBiNmItNjg5OC03ZDIxLWI1YzMtNmEzZjBmMWUyZDRkZXhhbXBsZS1vbmx5LWFiYw";
/// A time.
const TIME: &str = "2026-11-24T02:38:38Z";

fn session_id() -> SessionId {
    SESSION.parse().expect("the example is a UUID")
}

fn user_id() -> UserId {
    let id = "9f86d081-884c-4d65-9a2f-eaa0c55ad015".parse();
    id.expect("the example is a UUID")
}

fn pair() -> Tokens {
    Tokens {
        access_token: ACCESS_TOKEN.to_owned(),
        refresh_token: REFRESH_TOKEN.to_owned(),
        token_type: "bearer",
        expires_in: 900,
        refresh_token_expires_in: 604_800,
        session_id: session_id(),
    }
}

pub fn tokens() -> Value {
    json!(pair())
}

pub fn logged_in() -> Value {
    let id = user_id();
    json!(LoggedIn {
        tokens: pair(),
        device_token: DEVICE_TOKEN.to_owned(),
        user: User {
            id,
            email: "demo@example.com".to_owned(),
            is_active: true,
            created_at: TIME.to_owned(),
        },
    })
}

fn session_view() -> SessionView {
    SessionView {
        id: session_id(),
        device_name: "My phone".to_owned(),
        device_id: Some("3f9c2f0e-phone".to_owned()),
        ip_address: Some([203, 0, 113, 7].into()),
        location_city: Some("Lisbon".to_owned()),
        location_country: Some("PT".to_owned()),
        last_used_at: TIME.to_owned(),
        created_at: TIME.to_owned(),
        expires_at: "2026-12-01T02:38:38Z".to_owned(),
        is_current: true,
    }
}

pub fn session() -> Value {
    json!(session_view())
}

pub fn sessions() -> Value {
    json!(Sessions {
        sessions: vec![session_view()],
        total: 1,
    })
}

pub fn activity() -> Value {
    let event = EventView {
        id: "01a20b6b-6898-7d21-b5c3-6a3f0f1e2d4d"
            .parse()
            .expect("the example is a UUID"),
        event_type: EventType::LoginSucceeded,
        at: TIME.to_owned(),
        session_id: Some(session_id()),
        device_name: Some("My phone".to_owned()),
        amr: Some(vec![AuthMethod::Pwd]),
        ip_address: Some([203, 0, 113, 7].into()),
        location_city: Some("Lisbon".to_owned()),
        location_country: Some("PT".to_owned()),
        is_current: true,
    };
    json!(Activity {
        events: vec![event],
        next_cursor: Some(CURSOR.to_owned()),
    })
}

pub fn done(message: &str) -> Value {
    json!(Done {
        success: true,
        message: message.to_owned(),
    })
}

pub fn logged_out() -> Value {
    json!(LoggedOut {
        success: true,
        message: "Successfully logged out from 2 sessions".to_owned(),
        count: 2,
    })
}

pub fn jwk_set() -> Value {
    let key = PublicKey {
        kid: "Vqk0HfJ2Qv0m1nq4ZK3dVd1uH6xw0mYg0b7v3cQ8rJk".to_owned(),
        x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".to_owned(),
        y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".to_owned(),
        retired: None,
    };
    json!(JwkSet::new(&KeySet::new(vec![key]), Millis(0)))
}

pub fn metadata() -> Value {
    let required = |name: &str| match name {
        "TABLE_NAME" | "AUDIENCE" => Some("holdfast".to_owned()),
        "ISSUER" => Some("https://abcdefghij.execute-api.eu-central-1.amazonaws.com".to_owned()),
        "INTROSPECTION_SECRET_ID" => Some("introspection".to_owned()),
        _ => None,
    };
    let config = Config::from_lookup(required).expect("all else has a default");
    json!(registry::jwks::metadata(&config))
}

pub fn introspection() -> Value {
    let token_id = "kO3Zb1Xh0Yq7uF5rT2mWcA"
        .parse()
        .expect("the example is a token id");
    json!(Introspection {
        active: true,
        claims: Some(IntrospectedClaims {
            iss: "https://auth.example.com".to_owned(),
            aud: "https://api.example.com".to_owned(),
            sub: user_id(),
            sid: session_id(),
            client_id: "mobile".to_owned(),
            token_type: "bearer",
            jti: token_id,
            iat: Seconds(1_795_487_918),
            exp: Seconds(1_795_488_818),
            auth_time: Seconds(1_795_487_918),
            amr: vec![AuthMethod::Pwd],
        }),
    })
}

/// A problem as this operation returns it.
pub fn problem(operation: &Operation, code: Code) -> Value {
    if operation.route.errors == ErrorFormat::OAuth {
        let field = if operation.id == "token" {
            "refresh_token"
        } else {
            "token"
        };
        let description = match code {
            Code::MalformedRequest => {
                Some("The body is no form: send application/x-www-form-urlencoded.".to_owned())
            }
            Code::UnsupportedMediaType => {
                Some("The body is compressed: send it as it is, without Content-Encoding.".to_owned())
            }
            Code::ValidationFailed => Some(format!("{field} is required")),
            _ => None,
        };
        let error = OAuthError::for_code(code);
        return json!(OAuthError {
            error_description: description.unwrap_or(error.error_description),
            ..error
        });
    }
    let field = match operation.id {
        "login" => FieldError::new("email", "must be an email address, such as name@example.com"),
        "refresh" => FieldError::new("refresh_token", "is required"),
        "logout" => FieldError::new("refresh_token", "must be a string"),
        "logoutAll" => FieldError::new("except_current", "must be true or false"),
        "revokeSession" => FieldError::new("session_id", "is not a session id (a UUID)"),
        _ => FieldError::new("limit", "must be a whole number from 1 to 100"),
    };
    let errors = if code == Code::ValidationFailed {
        vec![field]
    } else {
        Vec::new()
    };
    json!(Problem {
        request_id: "JKJaXmPLvHcESHA=",
        errors: &errors,
        ..Problem::for_code(code, operation.route.errors)
    })
}
