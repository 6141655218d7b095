//! Creates the table, or recognises an existing one.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{
    KeySchemaElement, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::table::TableDefinition;

const MAX_WAIT: Duration = Duration::from_mins(1);

/// Whether the table had to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The table is new and empty.
    New,
    /// A table with the same keys, indexes and TTL attribute existed.
    Existed,
}

impl TableDefinition {
    /// Creates the table under the given name and enables its TTL, unless it exists already.
    ///
    /// Safe to repeat and to run concurrently.
    ///
    /// # Errors
    ///
    /// [`Error::DifferentTable`] if a table of that name has other keys, indexes or another TTL attribute;
    /// [`Error::TableNotActive`] if it is not usable within a minute; [`Error::DynamoDb`] for every error from
    /// `DynamoDB`.
    pub async fn create(&self, client: &Client, name: &str) -> Result<Created, Error> {
        let request = client
            .create_table()
            .table_name(name)
            .billing_mode(Self::billing_mode())
            .set_attribute_definitions(Some(self.attributes.clone()))
            .set_key_schema(Some(self.keys.clone()))
            .set_global_secondary_indexes(Some(self.indexes.clone()).filter(|indexes| !indexes.is_empty()));
        let created = match request.send().await {
            Ok(_) => Created::New,
            Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => {
                Created::Existed
            }
            Err(error) => return Err(Error::dynamodb("CreateTable", name, &error)),
        };
        let table = wait_until_active(client, name).await?;
        if created == Created::Existed {
            compare(self, name, &table)?;
        }
        enable_ttl(self, client, name).await?;
        Ok(created)
    }
}

async fn wait_until_active(client: &Client, name: &str) -> Result<TableDescription, Error> {
    let started = Instant::now();
    loop {
        let answer = client
            .describe_table()
            .table_name(name)
            .send()
            .await
            .map_err(|error| Error::dynamodb("DescribeTable", name, &error))?;
        let table = answer
            .table
            .unwrap_or_else(|| TableDescription::builder().build());
        if table.table_status == Some(TableStatus::Active) {
            return Ok(table);
        }
        if started.elapsed() >= MAX_WAIT {
            let status = table
                .table_status
                .map_or("in no state".to_owned(), |status| status.to_string());
            return Err(Error::TableNotActive {
                table: name.to_owned(),
                status,
                seconds: MAX_WAIT.as_secs(),
            });
        }
        sleep(Duration::from_millis(250)).await;
    }
}

fn compare(definition: &TableDefinition, name: &str, table: &TableDescription) -> Result<(), Error> {
    let different = |what, found, expected| {
        if found == expected {
            return Ok(());
        }
        Err(Error::DifferentTable {
            table: name.to_owned(),
            what,
            found,
            expected,
        })
    };
    let of_attributes = |attributes: &[aws_sdk_dynamodb::types::AttributeDefinition]| {
        let mut all: Vec<_> = attributes
            .iter()
            .map(|a| format!("{} {}", a.attribute_name, a.attribute_type))
            .collect();
        all.sort();
        all.join(", ")
    };
    different(
        "keys",
        describe_keys(table.key_schema()),
        describe_keys(&definition.keys),
    )?;
    let mut found: Vec<_> = table
        .global_secondary_indexes()
        .iter()
        .map(|index| describe_index(index.index_name(), index.key_schema(), index.projection()))
        .collect();
    let mut expected: Vec<_> = definition
        .indexes
        .iter()
        .map(|index| describe_index(Some(index.index_name()), index.key_schema(), index.projection()))
        .collect();
    found.sort();
    expected.sort();
    different("indexes", found.join("; "), expected.join("; "))?;
    let found = of_attributes(table.attribute_definitions());
    different("attribute types", found, of_attributes(&definition.attributes))
}

fn describe_keys(keys: &[KeySchemaElement]) -> String {
    let names: Vec<_> = keys
        .iter()
        .map(|key| format!("{} {}", key.attribute_name, key.key_type))
        .collect();
    names.join(", ")
}

fn describe_index(
    name: Option<&str>,
    keys: &[KeySchemaElement],
    projection: Option<&aws_sdk_dynamodb::types::Projection>,
) -> String {
    let kind = projection.and_then(|projection| projection.projection_type.clone());
    let kind = kind.map_or("unknown projection".to_owned(), |kind| kind.to_string());
    format!("{} ({}; {kind})", name.unwrap_or("unnamed"), describe_keys(keys))
}

/// `UpdateTimeToLive` rejects a repeat, so the current setting is read first.
async fn enable_ttl(definition: &TableDefinition, client: &Client, name: &str) -> Result<(), Error> {
    let Some(expected) = &definition.ttl_attribute else {
        return Ok(());
    };
    let answer = client
        .describe_time_to_live()
        .table_name(name)
        .send()
        .await
        .map_err(|error| Error::dynamodb("DescribeTimeToLive", name, &error))?;
    if let Some(current) = answer.time_to_live_description
        && let Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) = current.time_to_live_status
    {
        let found = current.attribute_name.unwrap_or_default();
        if found == *expected {
            return Ok(());
        }
        return Err(Error::DifferentTable {
            table: name.to_owned(),
            what: "TTL attributes",
            found,
            expected: expected.clone(),
        });
    }
    let specification = TimeToLiveSpecification::builder()
        .attribute_name(expected)
        .enabled(true)
        .build()
        .expect("the attribute's name and the flag are all it needs");
    let request = client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(specification);
    match request.send().await {
        Ok(_) => Ok(()),
        // Another process enabled it first.
        Err(error) if is_already_enabled(&error) => Ok(()),
        Err(error) => Err(Error::dynamodb("UpdateTimeToLive", name, &error)),
    }
}

fn is_already_enabled<E, R>(error: &SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    error
        .as_service_error()
        .and_then(|error| error.message())
        .is_some_and(|text| text.contains("already enabled"))
}
