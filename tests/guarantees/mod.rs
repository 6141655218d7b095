//! What holds at every function: with bad input, faults, crashes and concurrency.

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
mod request_lines;
mod retries;
mod sequences;
mod shadow;
mod signers;
pub mod store;
mod timeouts;
