//! What the end-to-end tests stand on: a service over a table of its own, and requests made from `events/`.

mod binaries;
mod calls;
mod event;
mod faults;
mod grants;
mod keys_secret;
mod line;
mod meter;
mod moto;
pub mod recorded;
mod requests;
mod table;
mod tokens;
mod trail;
mod wire;
mod world;

pub use binaries::{built, start_process};
pub use calls::{Access, Call, Calls};
pub use event::{Answer, Event};
pub use faults::Faults;
pub use grants::{Statement, grants};
pub use keys_secret::{KeysSecret, STEPS};
pub use line::{Fault, Injection, Lasting, Line, Schedule, turns};
pub use meter::{Meter, Units};
pub use moto::Moto;
pub use requests::{Function, Tokens};
pub use tokens::{as_der, claims, forge, forge_raw, forge_unsigned, hmac, mirrored};
pub use trail::{PLENTY, Trail, start};
pub use wire::{Attempt, Fate, Wire};
pub use world::{Account, EMAIL, PASSWORD, RATE_LIMITS, World};
