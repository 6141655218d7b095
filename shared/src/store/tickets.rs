//! Adding tickets to a credential, without reading it: whoever makes tickets needs no password's hash.

use aws_sdk_dynamodb::{
    config::retry::RetryConfig,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::AttributeValue,
};
use backon::Retryable;

use super::{
    error::{StoreError, collided},
    expression::{number, text},
    item_keys::ItemKey,
    items,
    retry::pauses,
    table::Store,
};
use crate::domain::{
    account::Account,
    email::Email,
    ticket::{MAX_TICKETS, Ticket},
};

/// How often a ticket is tried to be added while others are added at once.
const MAX_ATTEMPTS: u32 = 16;

/// The outcome of adding a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddTicketOutcome {
    /// It can be redeemed.
    Added,
    /// The account is disabled or being deleted; nothing was changed.
    Inactive,
    /// The address has no account; nothing was changed.
    Gone,
}

impl Store {
    /// Adds a ticket to the credential of an address. If there are [`MAX_TICKETS`] already, the oldest goes.
    ///
    /// The SDK does not retry this write: an attempt that arrives late would add a ticket that was redeemed meanwhile.
    /// So if it fails, make another ticket and give nobody this one.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied, now or later.
    pub async fn add_ticket(&self, email: &Email, ticket: &Ticket) -> Result<AddTicketOutcome, StoreError> {
        let most = number(i128::try_from(MAX_TICKETS).unwrap_or_default());
        let none = AttributeValue::L(Vec::new());
        let new = AttributeValue::L(vec![items::ticket_value(ticket)]);
        for _ in 0..MAX_ATTEMPTS {
            let add = self
                .update_credential(email)
                .update_expression("SET tickets = list_append(if_not_exists(tickets, :none), :new)")
                .condition_expression(
                    "is_active = :active AND (attribute_not_exists(tickets) OR size(tickets) < :most)",
                )
                .expression_attribute_values(":none", none.clone())
                .expression_attribute_values(":new", new.clone())
                .expression_attribute_values(":active", AttributeValue::Bool(true))
                .expression_attribute_values(":most", most.clone());
            if changed(add).await? {
                return Ok(AddTicketOutcome::Added);
            }
            // If it is repeated, the condition keeps it from taking a second one.
            let make_room = self
                .update_credential(email)
                .update_expression("REMOVE tickets[0]")
                .condition_expression("is_active = :active AND size(tickets) >= :most")
                .expression_attribute_values(":active", AttributeValue::Bool(true))
                .expression_attribute_values(":most", most.clone());
            if changed(make_room).await? {
                continue;
            }
            // These change nothing: their conditions tell what the credential is.
            let is = |condition: &str, active: Option<bool>| {
                let look = self
                    .update_credential(email)
                    .update_expression("SET tickets = if_not_exists(tickets, :none)")
                    .condition_expression(condition)
                    .expression_attribute_values(":none", none.clone());
                match active {
                    Some(active) => look.expression_attribute_values(":active", AttributeValue::Bool(active)),
                    None => look,
                }
            };
            if changed(is("is_active = :active", Some(false))).await? {
                return Ok(AddTicketOutcome::Inactive);
            }
            if !changed(is("attribute_exists(pk)", None)).await? {
                return Ok(AddTicketOutcome::Gone);
            }
        }
        Err(StoreError::Contended {
            operation: "adding a ticket",
        })
    }

    /// Removes all tickets of an account. Logins with one of them that are under way are defeated.
    ///
    /// A retry finds none.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied.
    pub async fn remove_tickets(&self, account: &Account) -> Result<(), StoreError> {
        let remove = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(ItemKey::credential(&account.email).attributes()))
            .update_expression("REMOVE tickets")
            .condition_expression("user_id = :user AND attribute_exists(tickets)")
            .expression_attribute_values(":user", text(account.user_id.to_string()));
        let removed = (|| remove.clone().send()).retry(pauses()).when(collided).await;
        is_changed(removed).map(drop)
    }

    fn update_credential(&self, email: &Email) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(ItemKey::credential(email).attributes()))
    }
}

/// Sends it once, or again if it conflicted with a transaction, which applies nothing. Returns whether its condition held.
async fn changed(update: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
    let once = || aws_sdk_dynamodb::Config::builder().retry_config(RetryConfig::disabled());
    let send = || async { update.clone().customize().config_override(once()).send().await };
    is_changed(send.retry(pauses()).when(collided).await)
}

fn is_changed<T>(
    outcome: Result<T, aws_sdk_dynamodb::error::SdkError<UpdateItemError>>,
) -> Result<bool, StoreError> {
    match outcome {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(StoreError::from_sdk("UpdateItem", error)),
        },
    }
}
