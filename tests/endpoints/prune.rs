//! `prune`: which events it removes and when, and what a run does if interrupted.

use registry::prune;
use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use registry::prune::PruneState;
use shared::domain::{clock::Millis, day::Day};
use testkit::{Attempt, Fault, FaultyHttpClient};
use tests::{PLENTY, TestService, Trail, start};

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[tokio::test]
async fn events_go_a_whole_retention_after_their_day() {
    let trail = Trail::new().await;
    trail.service.log_in("phone").await;
    let others = trail.service.items().await.len();
    let newest = trail.newest();
    let last = trail
        .write_at(Millis(start(newest.plus(1)).0 - 1), |_| true)
        .await;
    let first = trail.write_at(start(newest), |_| true).await;
    let kept = trail.write_at(start(newest.plus(1)), |_| true).await;
    assert_eq!(trail.left().await, sorted(vec![first, last, kept.clone()]));

    let report = trail.prune().await;
    assert_eq!(trail.left().await, [kept]);
    assert_eq!((report.events_removed, report.complete), (2, true), "{report:?}");
    assert_eq!((report.events_archived, report.bytes_archived), (0, 0));
    assert_eq!(report.days_behind, Some(0));
    assert_eq!(trail.recorded().await, Some(newest));
    assert_eq!(
        trail.service.items().await.len(),
        others + 1,
        "nothing else was removed"
    );
}

#[tokio::test]
async fn a_run_just_before_midnight_prunes_the_day_that_is_ending_for() {
    let trail = Trail::new().await;
    let (newest, tomorrow) = (trail.newest(), start(trail.today().plus(1)));
    trail.write(newest).await;
    let younger = trail.write(newest.plus(1)).await;
    trail.service.clock.set(Millis(tomorrow.0 - 1));
    trail.prune().await;
    assert_eq!(trail.left().await, [younger]);
    assert_eq!(trail.recorded().await, Some(newest));
    trail.service.clock.set(tomorrow);
    trail.prune().await;
    assert!(trail.left().await.is_empty());
    assert_eq!(trail.recorded().await, Some(newest.plus(1)));
}

#[tokio::test]
async fn a_run_with_nothing_to_do_reads_three_days_and_writes_nothing() {
    let trail = Trail::new().await;
    trail.prune().await;
    let connection = FaultyHttpClient::default();
    let report = trail
        .prune_over(trail.service.state_over(&connection), None)
        .await;
    assert!(report.complete && report.events_removed == 0, "{report:?}");
    assert_eq!((connection.count("Query"), connection.count("GetItem")), (48, 1));
    assert_eq!(connection.attempts().len(), 49);
    assert_eq!(report.partitions, 48);
}

#[tokio::test]
async fn live_events_cost_nothing() {
    let mut calls = Vec::new();
    for live in [0, 300] {
        let trail = Trail::new().await;
        let newest = trail.newest();
        for shard in 0..4 {
            trail.write_many(newest, shard, 30).await;
        }
        for number in 0..live {
            trail.write(newest.plus(1 + number % 30)).await;
        }
        let connection = FaultyHttpClient::default();
        let report = trail
            .prune_over(trail.service.state_over(&connection), None)
            .await;
        assert_eq!(report.events_removed, 120);
        calls.push(connection.attempts().len());
    }
    // Reads progress, queries 16 shards on each of four days, deletes 120 events, records.
    assert_eq!(calls, [1 + 4 * 16 + 120 + 1; 2]);
}

#[tokio::test]
async fn a_late_event_is_found_for_two_more_days() {
    let trail = Trail::new().await;
    trail.prune().await;
    let newest = trail.newest();
    for back in [0, 1, 2] {
        trail.write(newest.plus(-back)).await;
    }
    let report = trail.prune().await;
    assert_eq!((report.events_removed, trail.left().await.len()), (3, 0));
    assert_eq!(trail.recorded().await, Some(newest));
}

/// The table is new, so the clock is moved ahead instead.
#[tokio::test]
async fn a_first_run_begins_with_the_table_a_year_ago() {
    let service = TestService::with(&[("PRUNE_WRITE_UNITS_PER_SECOND", "100000")]).await;
    let created = Day::containing(service.state.store.created_at().await.unwrap().unwrap());
    let trail = Trail::of(service);
    assert_eq!(trail.recorded().await, None);
    trail
        .service
        .clock
        .set(Millis(start(created.plus(365)).0 + 7_200_000));
    let days = [-1, 0, 100, 333, 334, 335, 365].map(|days| created.plus(days));
    for day in days {
        trail.write(day).await;
    }
    assert_eq!(trail.newest(), days[4]);
    let report = trail.prune().await;
    assert_eq!((report.events_removed, report.complete), (5, true), "{report:?}");
    assert_eq!(trail.left().await.len(), 2);
    assert_eq!(trail.recorded().await, Some(days[4]));
}

