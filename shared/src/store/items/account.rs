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
    store::{error::StoreError, expression::Attributes, item_keys::ItemKey},
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

fn account(item: ProfileItem) -> Result<Account, StoreError> {
    let email = Email::parse(&item.email)
        .map_err(|error| corrupt(&format!("account {}", item.user_id), "email", error.to_string()))?;
    Ok(Account {
        user_id: item.user_id,
        email,
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
        account: account(ProfileItem {
            user_id: item.user_id,
            email: item.email,
            email_as_typed: item.email_as_typed,
            created_at: item.created_at,
        })?,
    })
}
