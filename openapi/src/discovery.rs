//! What the app's other APIs need to check access tokens.

use registry::jwks;
use shared::http::model::{AuthorizationServer, JwkSet};

use crate::{
    entry::{Entry, Success, success},
    examples,
};

/// Its tag.
pub const DISCOVERY: &str = "discovery";

pub fn metadata() -> Entry {
    Entry {
        operation: jwks::METADATA,
        tag: DISCOVERY,
        parameters: vec![],
        body: None,
        success: Success {
            cache_control: "public, max-age=300",
            ..success::<AuthorizationServer>("The metadata.", examples::metadata())
        },
    }
}

pub fn openid_configuration() -> Entry {
    Entry {
        operation: jwks::OPENID_CONFIGURATION,
        ..metadata()
    }
}

pub fn public_keys() -> Entry {
    Entry {
        operation: jwks::PUBLIC_KEYS,
        tag: DISCOVERY,
        parameters: vec![],
        body: None,
        success: Success {
            cache_control: "public, max-age=300",
            ..success::<JwkSet>("The keys.", examples::jwk_set())
        },
    }
}
