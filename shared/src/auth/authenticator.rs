//! Who makes a request: the one way in for every function that is shown an access token.
//!
//! The token is checked first, then the request is counted beside its own reads, then the session is confirmed. The order
//! is security, and stands here and nowhere else.

use super::{
    claims::{AccessClaims, Claims},
    key_cache::KeyCache,
    limiter::Limiter,
    verifier::{TokenError, Unconfirmed, Verifier},
};
use crate::{
    domain::{
        clock::{Clock, Millis},
        error::Error,
        ids::{SessionId, UserId},
        rate::{Quotas, Rule},
        session::{Session, SessionRef, require_active},
    },
    http::{self, Access, Operation, Request},
    store::{Store, StoreError},
};

/// An unknown `kid` makes us read the key set again at most this often, in milliseconds.
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

/// An access token that passed every check that needs no table. Only a [`Caller`] may be acted for.
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
    /// The session, as it stands in the table.
    pub session: Session,
    /// The moment of the request, after its reads.
    pub now: Millis,
}

/// An operation that authenticates its callers but does not declare that it does.
#[derive(Debug, thiserror::Error)]
#[error("{0} declares no limit for access tokens (Access::AccessToken)")]
struct NotDeclared(&'static str);

impl Caller {
    /// Which session it is, for writes that check it once more.
    #[must_use]
    pub const fn session_ref(&self) -> SessionRef {
        SessionRef {
            user_id: self.user_id,
            session_id: self.session.id,
        }
    }
}

impl Authenticator {
    /// Verifies with the keys in `keys`, counts in `limiter`, reads sessions in `store`, at the time of `clock`.
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

    /// First half: checks signature, type, issuer, audience and expiry of the access token. A function reads its input
    /// between the halves, so that what cannot be read is not counted.
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

    /// Second half, with all sessions of the account: one query, which finds the caller's own as well.
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

    /// Second half, with the caller's own session read beside `read`.
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

    /// Counts beside the read and renews the key set beside both: one round trip. Then, in this order: is the key still
    /// published, is the caller's session active (401), is it within its limit (429).
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
        let counted = self.limiter.by_user(&quotas, limit, at.user_id);
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

    /// Checks a token as far as that goes without the table: signature, type, issuer, audience, expiry.
    ///
    /// A forged token costs no read, save that an unknown `kid` makes the set be read again at most every 10 s.
    /// What it answers must be confirmed by [`Authenticator::confirm_beside`] before anything is decided.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidToken`] or [`Error::TokenExpired`]; [`Error::Unavailable`] without any copy of the set.
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

    /// Runs the request's own `work`; where the copy of the set is older than a minute, renews it beside that, so
    /// that nobody waits longer for it. Then the token's key is looked up once more.
    ///
    /// # Errors
    ///
    /// The work's; [`Error::InvalidToken`] when the key is no longer in the set; [`Error::Unavailable`] when the set
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
