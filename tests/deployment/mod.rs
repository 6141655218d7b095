//! Deployment and documentation match what the code declares.

mod privileges;
mod registration;
mod rooms;
mod security_doc;
mod start;
mod template;
mod units;
