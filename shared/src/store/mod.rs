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
mod rotate;
mod sessions;
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

use std::time::Duration;

use aws_sdk_dynamodb::Client;

use crate::ids::Ids;

/// How long after a transaction a query may still miss some of its items: generously, since `DynamoDB` applies them
/// one after the other within milliseconds but promises no time (its queries are read-committed).
const SETTLING: Duration = Duration::from_millis(100);

/// The table, through the AWS SDK's client. Clones share the client.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
    ids: Ids,
}

impl Store {
    /// The table named `table`. `ids` gives the transactions their request tokens.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, ids: Ids) -> Self {
        Self {
            client,
            table: table.into(),
            ids,
        }
    }
}
