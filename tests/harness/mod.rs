//! The end-to-end tests' base: a service with a table of its own, and requests made from `events/`.

mod binaries;
mod event;
mod grants;
mod keys_secret;
mod moto;
pub mod recorded;
mod recorded_calls;
mod requests;
mod service;
mod table;
mod tokens;
mod trail;

pub use binaries::{built, start_process};
pub use event::{Answer, Event};
pub use grants::{Statement, grants};
pub use keys_secret::{KeysSecret, STEPS};
pub use moto::{Moto, python};
pub use recorded_calls::{Access, Call, RecordedCalls};
pub use requests::{SampleRequest, Tokens};
pub use service::{Account, EMAIL, INTROSPECTION_SECRET, PASSWORD, TIMEOUT_FACTOR, TestService};
pub use tokens::{as_der, claims, forge, forge_raw, forge_unsigned, hmac, mirrored};
pub use trail::{PLENTY, Trail, start};
