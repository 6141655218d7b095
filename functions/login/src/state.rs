//! What logins work with, and what they come to.

use std::sync::Arc;

use shared::{
    SigningState,
    auth::Signer,
    domain::{account::Credential, ids::TokenId, password::Hasher, session::Session},
};

/// The function's name.
pub(crate) const NAME: &str = env!("CARGO_PKG_NAME");

/// The function's dependencies.
#[derive(Clone)]
pub struct LoginState {
    /// The table, the keys and so on.
    pub signing: SigningState,
    /// Checks passwords.
    pub hasher: Hasher,
}

impl LoginState {
    /// Makes the state; the configuration says how to hash.
    ///
    /// # Errors
    ///
    /// If Argon2 rejects its settings.
    pub fn new(signing: SigningState) -> Result<Self, lambda_http::Error> {
        let hasher = Hasher::new(signing.state.config.argon2, signing.state.ids.clone())?;
        Ok(Self { signing, hasher })
    }
}

/// A session that is open, and what its tokens are made of.
pub(crate) struct Opened {
    pub signer: Arc<Signer>,
    pub credential: Credential,
    pub session: Session,
    /// Where the device's guesses are counted from now on, if it has a lane already.
    pub lane: Option<TokenId>,
}
