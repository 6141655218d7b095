//! Sessions, accounts, audit events, public keys, errors and time. Knows no HTTP, `DynamoDB` or other module.

pub mod account;
pub mod audit;
pub mod auth_method;
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
pub mod text;
pub mod ticket;
pub mod tokens;
