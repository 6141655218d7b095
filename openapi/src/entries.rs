//! The operations, each with what its function does not declare: bodies, parameters, answers and examples.

use std::collections::BTreeSet;

use shared::http::Operation;

use crate::{
    authentication::{self, AUTHENTICATION},
    discovery::{self, DISCOVERY},
    entry::Entry,
    oauth::{self, OAUTH},
    sessions::{self, SESSIONS},
};

/// The groups of operations.
pub const TAGS: [(&str, &str); 4] = [
    (AUTHENTICATION, "Logging in, staying logged in, logging out."),
    (SESSIONS, "The devices that are logged in."),
    (
        DISCOVERY,
        "What the app's other APIs need to check access tokens.",
    ),
    (OAUTH, "The same for clients and services that speak OAuth 2.0."),
];
/// All declared operations.
#[must_use]
pub fn operations() -> Vec<Operation> {
    all().iter().map(|entry| entry.operation).collect()
}

/// The paths, in the order of the operations.
pub fn paths() -> Vec<&'static str> {
    all().iter().map(|entry| entry.operation.route.path).collect()
}

/// All operations, in reading order.
///
/// # Panics
///
/// If an operation of the registry has no entry here.
pub fn all() -> Vec<Entry> {
    let entries = vec![
        authentication::login(),
        authentication::refresh(),
        authentication::logout(),
        authentication::logout_all(),
        sessions::list(),
        sessions::activity(),
        sessions::rename(),
        sessions::revoke(),
        sessions::cleanup(),
        discovery::public_keys(),
        discovery::metadata(),
        discovery::openid_configuration(),
        oauth::token(),
        oauth::revoke_token(),
        oauth::introspect(),
    ];
    let described: BTreeSet<_> = entries.iter().map(|entry| entry.operation.id).collect();
    let declared: BTreeSet<_> = registry::endpoints()
        .map(|endpoint| endpoint.operation.id)
        .collect();
    assert_eq!(
        described, declared,
        "openapi/src/entries.rs must list an entry for each operation of crates/registry"
    );
    entries
}
