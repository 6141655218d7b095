//! What holds at every function: whatever is sent, fails, crashes or happens at once.

mod bad_tokens;
mod crashes;
mod edge;
mod events;
mod faults;
mod hostile;
mod key_set;
mod model;
mod preamble;
mod races;
mod rate_limits;
mod replay;
mod retries;
mod sequences;
mod signers;
pub mod store;
