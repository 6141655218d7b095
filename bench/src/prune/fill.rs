//! Filling the table with events.

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::{
    clock::Millis,
    day::Day,
    event::{Cause, EventType},
    ids::{Ids, UserId},
    session::Origin,
    store::Store,
};

use crate::Outcome;

const WRITES_AT_ONCE: usize = 32;
const EVENTS_A_USER: u64 = 20;
const TELL_EVERY: u64 = 10_000;

/// Writes so many events, each on the day that `day` says of its number, as large as those of real phones.
pub(crate) async fn fill(store: &Store, count: u64, day: impl Fn(i64) -> Day) -> Outcome<()> {
    let ids = Ids::system();
    let mut user = ids.user();
    let events = (0..count).map(|number| {
        if number % EVENTS_A_USER == 0 {
            user = ids.user();
        }
        event(&ids, user, number, &day)
    });
    let writes = stream::iter(events).map(async |event| store.record(&event).await);
    let mut written = 0;
    let mut writes = Box::pin(writes.buffer_unordered(WRITES_AT_ONCE));
    while writes.try_next().await?.is_some() {
        written += 1;
        if written % TELL_EVERY == 0 {
            crate::progress(&format!("prune: {written} of {count} events written"));
        }
    }
    Ok(())
}

fn event(ids: &Ids, user: UserId, number: u64, day: &impl Fn(i64) -> Day) -> shared::event::Event {
    const DAY_MILLIS: i64 = 86_400_000;
    let number = i64::try_from(number).unwrap_or_default();
    let start = day(number).since(Day::of(Millis(0))) * DAY_MILLIS;
    let cause = Cause {
        at: Millis(start + number.wrapping_mul(7_919).rem_euclid(DAY_MILLIS)),
        origin: Origin {
            ip_address: Some([203, 0, 113, 7].into()),
            user_agent: Some(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Mobile/15E148"
                    .to_owned(),
            ),
            city: Some("Bern".to_owned()),
            country: Some("CH".to_owned()),
        },
        request_id: Some("JKJaXmPLvHcESHA=".to_owned()),
        actor: None,
    };
    let mut event = cause.event(ids, user, EventType::LoginSucceeded);
    event.session_id = Some(ids.session(cause.at));
    event.device_name = Some("Apple iPhone".to_owned());
    event
}