#[tokio::test]
async fn a_young_table_has_nothing_to_prune() {
    let trail = Trail::of(TestService::new().await);
    let created = trail.service.state.store.created_at().await.unwrap().unwrap();
    trail.service.clock.set(created);
    let report = trail.prune().await;
    assert!(report.complete && report.partitions == 0, "{report:?}");
    assert_eq!((trail.recorded().await, report.days_behind), (None, Some(0)));
}

#[tokio::test]
async fn a_record_from_the_future_skips_no_day() {
    let trail = Trail::of(TestService::with(&[("PRUNE_WRITE_UNITS_PER_SECOND", "100000")]).await);
    let created = Day::containing(trail.service.state.store.created_at().await.unwrap().unwrap());
    trail.service.clock.set(start(created.plus(60)));
    trail.record(created.plus(400)).await;
    for days in [3, 20, 29] {
        trail.write(created.plus(days)).await;
    }
    let kept = trail.write(created.plus(30)).await;
    assert!(trail.prune().await.complete);
    assert_eq!(trail.left().await, [kept]);
    assert_eq!(
        trail.recorded().await,
        Some(created.plus(29)),
        "and it is corrected"
    );
    // A run may be a week late: it continues from the real progress.
    trail.service.clock.set(start(created.plus(67)));
    assert!(trail.prune().await.complete);
    assert!(trail.left().await.is_empty());
}

#[tokio::test]
async fn retention_may_be_lowered_and_raised_again() {
    let trail = Trail::new().await;
    let today = trail.today();
    for age in 1..=40 {
        trail.write(today.plus(-age)).await;
    }
    trail.record(today.plus(-41)).await;
    let with_retention = |days: i64| {
        let mut state = trail.service.state.clone();
        state.config.audit_retention_days = days;
        trail.prune_over(state, None)
    };
    // Events up to 30 (7, 30) days old are still within retention.
    for (retention, left) in [(30, 30), (7, 7), (30, 7)] {
        assert!(with_retention(retention).await.complete);
        assert_eq!(trail.left().await.len(), left, "{retention} days");
    }
    assert_eq!(trail.recorded().await, Some(today.plus(-31)));
    // Nothing is lost: days pruned under the shorter retention are checked again later.
    let late = trail.write(today.plus(-20)).await;
    assert!(with_retention(30).await.complete);
    assert!(trail.left().await.contains(&late));
    trail.service.clock.set(start(today.plus(40)));
    assert!(with_retention(30).await.complete);
    assert!(trail.left().await.is_empty());
}

#[tokio::test]
async fn a_busy_table_is_waited_for() {
    let trail = Trail::new().await;
    trail.write_many(trail.newest(), 3, 30).await;
    // More often than the SDK's own attempts.
    let refusals = AtomicUsize::new(10);
    let connection = FaultyHttpClient::new(move |attempt: &Attempt| {
        let left = |left: usize| left.checked_sub(1);
        let is_write = attempt.operation == "DeleteItem";
        if is_write && refusals.fetch_update(SeqCst, SeqCst, left).is_ok() {
            Some(Fault::Error(400, "ProvisionedThroughputExceededException"))
        } else {
            None
        }
    });
    let report = trail
        .prune_over(trail.service.state_over(&connection), None)
        .await;
    assert_eq!((report.events_removed, report.complete), (30, true), "{report:?}");
    assert_eq!(connection.count("DeleteItem"), 10 + 30);
}

#[tokio::test]
async fn a_partition_that_fails_holds_up_no_other() {
    let trail = Trail::new().await;
    let newest = trail.newest();
    trail.record(newest.plus(-2)).await;
    let stuck = trail.write_many(newest.plus(-1), 3, 2).await;
    for (day, shard) in [(newest.plus(-1), 4), (newest, 3), (newest, 9)] {
        trail.write_many(day, shard, 2).await;
    }
    let partition = format!("AUDIT#{}#3", newest.plus(-1));
    let connection = FaultyHttpClient::new(move |attempt: &Attempt| {
        if attempt.operation == "Query" && attempt.body.contains(&format!("\"{partition}\"")) {
            Some(Fault::Error(400, "ResourceNotFoundException"))
        } else {
            None
        }
    });
    let broken = PruneState {
        state: trail.service.state_over(&connection),
        archive: None,
    };
    let failure = prune::handle(&broken, PLENTY).await.unwrap_err().to_string();
    assert!(
        failure.contains("1 place") && failure.contains("Query"),
        "{failure}"
    );
    assert_eq!(trail.left().await, sorted(stuck));
    assert_eq!(
        trail.recorded().await,
        Some(newest.plus(-2)),
        "no later day is done"
    );

    let report = trail.prune().await;
    assert_eq!((report.events_removed, report.complete), (2, true));
    assert_eq!(trail.recorded().await, Some(newest));
}

