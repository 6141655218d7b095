//! How tickets are stored, in a list of the credential.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    codec::corrupt,
    session::{decode_hash, encode_hash},
};
use crate::{
    domain::{auth_method::AuthMethod, clock::Seconds, ids::UserId, ticket::Ticket},
    store::error::StoreError,
};

/// A ticket's attributes.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct TicketItem {
    ticket_hash: String,
    expires_at: Seconds,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    amr: Vec<AuthMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

impl TicketItem {
    pub(in crate::store) fn new(ticket: &Ticket) -> Self {
        Self {
            ticket_hash: encode_hash(&ticket.hash),
            expires_at: ticket.expires_at,
            amr: ticket.amr.clone(),
            device_id: ticket.device_id.clone(),
            user_id: ticket.user_id,
        }
    }

    pub(in crate::store) fn ticket(self) -> Result<Ticket, StoreError> {
        let hash = decode_hash(&self.ticket_hash);
        Ok(Ticket {
            hash: hash.map_err(|reason| corrupt("credential", "tickets", reason))?,
            expires_at: self.expires_at,
            amr: self.amr,
            device_id: self.device_id,
            user_id: self.user_id,
        })
    }
}

pub(in crate::store) fn ticket_value(ticket: &Ticket) -> AttributeValue {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(TicketItem::new(ticket)).expect(
        "a ticket holds strings, numbers, lists and options only, all of which have an attribute type",
    )
}
