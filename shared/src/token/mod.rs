//! Access and refresh tokens: JWTs (RFC 7519, 8725, 9068) signed with ES256.

mod claims;
mod settings;
mod signer;
mod signers;
mod verifier;

pub use claims::{
    AccessClaims, Claims, MAX_ACCESS_TOKEN_SECONDS, MAX_SESSION_SECONDS, RefreshClaims, Subject,
};
pub use settings::TokenSettings;
pub use signer::{SignError, Signer};
pub use signers::Signers;
pub use verifier::{Candidate, LEEWAY, Rejected, Unconfirmed, Verifier};
