//! Walks from the first day that may hold events to the newest day past retention.

use futures_util::{StreamExt, stream};
use shared::{
    domain::{clock::Millis, day::Day},
    store::AuditPartition,
};

use crate::{
    budget::Budget,
    calendar,
    failure::{Failure, Interrupted},
    partition,
    report::{Progress, Report},
    state::PruneState,
    tally::Tally,
};

/// How many partitions of a day are emptied at once.
const PARTITIONS_AT_ONCE: usize = 8;

/// Empties days up to the newest, or until time is up.
pub(crate) async fn walk(prune: &PruneState, budget: &Budget) -> Report {
    let (tally, now) = (Tally::default(), prune.state.clock.now());
    let mut progress = Progress {
        newest: calendar::newest(now, prune.state.config.audit_retention_days),
        done: None,
        failures: Vec::new(),
    };
    let outcome = days(prune, budget, &tally, now, &mut progress).await;
    let in_time = !matches!(outcome, Err(Interrupted::TimeIsUp));
    if let Err(Interrupted::Failed(failure)) = outcome {
        progress.failures.push(failure);
    }
    Report::new(&tally, &progress, in_time, budget.elapsed())
}

/// A failing partition holds up neither the others nor later days, but nothing from its day on is recorded as done, so
/// the next run begins there. If a whole day fails, the table or the archive is out of reach, and the run ends.
async fn days(
    prune: &PruneState,
    budget: &Budget,
    tally: &Tally,
    now: Millis,
    progress: &mut Progress,
) -> Result<(), Interrupted> {
    let (store, newest) = (&prune.state.store, progress.newest);
    let mut recorded = store.pruned_up_to().await?;
    let first = if let Some(day) = calendar::first(recorded, newest, now) {
        progress.done = recorded.map(|day| day.min(newest));
        day
    } else {
        let created = store.created_at().await?;
        let day = calendar::first_of_table(created.ok_or(Failure::NoCreationTime)?);
        progress.done = Some(day.plus(-1).min(newest));
        day
    };
    for day in first.up_to(newest) {
        empty(prune, budget, tally, day, &mut progress.failures).await?;
        if progress.failures.is_empty() && calendar::is_news(day, recorded, newest) {
            store.record_pruned_up_to(day, now).await?;
            recorded = Some(day);
            progress.done = recorded;
        }
    }
    Ok(())
}

/// Empties one day, except failed partitions.
async fn empty(
    prune: &PruneState,
    budget: &Budget,
    tally: &Tally,
    day: Day,
    failures: &mut Vec<Failure>,
) -> Result<(), Interrupted> {
    let partitions = stream::iter(AuditPartition::all_of_day(day))
        .map(|partition| partition::empty(prune, budget, tally, partition))
        .buffer_unordered(PARTITIONS_AT_ONCE);
    let outcomes: Vec<_> = partitions.collect().await;
    let (mut in_time, mut any_done) = (true, false);
    for outcome in outcomes {
        match outcome {
            Ok(()) => any_done = true,
            Err(Interrupted::TimeIsUp) => in_time = false,
            Err(Interrupted::Failed(failure)) => failures.push(failure),
        }
    }
    match (in_time, any_done) {
        (false, _) => Err(Interrupted::TimeIsUp),
        (true, true) => Ok(()),
        (true, false) => Err(Interrupted::Failed(Failure::WholeDay(day))),
    }
}
