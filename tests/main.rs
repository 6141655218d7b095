//! Every endpoint, through the events of `events/`.

mod activity;
mod admin;
mod archive;
mod authorizer;
mod bad_tokens;
mod cleanup;
mod edge;
mod events;
mod hostile;
mod jwks;
mod key_set;
mod list;
mod login;
mod logout;
mod logout_all;
mod prune;
mod rate_limits;
mod refresh;
mod retries;
mod revoke;
mod rotation;
mod rotation_emergency;
mod rotation_traffic;
mod security_doc;
mod signers;
mod store;
