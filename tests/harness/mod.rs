//! What the end-to-end tests stand on: a service over a table of its own, and requests made from `events/`.

mod calls;
mod event;
mod faults;
mod grants;
mod keys_secret;
mod meter;
mod moto;
pub mod recorded;
mod tokens;
mod trail;
mod wire;
mod world;

pub use calls::{Access, Call, Calls};
pub use event::{Answer, Event};
pub use faults::Faults;
pub use grants::{Statement, grants};
pub use keys_secret::{KeysSecret, STEPS};
pub use meter::{Meter, Units};
pub use moto::Moto;
pub use tokens::{as_der, claims, forge, forge_raw, forge_unsigned, hmac, mirrored};
pub use trail::{PLENTY, Trail, start};
pub use wire::{Attempt, Fate, Wire};
pub use world::{EMAIL, Function, PASSWORD, Tokens, World};
