//! The `DynamoDB` table. Keys, attribute names and expressions exist below this module and nowhere else.
//!
//! Every read that decides something is strongly consistent. Every write says in its documentation why a repeat
//! of it is harmless, since the SDK, the platform and the phones all repeat.

mod accounts;
mod batch;
mod credentials;
mod end;
mod erase;
mod error;
mod events;
mod expression;
mod items;
mod key_set;
mod keys;
mod login;
mod prune;
mod rate;
mod retry;
mod rotate;
mod sessions;
mod table;
mod transact;

pub use accounts::{Creation, NewAccount};
pub use credentials::{Changed, CredentialChange};
pub use end::{Caller, CallerGone, EndRequest, Ending};
pub use erase::Records;
pub use error::StoreError;
pub use events::EventPage;
pub use login::{Login, LoginOutcome};
pub use prune::{AuditPartition, EventKey, PartitionPage, Removal, StoredEvent, StoredEvents};
pub use rate::{Counts, Tally};
pub use rotate::{Rotate, RotateOutcome};
pub use table::Store;
