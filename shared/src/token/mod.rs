//! Access and refresh tokens: JWTs (RFC 7519, 8725, 9068) signed with ES256.

mod claims;
mod signer;
mod signers;
mod verifier;

pub use claims::{AccessClaims, Claims, RefreshClaims, Subject};
pub use signer::{Issued, SignError, Signer};
pub use signers::Signers;
pub use verifier::{Candidate, LEEWAY, Rejected, Unconfirmed, Verifier};
