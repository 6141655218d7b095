//! Logging in, staying logged in, logging out.

use registry::{activity, cleanup, list, login, logout, logout_all, refresh, revoke};
use serde_json::json;
use shared::http::{
    model::{
        Done, LoggedIn, LoggedOut, LoginForm, LoginRequest, LogoutAllRequest, LogoutRequest, RefreshForm,
        RefreshRequest, Tokens,
    },
    schema::{DeviceText, IdempotencyKey},
};

use crate::{
    entry::{Entry, Link, Parameter, Success, With, json_body, json_or_form, of, success},
    examples,
};

/// Its tag.
pub const AUTHENTICATION: &str = "authentication";

fn idempotency_key(description: &'static str) -> Parameter {
    Parameter {
        name: "Idempotency-Key",
        place: "header",
        description,
        schema: of::<IdempotencyKey>,
        example: json!("7a1f5c2e-9d3b-4c60-8f0e-2b6d4e8a1c57"),
    }
}

fn device_headers() -> [Parameter; 2] {
    [
        Parameter {
            name: "X-Device-Name",
            place: "header",
            description: "The device's name, as its owner will know it.",
            schema: of::<DeviceText>,
            example: json!("My phone"),
        },
        Parameter {
            name: "X-Device-Id",
            place: "header",
            description: "The device's own id, which stays the same from login to login.",
            schema: of::<DeviceText>,
            example: json!("3f9c2f0e-phone"),
        },
    ]
}

/// Links for a pair of tokens.
fn token_links() -> Vec<Link> {
    let link = |name, target, with| Link { name, target, with };
    vec![
        link("refresh", refresh::OPERATION, With::RefreshToken),
        link("logout", logout::OPERATION, With::RefreshToken),
        link("logoutAll", logout_all::OPERATION, With::Nothing),
        link("listSessions", list::OPERATION, With::Nothing),
        link("listActivity", activity::OPERATION, With::Nothing),
        link(
            "revokeSession",
            revoke::OPERATION,
            With::Parameter("session_id", "$response.body#/session_id"),
        ),
        link("cleanUpSessions", cleanup::OPERATION, With::Nothing),
    ]
}

pub fn login() -> Entry {
    let right = json!({
        "email": "demo@example.com",
        "password": "correct horse battery staple",
        "device_name": "My phone",
        "device_id": "3f9c2f0e-phone",
    });
    let wrong = json!({ "email": "demo@example.com", "password": "a wrong password" });
    let form = json!({ "username": "demo@example.com", "password": "correct horse battery staple" });
    let ticket = json!({
        "ticket": "ZGVtb0BleGFtcGxlLmNvbQ.m3vS0m0T1cket1sN0tG00dAnyM0re00000000000000",
        "device_name": "My phone",
    });
    let [device_name, device_id] = device_headers();
    Entry {
        operation: login::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![
            idempotency_key(
                "16 to 128 visible ASCII characters. Of a login with a ticket only: make a fresh random one for each \
                 ticket, and repeat with the same one until an answer arrives.",
            ),
            device_name,
            device_id,
        ],
        body: Some(json_or_form::<LoginRequest, LoginForm>(
            vec![
                ("success", "A phone logs in", right),
                ("invalid_ticket", "A ticket that is not good any more", ticket),
                ("invalid_credentials", "A wrong password", wrong),
            ],
            ("success", "An OAuth 2 password form", form),
        )),
        success: Success {
            links: token_links(),
            ..success::<LoggedIn>("Logged in: a new session.", examples::logged_in())
        },
    }
}

pub fn refresh() -> Entry {
    let [device_name, device_id] = device_headers();
    Entry {
        operation: refresh::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![
            idempotency_key(
                "16 to 128 visible ASCII characters. Make a fresh random one for each refresh, keep it beside the token \
                 until an answer arrives, and repeat with the same one.",
            ),
            device_name,
            device_id,
        ],
        body: Some(json_or_form::<RefreshRequest, RefreshForm>(
            vec![(
                "success",
                "A refresh",
                json!({ "refresh_token": examples::REFRESH_TOKEN }),
            )],
            (
                "success",
                "A refresh as OAuth 2 sends it",
                json!({ "grant_type": "refresh_token", "refresh_token": examples::REFRESH_TOKEN }),
            ),
        )),
        success: Success {
            links: token_links(),
            ..success::<Tokens>("The successor.", examples::tokens())
        },
    }
}

pub fn logout() -> Entry {
    Entry {
        operation: logout::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![],
        body: Some(json_body::<LogoutRequest>(vec![(
            "success",
            "By the refresh token",
            json!({ "refresh_token": examples::REFRESH_TOKEN }),
        )])),
        success: success::<Done>("Logged out.", examples::done("Logged out successfully")),
    }
}

pub fn logout_all() -> Entry {
    Entry {
        operation: logout_all::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![],
        body: Some(json_body::<LogoutAllRequest>(vec![(
            "success",
            "All other devices",
            json!({ "except_current": true }),
        )])),
        success: success::<LoggedOut>("Logged out.", examples::logged_out()),
    }
}
