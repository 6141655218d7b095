//! What is deployed and documented is what the code declares.

mod registration;
mod rooms;
