//! Sessions, accounts, audit events, keys as data, errors and time: no HTTP, no `DynamoDB`, and no other room.

pub mod account;
pub mod audit;
pub mod clock;
pub mod day;
pub mod device;
pub mod digest;
pub mod email;
pub mod error;
pub mod ids;
pub mod key_set;
pub mod password;
pub mod rate;
pub mod session;
pub mod tokens;
