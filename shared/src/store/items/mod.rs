//! How sessions, events and accounts are stored.

mod account;
mod codec;
mod event;
mod session;
#[cfg(test)]
mod tests;
mod ticket;

pub(super) use account::{address, credential, credential_item, profile, profile_item};
pub(super) use codec::{read, write};
pub(super) use event::{event, event_item, event_owner_and_id, unknown_login_item};
pub(super) use session::{encode_hash, session, session_agent, session_item};
pub(super) use ticket::ticket_value;
