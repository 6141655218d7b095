//! The same for clients and services that speak OAuth.

use registry::{introspection, logout, refresh};
use serde_json::json;
use shared::http::model::{IntrospectForm, Introspection, RevokeTokenForm, TokenForm, TokenRevoked, Tokens};

use crate::{
    authentication,
    entry::{Entry, form, success},
    examples,
};

/// Its tag.
pub const OAUTH: &str = "oauth";

pub fn token() -> Entry {
    let example = json!({
        "grant_type": "refresh_token",
        "refresh_token": examples::REFRESH_TOKEN,
        "client_id": "mobile",
    });
    Entry {
        operation: refresh::TOKEN,
        tag: OAUTH,
        parameters: authentication::refresh().parameters,
        body: Some(form::<TokenForm>(("success", "A refresh", example))),
        success: success::<Tokens>("The successor.", examples::tokens()),
    }
}

pub fn revoke_token() -> Entry {
    let example = json!({ "token": examples::REFRESH_TOKEN, "token_type_hint": "refresh_token" });
    Entry {
        operation: logout::REVOKE_TOKEN,
        tag: OAUTH,
        parameters: vec![],
        body: Some(form::<RevokeTokenForm>((
            "success",
            "By the refresh token",
            example,
        ))),
        success: success::<TokenRevoked>("The token is not valid (any more).", json!({})),
    }
}

pub fn introspect() -> Entry {
    let example = json!({ "token": examples::ACCESS_TOKEN });
    Entry {
        operation: introspection::OPERATION,
        tag: OAUTH,
        parameters: vec![],
        body: Some(form::<IntrospectForm>(("success", "An access token", example))),
        success: success::<Introspection>(
            "What the token claims if it is active; else only that it is not.",
            examples::introspection(),
        ),
    }
}
