//! What the end-to-end tests stand on: a service over a table of its own, and requests made from `events/`.

mod calls;
mod event;
mod moto;
mod tokens;
mod world;

pub use calls::{Access, Call, Calls};
pub use event::{Answer, Event};
pub use moto::Moto;
pub use tokens::{claims, forge, forge_unsigned, hmac_with_public_key};
pub use world::{EMAIL, Function, PASSWORD, Tokens, World};
