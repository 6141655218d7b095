//! Who makes a request: every function that accepts access tokens goes through here.
//!
//! First the token is checked, then the request is counted in parallel with its reads, then the session is confirmed.
//! Security depends on this order, so it is set only here.

use super::{
    claims::{AccessClaims, Claims, DeviceClaims},
    key_cache::KeyCache,
    limiter::Limiter,
    verifier::{TokenError, Unconfirmed, Verifier},
};
use crate::{
    domain::{
        clock::{Clock, Millis},
        email::Email,
        error::Error,
        ids::{SessionId, TokenId, UserId},
        rate::{Quotas, Rule},
        session::{Session, SessionRef, require_active},
    },
    http::{self, Access, Operation, Request},
    store::{Store, StoreError},
};

/// An unknown `kid` causes the key set to be read again at most this often, in ms.
const UNKNOWN_KID_INTERVAL: i64 = 10_000;

/// Checks and confirms tokens.
#[derive(Clone, Debug)]
pub struct Authenticator {
    keys: KeyCache,
    verifier: Verifier,
    limiter: Limiter,
    store: Store,
    clock: Clock,
}

/// An access token that passed every check that needs no table. Act only for a [`Caller`].
#[must_use]
#[derive(Debug)]
pub struct Claimed {
    token: Unconfirmed<AccessClaims>,
    limit: Rule,
    quotas: Quotas,
}

/// Who makes the request: an active session within its limit. Only the [`Authenticator`] makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// The session, as stored in the table.
    pub session: Session,
    /// The time of the request, after its reads.
    pub now: Millis,
}

/// An operation that authenticates its callers without declaring so.
#[derive(Debug, thiserror::Error)]
#[error("{0} declares no limit for access tokens (Access::AccessToken)")]
struct NotDeclared(&'static str);

impl Claimed {
    /// Whose token it says it is, for parsing input that belongs to an account.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.token.claims().sub
    }
}

impl Caller {
    /// Identifies the session, for writes that check it again.
    #[must_use]
    pub const fn session_ref(&self) -> SessionRef {
        SessionRef {
            user_id: self.user_id,
            session_id: self.session.id,
        }
    }
}

impl Authenticator {
    /// Verifies with `keys`, counts in `limiter`, reads sessions from `store`, and takes the time from `clock`.
    #[must_use]
    pub const fn new(
        keys: KeyCache,
        verifier: Verifier,
        limiter: Limiter,
        store: Store,
        clock: Clock,
    ) -> Self {
        Self {
            keys,
            verifier,
            limiter,
            store,
            clock,
        }
    }

    /// First half: checks the access token's signature, type, issuer, audience and expiry. A function parses its input
    /// between the halves, so that malformed requests are not counted.
    ///
    /// # Errors
    ///
    /// [`Error::MissingToken`]; as [`Authenticator::check_token`].
    pub async fn check(&self, request: &Request, operation: &Operation) -> Result<Claimed, Error> {
        let Access::AccessToken { limit } = operation.route.access else {
            return Err(Error::Internal(NotDeclared(operation.id).into()));
        };
        Ok(Claimed {
            token: self.check_token(http::bearer(request)?).await?,
            limit,
            quotas: http::quotas(request),
        })
    }

    /// Second half, with all sessions of the account: one query, which also finds the caller's own.
    ///
    /// # Errors
    ///
    /// [`Error::SessionExpired`] or [`Error::SessionRevoked`], then [`Error::RateLimited`]; as
    /// [`Authenticator::confirm_beside`].
    pub async fn caller_and_sessions(&self, claimed: Claimed) -> Result<(Caller, Vec<Session>), Error> {
        let read = |at: SessionRef| self.store.sessions(at.user_id);
        let own = |sessions: &Vec<Session>, id| sessions.iter().find(|session| session.id == id).cloned();
        self.confirm(claimed, read, own).await
    }

