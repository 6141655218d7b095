//! Other users' records, so that a table is as big as it shall be.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use shared::ids::{Ids, SessionId, UserId};

use crate::{Outcome, stage::Stage};

/// As many as one request takes.
const BATCH: usize = 25;
/// How many requests are under way at once.
const AT_ONCE: usize = 4;

type Item = HashMap<String, AttributeValue>;

/// Fills a table with copies of one user's records, each copy another user's.
pub struct Filler {
    table: String,
    client: Client,
    ids: Ids,
    /// User, session and address.
    ids_of_original: [String; 3],
    originals: Vec<Item>,
    items: usize,
}

impl Filler {
    /// What a login leaves behind, as the table of `stage` has it: the stage must be new.
    ///
    /// # Errors
    ///
    /// When the table cannot be read or written.
    pub async fn new(stage: &Stage) -> Outcome<Self> {
        let email = stage.account().await?;
        let session = stage.phone(&email).await?.session;
        let (user, session) = (session.user_id.to_string(), session.id.to_string());
        let table = stage.state.config.table_name.clone();
        let found = stage
            .client
            .scan()
            .table_name(&table)
            .consistent_read(true)
            .send()
            .await?;
        let items = found.items().len();
        let belongs = |item: &Item| {
            item.values()
                .any(|value| value.as_s().is_ok_and(|text| text.contains(&user)))
        };
        let originals: Vec<_> = found
            .items()
            .iter()
            .filter(|item| belongs(item))
            .cloned()
            .collect();
        if originals.len() < 4 {
            return Err(
                "a login left less behind than an account, its credential, a session and events".into(),
            );
        }
        Ok(Self {
            table,
            client: stage.client.clone(),
            ids: stage.state.ids.clone(),
            ids_of_original: [user, session, email],
            originals,
            items,
        })
    }

    /// Adds records until the table has about so many.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn fill(&mut self, items: usize) -> Outcome<()> {
        let mut waiting = Vec::new();
        while self.items < items {
            let mut batches = Vec::new();
            while batches.len() < AT_ONCE && self.items < items {
                while waiting.len() < BATCH {
                    waiting.extend(self.another_user());
                }
                let rest = waiting.split_off(BATCH);
                let batch = std::mem::replace(&mut waiting, rest);
                self.items += batch.len();
                batches.push(tokio::spawn(write(
                    self.client.clone(),
                    self.table.clone(),
                    batch,
                )));
            }
            for batch in batches {
                batch.await??;
            }
            if self.items % 5000 < AT_ONCE * BATCH {
                crate::progress(&format!("filling the table: {} of {items} items", self.items));
            }
        }
        Ok(())
    }

    fn another_user(&self) -> Vec<Item> {
        let (user, session): (UserId, SessionId) = (
            self.ids.user(),
            self.ids.session(shared::clock::Clock::system().now()),
        );
        let ids = [
            user.to_string(),
            session.to_string(),
            format!("{user}@example.com"),
        ];
        let copy = |value: &AttributeValue| match value {
            AttributeValue::S(text) => {
                let pairs = self.ids_of_original.iter().zip(&ids);
                AttributeValue::S(pairs.fold(text.clone(), |text, (old, new)| text.replace(old, new)))
            }
            other => other.clone(),
        };
        let copy = |item: &Item| {
            item.iter()
                .map(|(name, value)| (name.clone(), copy(value)))
                .collect()
        };
        self.originals.iter().map(copy).collect()
    }
}

async fn write(client: Client, table: String, items: Vec<Item>) -> Outcome<()> {
    let put = |item| -> Outcome<WriteRequest> {
        let put = PutRequest::builder().set_item(Some(item)).build()?;
        Ok(WriteRequest::builder().put_request(put).build())
    };
    let requests: Outcome<Vec<_>> = items.into_iter().map(put).collect();
    let answer = client
        .batch_write_item()
        .request_items(table, requests?)
        .send()
        .await?;
    match answer.unprocessed_items() {
        Some(left) if !left.is_empty() => Err("the database left items out".into()),
        _ => Ok(()),
    }
}
