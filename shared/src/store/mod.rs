//! The `DynamoDB` table. Keys, attribute names and expressions appear in this module and nowhere else.
//!
//! Every read that a decision depends on is strongly consistent. Every write documents why a retry is harmless, since
//! the SDK, the platform and the phones all retry.

mod accounts;
mod change_email;
mod credentials;
mod deletes;
mod deletion;
mod error;
mod events;
mod expression;
mod item_keys;
mod items;
mod key_set;
mod login;
mod prune;
mod rate_counters;
mod rename;
mod retry;
mod revoke;
mod rotate;
mod sessions;
mod table;
mod tickets;
mod transaction;

pub use accounts::{CreateOutcome, NewAccount};
pub use change_email::{EmailOutcome, NewAddress};
pub use credentials::{ChangeOutcome, CredentialChange};
pub use deletion::RecordKind;
pub use error::StoreError;
pub use events::EventPage;
pub use login::{LoginCommit, LoginOutcome, LoginProof};
pub use prune::{AuditPartition, EventRef, PartitionPage, StoredEvent, StoredEvents};
pub use rate_counters::{CountOutcome, RateCounters};
pub use rename::{RenameOutcome, RenameRequest};
pub use revoke::{RevokeError, RevokeOutcome, RevokeRequest};
pub use rotate::{RotateOutcome, RotateRequest};
pub use table::Store;
pub use tickets::AddTicketOutcome;
