//! Each function, through the events in `events/`.

mod activity;
mod admin;
mod archive;
mod authorizer;
mod cleanup;
mod introspection;
mod jwks;
mod list;
mod login;
mod logout;
mod logout_all;
mod oauth;
mod prune;
mod refresh;
mod rename;
mod revoke;
mod rotate_keys;
mod rotation_emergency;
mod rotation_traffic;
mod ticket;