    /// Second half, reading the caller's session parallel to `read`.
    ///
    /// # Errors
    ///
    /// As [`Authenticator::caller_and_sessions`].
    pub async fn caller_beside<T, R>(
        &self,
        claimed: Claimed,
        read: impl FnOnce(SessionRef) -> R,
    ) -> Result<(Caller, T), Error>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        let reads = |at: SessionRef| {
            let (own, other) = (self.store.session(at.user_id, at.session_id), read(at));
            async { tokio::try_join!(own, other) }
        };
        let own = |(own, _): &(Option<Session>, T), id| own.clone().filter(|session| session.id == id);
        let (caller, (_, other)) = self.confirm(claimed, reads, own).await?;
        Ok((caller, other))
    }

    /// Counts, reads and refreshes the key set in parallel: one round trip. Then checks, in this order, that the key is
    /// still published, the session active (401) and the limit not exceeded (429).
    async fn confirm<T, R>(
        &self,
        claimed: Claimed,
        read: impl FnOnce(SessionRef) -> R,
        own: impl FnOnce(&T, SessionId) -> Option<Session>,
    ) -> Result<(Caller, T), Error>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        let Claimed { token, limit, quotas } = claimed;
        let at = SessionRef {
            user_id: token.claims().sub,
            session_id: token.claims().sid,
        };
        let counted = self.limiter.by_session(&quotas, limit, at.session_id);
        // Boxed: the SDK's futures are large, and each move of one copies it.
        let reads = Box::pin(async { tokio::try_join!(counted, read(at)) });
        let (claims, (admission, read)) = self.confirm_beside(token, reads).await?;
        let now = self.clock.now();
        let session = require_active(own(&read, claims.sid).as_ref(), now)?.clone();
        admission.allowed()?;
        let caller = Caller {
            user_id: claims.sub,
            session,
            now,
        };
        Ok((caller, read))
    }

    /// Checks what needs no table: the token's signature, type, issuer, audience and expiry.
    ///
    /// A forged token costs no read, except that an unknown `kid` rereads the set at most every 10 s.
    /// Confirm the result with [`Authenticator::confirm_beside`] before deciding anything.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidToken`] or [`Error::TokenExpired`]; [`Error::Unavailable`] if no set can be read.
    pub async fn check_token<C: Claims>(&self, token: &str) -> Result<Unconfirmed<C>, Error> {
        let parsed = self.verifier.parse::<C>(token)?;
        let copy = match self.keys.cached_within(i64::MAX) {
            Some(copy) => copy,
            None => self.keys.read().await?,
        };
        match self.verifier.verify(&parsed, &copy.set, self.clock.now()) {
            Err(TokenError::UnknownKey) if self.keys.cached_within(UNKNOWN_KID_INTERVAL).is_none() => {
                let copy = self.keys.read().await?;
                Ok(self.verifier.verify(&parsed, &copy.set, self.clock.now())?)
            }
            verdict => Ok(verdict?),
        }
    }

    /// Checks a device token for this address. One that is forged, expired, of another kind or for another address is as
    /// none. Confirm it with [`Authenticator::lane`] before the guess is verified.
    pub async fn known_device(
        &self,
        token: Option<&str>,
        email: &Email,
    ) -> Option<Unconfirmed<DeviceClaims>> {
        let token = self.check_token::<DeviceClaims>(token?).await.ok()?;
        Some(token).filter(|token| token.claims().sub == email.digest())
    }

    /// The lane that a device token names, if its key is still in the set as it was read last.
    #[must_use]
    pub fn lane(&self, token: Unconfirmed<DeviceClaims>) -> Option<TokenId> {
        let set = self.keys.cached_set()?;
        let claims = token.confirm(&set, self.clock.now()).ok()?;
        Some(claims.jti)
    }

    /// Runs the request's own `work`. If the cached set is older than a minute, refreshes it in parallel, so that
    /// nobody waits longer. Then looks up the token's key again.
    ///
    /// # Errors
    ///
    /// The work's; [`Error::InvalidToken`] if the key is no longer in the set; [`Error::Unavailable`] if the set
    /// cannot be read.
    pub async fn confirm_beside<C: Claims, T, E: Into<Error>>(
        &self,
        token: Unconfirmed<C>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(C, T), Error> {
        let (set, done) = tokio::join!(self.keys.set(), work);
        let claims = token.confirm(&*set?, self.clock.now())?;
        Ok((claims, done.map_err(Into::into)?))
    }
}
