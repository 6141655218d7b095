//! Every test but those that need a process of their own, in one binary: each links the SDK and the embedded database.

mod deployment;
mod endpoints;
mod guarantees;
