//! Cursors: where a page of one account's trail ended.
//!
//! A cursor is the last event's id and a digest over it and the account. It only says where to go on in the trail of the
//! account that presents it, so it guards no secret and the digest needs no key. The digest rejects a cursor that was
//! altered, cut short or made for another account. Whoever computes a cursor gets a page of their own trail.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::domain::{
    digest,
    ids::{EventId, UserId},
};

/// Length of an id as text (RFC 9562 §4).
const ID_LENGTH: usize = 36;
/// Digest bytes in a cursor.
const DIGEST_LENGTH: usize = 16;

/// The cursor of a page that ended with `event`.
pub(crate) fn encode(user: UserId, event: EventId) -> String {
    let id = event.to_string();
    let mut bytes = id.clone().into_bytes();
    bytes.extend(seal(user, &id));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the event after which the page starts.
///
/// # Errors
///
/// For anything that [`encode`] did not make for this account.
pub(crate) fn decode(user: UserId, cursor: &str) -> Result<EventId, &'static str> {
    const REFUSED: &str = "must be a next_cursor of this account, unaltered";
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| REFUSED)?;
    let (id, sealed) = bytes.split_at_checked(ID_LENGTH).ok_or(REFUSED)?;
    let id = std::str::from_utf8(id).map_err(|_| REFUSED)?;
    // Over the text as received: an id has several spellings, and only one was issued.
    if digest::constant_time_eq(sealed, &seal(user, id)) {
        id.parse().map_err(|_| REFUSED)
    } else {
        Err(REFUSED)
    }
}

fn seal(user: UserId, id: &str) -> [u8; DIGEST_LENGTH] {
    let mut short = [0; DIGEST_LENGTH];
    let digest = digest::sha256(format!("activity cursor {user} {id}").as_bytes());
    short.copy_from_slice(&digest[..DIGEST_LENGTH]);
    short
}

#[cfg(test)]
mod tests {
    use shared::domain::{clock::Millis, ids::Ids};

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_account_only() {
        let ids = Ids::system();
        let (user, event) = (ids.user(), ids.event(Millis(1_700_000_000_000)));
        let cursor = encode(user, event);
        assert_eq!(decode(user, &cursor), Ok(event));
        assert!(decode(ids.user(), &cursor).is_err());
    }

    #[test]
    fn no_alteration_passes() {
        let ids = Ids::system();
        let (user, event) = (ids.user(), ids.event(Millis(1_700_000_000_000)));
        let cursor = encode(user, event);
        for at in 0..cursor.len() {
            for other in ["A", "z", "7", "_", "%", ""] {
                let altered = format!("{}{other}{}", &cursor[..at], &cursor[at + 1..]);
                assert_eq!(decode(user, &altered).is_ok(), altered == cursor, "{altered}");
            }
            assert!(decode(user, &cursor[..at]).is_err());
        }
        assert!(decode(user, &format!("{cursor}=")).is_err());
        assert!(decode(user, &format!("{cursor}AAAA")).is_err());
        let shouted = event.to_string().to_uppercase();
        let mut bytes = shouted.clone().into_bytes();
        bytes.extend(seal(user, &event.to_string()));
        assert!(decode(user, &URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }
}