#[tokio::test]
async fn a_table_out_of_reach_ends_the_run_at_once() {
    let trail = Trail::new().await;
    let connection = FaultyHttpClient::new(|attempt: &Attempt| match attempt.operation.as_str() {
        "Query" => Some(Fault::Error(500, "InternalServerError")),
        _ => None,
    });
    let report = trail
        .prune_over(trail.service.state_over(&connection), None)
        .await;
    assert!(!report.complete && report.failures > 0, "{report:?}");
    assert_eq!(report.days_behind, Some(1));
    assert_eq!(
        connection.count("Query"),
        3 * 16,
        "one day, each partition with its retries"
    );
}

#[tokio::test]
async fn a_run_out_of_time_goes_on_at_the_next() {
    let trail = Trail::new().await;
    let newest = trail.newest();
    trail.write_many(newest, 3, 200).await;
    let mut slow = trail.service.state.clone();
    // An event with its index entry is 2 units, so 50 a second are removed.
    slow.config.prune_write_units_per_second = 100;
    let slow = PruneState {
        state: slow,
        archive: None,
    };
    let none = prune::run(&slow, Duration::ZERO).await;
    assert_eq!((none.events_removed, none.failures, none.complete), (0, 0, false));

    // A busy machine may remove nothing in the first run's time, but never more than it was granted.
    let (mut time, mut removed) = (Duration::from_millis(1800), 0);
    while removed == 0 {
        let answer = prune::handle(&slow, time).await.unwrap();
        assert_eq!(
            (&answer["complete"], &answer["failures"]),
            (&false.into(), &0.into())
        );
        assert_eq!(answer["days_behind"], 1);
        removed = answer["events_removed"].as_u64().unwrap();
        let granted = time.as_millis() / 20 + 4;
        assert!(u128::from(removed) <= granted, "{removed} in {time:?}");
        assert_eq!(trail.recorded().await, Some(newest.plus(-1)));
        time = Duration::from_millis(3400).min(time * 2);
    }

    let rest = trail.prune().await;
    assert_eq!((rest.events_removed, rest.complete), (200 - removed, true));
    assert_eq!(trail.recorded().await, Some(newest));
}

/// What was sent when the time ended is removed: it is waited for, and counted.
#[tokio::test]
async fn a_run_out_of_time_tells_of_all_that_it_removed() {
    let trail = Trail::new().await;
    trail.write_many(trail.newest(), 3, 200).await;
    let connection =
        FaultyHttpClient::new(|attempt: &Attempt| (attempt.operation == "DeleteItem").then_some(Fault::Slow));
    let mut slow = trail.service.state_over(&connection);
    slow.config.prune_write_units_per_second = 100;
    let slow = PruneState {
        state: slow,
        archive: None,
    };
    let mut time = Duration::from_millis(50);
    let mut removed = 0;
    while removed == 0 {
        let report = prune::run(&slow, time).await;
        assert!(!report.complete, "{report:?}");
        removed = report.events_removed;
        time *= 2;
    }
    let rest = trail.prune().await;
    assert_eq!((rest.events_removed, rest.complete), (200 - removed, true));
}

#[tokio::test]
async fn a_run_that_dies_anywhere_is_made_good_by_the_next() {
    // Every write, and the read before it.
    for death in 0.. {
        let trail = Trail::new().await;
        let newest = trail.newest();
        trail.record(newest.plus(-2)).await;
        trail.write_many(newest.plus(-1), 3, 6).await;
        trail.write_many(newest, 3, 6).await;
        let writes = AtomicUsize::new(0);
        let connection = FaultyHttpClient::new(move |attempt: &Attempt| {
            let counts = attempt.operation != "Query";
            if counts && writes.fetch_add(1, SeqCst) == death {
                Some(Fault::Death)
            } else {
                None
            }
        });
        let run = trail.prune_over(trail.service.state_over(&connection), None);
        let survived = connection.until_death(run).await.is_some();
        let recorded = trail.recorded().await.unwrap();
        let oldest_left = trail.left().await;
        assert!(
            recorded < newest || oldest_left.is_empty(),
            "a day is recorded only when it is done"
        );
        assert!(trail.prune().await.complete);
        assert!(trail.left().await.is_empty(), "death {death}");
        assert_eq!(trail.recorded().await, Some(newest));
        if survived {
            assert_eq!(
                death,
                1 + 2 * (6 + 1),
                "progress, and for each day its events and the record"
            );
            break;
        }
    }
}
