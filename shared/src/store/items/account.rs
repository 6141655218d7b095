//! How accounts and credentials are stored.

use serde::{Deserialize, Serialize};

use super::codec::{corrupt, read, write};
use crate::{
    domain::{
        account::{Account, Credential},
        clock::Millis,
        email::Email,
        ids::UserId,
        password::PasswordHash,
    },
    store::{error::StoreError, expression::Attributes, item_keys::ItemKey, items::ticket::TicketItem},
};

/// The profile's attributes. The email address leads to the credential.
#[derive(Serialize, Deserialize)]
struct ProfileItem {
    user_id: UserId,
    email: String,
    email_as_typed: String,
    created_at: Millis,
}

pub(in crate::store) fn profile_item(account: &Account) -> Attributes {
    let item = ProfileItem {
        user_id: account.user_id,
        email: account.email.as_str().to_owned(),
        email_as_typed: account.email_as_typed.clone(),
        created_at: account.created_at,
    };
    write(&ItemKey::profile(account.user_id), &item)
}

pub(in crate::store) fn profile(attributes: Attributes) -> Result<Account, StoreError> {
    let item: ProfileItem = read("account", attributes)?;
    account(item)
}

/// The address of a profile that was read without its other attributes.
pub(in crate::store) fn address(user: UserId, profile: &Attributes) -> Result<Email, StoreError> {
    let text = profile.get("email").and_then(|value| value.as_s().ok());
    parse_address(user, text.map_or("", String::as_str))
}

fn parse_address(user: UserId, text: &str) -> Result<Email, StoreError> {
    Email::parse(text).map_err(|error| corrupt(&format!("account {user}"), "email", error.to_string()))
}

fn account(item: ProfileItem) -> Result<Account, StoreError> {
    Ok(Account {
        user_id: item.user_id,
        email: parse_address(item.user_id, &item.email)?,
        email_as_typed: item.email_as_typed,
        created_at: item.created_at,
    })
}

/// The credential's attributes: all that a login needs.
#[derive(Serialize, Deserialize)]
struct CredentialItem {
    user_id: UserId,
    email: String,
    email_as_typed: String,
    created_at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<PasswordHash>,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_began_at: Option<Millis>,
    login_sequence: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tickets: Vec<TicketItem>,
}

pub(in crate::store) fn credential_item(credential: &Credential) -> Attributes {
    let account = &credential.account;
    let item = CredentialItem {
        user_id: account.user_id,
        email: account.email.as_str().to_owned(),
        email_as_typed: account.email_as_typed.clone(),
        created_at: account.created_at,
        password_hash: credential.password_hash.clone(),
        is_active: credential.is_active,
        deletion_began_at: credential.deletion_began_at,
        login_sequence: credential.login_sequence,
        tickets: credential.tickets.iter().map(TicketItem::new).collect(),
    };
    write(&ItemKey::credential(&account.email), &item)
}

pub(in crate::store) fn credential(attributes: Attributes) -> Result<Credential, StoreError> {
    let item: CredentialItem = read("credential", attributes)?;
    Ok(Credential {
        password_hash: item.password_hash,
        is_active: item.is_active,
        deletion_began_at: item.deletion_began_at,
        login_sequence: item.login_sequence,
        tickets: item
            .tickets
            .into_iter()
            .map(TicketItem::ticket)
            .collect::<Result<_, _>>()?,
        account: account(ProfileItem {
            user_id: item.user_id,
            email: item.email,
            email_as_typed: item.email_as_typed,
            created_at: item.created_at,
        })?,
    })
}
