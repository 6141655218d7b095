//! The development stack: `make dev` and `make dev-db` run this crate's binary, and the tests use its embedded
//! `DynamoDB`. Nothing here is ever deployed.

pub mod create;
pub mod db;
pub mod error;
mod http;
pub mod import;
pub mod process;
pub mod project;
pub mod seed;
pub mod session;
pub mod settings;
mod shutdown;
pub mod stack;
pub mod table;
pub mod template;
pub mod terminal;
mod watch;
