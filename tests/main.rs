//! All tests that do not need their own process, in one binary, since each links the SDK and the embedded database.

mod deployment;
mod endpoints;
mod guarantees;
