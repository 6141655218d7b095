//! Authentication: cached keys, tokens (JWTs signed with ES256; RFC 7519, 8725, 9068), and rate limits.

mod authenticator;
mod claims;
mod key_cache;
mod limiter;
mod recent;
mod secret;
mod signer;
mod signer_cache;
mod signing_key_source;
mod signing_keys;
mod token_issuer;
mod token_settings;
mod verifier;

pub use authenticator::{Authenticator, Caller, Claimed};
pub use claims::{
    AccessClaims, Claims, DeviceClaims, MAX_ACCESS_TOKEN_SECONDS, MAX_SESSION_SECONDS, RefreshClaims,
    TokenSubject,
};
pub use key_cache::KeyCache;
pub use limiter::{Guess, Limiter};
pub use recent::Recent;
pub use secret::read_secret;
pub use signer::{SignError, Signer};
pub use signer_cache::SignerCache;
pub use signing_key_source::{SigningKeySource, SigningKeySourceError};
pub use signing_keys::{KeyPair, KeyPairError, SigningKeys, SigningKeysError};
pub use token_issuer::TokenIssuer;
pub use token_settings::TokenSettings;
pub use verifier::{LEEWAY, ParsedToken, TokenError, Unconfirmed, Verifier};
