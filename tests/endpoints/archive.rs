//! The audit trail's archive, in moto's S3: nothing is removed before it is stored, whatever goes wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_sdk_s3::{
    Client,
    types::{BucketVersioningStatus, VersioningConfiguration},
};
use flate2::read::GzDecoder;
use registry::prune::Archive;
use serde_json::{Value, json};
use testkit::{Attempt, Fault, FaultyHttpClient};
use tests::{Moto, Trail, python};

const BUCKET: &str = "archive";

/// A moto with the bucket, and its client.
async fn bucket() -> (Moto, Client) {
    let moto = Moto::start();
    let client = moto.s3(&FaultyHttpClient::default());
    create(&client, BUCKET).await;
    (moto, client)
}

async fn create(client: &Client, bucket: &str) {
    client.create_bucket().bucket(bucket).send().await.unwrap();
}

/// All objects of a bucket, each with its lines.
async fn objects(client: &Client, bucket: &str) -> BTreeMap<String, Vec<Value>> {
    let listed = client.list_objects_v2().bucket(bucket).send().await.unwrap();
    let mut objects = BTreeMap::new();
    for object in listed.contents() {
        let key = object.key().unwrap();
        let answer = client.get_object().bucket(bucket).key(key).send().await.unwrap();
        let bytes = answer.body.collect().await.unwrap().to_vec();
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        objects.insert(key.to_owned(), lines.collect());
    }
    objects
}

fn ids(lines: &[Value]) -> BTreeSet<String> {
    lines
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn events_are_archived_by_their_day_and_whole() {
    let (_moto, client) = bucket().await;
    let trail = Trail::new().await;
    let (newest, user) = (trail.newest(), trail.user());
    let mut written = BTreeSet::new();
    for shard in 0..16 {
        written.extend(trail.write_many(newest, shard, 3).await);
    }
    let late = trail.write(newest.plus(-1)).await;
    let kept = trail.write(newest.plus(1)).await;

    let archive = Archive::new(client.clone(), BUCKET);
    let report = trail.prune_over(trail.service.state.clone(), Some(archive)).await;
    assert!(report.complete, "{report:?}");
    assert_eq!((report.events_removed, report.events_archived), (49, 49));
    assert_eq!(trail.left().await, [kept]);

    let objects = objects(&client, BUCKET).await;
    let folder = |days: i64| format!("audit/{}/", newest.plus(days).to_string().replace('-', "/"));
    let (mut of_the_day, mut of_the_day_before) = (BTreeSet::new(), BTreeSet::new());
    for (key, lines) in &objects {
        assert!(key.ends_with(".jsonl.gz"), "{key}");
        if key.starts_with(&folder(0)) {
            of_the_day.extend(ids(lines));
        } else {
            assert!(key.starts_with(&folder(-1)), "{key}");
            of_the_day_before.extend(ids(lines));
        }
    }
    assert_eq!(of_the_day, written);
    assert_eq!(of_the_day_before, BTreeSet::from([late.clone()]));
    let lines = objects
        .iter()
        .find(|(key, _)| key.starts_with(&folder(-1)))
        .unwrap()
        .1;
    assert_eq!(
        lines[0],
        json!({
            "id": late, "user_id": user, "type": "login_failed", "at": tests::start(newest.plus(-1)).0 + 43_200_000,
            "user_agent": "Agent/1", "request_id": "request-1",
        })
    );
}

/// Crashes the process before each request, from the first that is no index query to the last: before and after the
/// upload, between two removals, before the record. A crash after a request is one before the next.
#[tokio::test]
async fn a_run_that_dies_anywhere_loses_nothing() {
    let moto = Moto::start();
    for death in 0.. {
        let counting = moto.s3(&FaultyHttpClient::default());
        let bucket = format!("archive-{death}");
        create(&counting, &bucket).await;
        let trail = Trail::new().await;
        let newest = trail.newest();
        let mut written: BTreeSet<_> = trail.write_many(newest, 3, 6).await.into_iter().collect();
        written.extend(trail.write_many(newest, 7, 2).await);

        let requests = AtomicUsize::new(0);
        let connection = FaultyHttpClient::new(move |attempt: &Attempt| {
            let counts = attempt.operation != "Query";
            if counts && requests.fetch_add(1, Ordering::SeqCst) == death {
                Some(Fault::Death)
            } else {
                None
            }
        });
        let archive = Archive::new(moto.s3(&connection), bucket.clone());
        let run = trail.prune_over(trail.service.state_over(&connection), Some(archive));
        let survived = connection.until_death(run).await.is_some();

        let stored = archived(&counting, &bucket).await;
        let left: BTreeSet<_> = trail.left().await.into_iter().collect();
        assert!(
            written.iter().all(|id| stored.contains(id) || left.contains(id)),
            "death {death}: an event is neither in the archive nor in the table"
        );
        let before = objects(&counting, &bucket).await;

        let archive = Archive::new(counting.clone(), bucket.clone());
        let again = trail.prune_over(trail.service.state.clone(), Some(archive)).await;
        assert!(again.complete, "death {death}: {again:?}");
        assert!(trail.left().await.is_empty());
        let after = objects(&counting, &bucket).await;
        assert_eq!(archived(&counting, &bucket).await, written, "death {death}");
        for (key, lines) in &before {
            assert_eq!(&after[key], lines, "what is stored does not change");
        }
        // An event has a second key only if its page was partly removed: the new object holds the remainder.
        let new = after.iter().filter(|(key, _)| !before.contains_key(*key));
        for (key, lines) in new {
            let again = ids(lines);
            for first in before.values().map(|lines| ids(lines)) {
                assert!(
                    again.is_disjoint(&first) || (again.is_subset(&first) && again.len() < first.len()),
                    "death {death}: {key} repeats a page that was not partly removed"
                );
            }
            assert!(again.is_subset(&left), "{key}");
        }
        if survived {
            assert_eq!(
                death,
                1 + (1 + 1 + 6) + (1 + 1 + 2) + 1,
                "every request failed once"
            );
            break;
        }
    }
}

async fn archived(client: &Client, bucket: &str) -> BTreeSet<String> {
    let objects = objects(client, bucket).await;
    objects.values().flat_map(|lines| ids(lines)).collect()
}

#[tokio::test]
async fn an_archive_out_of_reach_keeps_every_event() {
    let (moto, client) = bucket().await;
    let trail = Trail::new().await;
    for shard in 0..16 {
        trail.write_many(trail.newest(), shard, 1).await;
    }
    let refuse = FaultyHttpClient::new(|_| Some(Fault::Error(403, "AccessDenied")));
    let archive = Archive::new(moto.s3(&refuse), BUCKET);
    let report = trail.prune_over(trail.service.state.clone(), Some(archive)).await;
    assert_eq!((report.events_removed, report.complete), (0, false), "{report:?}");
    assert!(report.error.unwrap().contains("s3://archive/audit/"));
    assert_eq!(trail.left().await.len(), 16);
    assert_eq!(trail.recorded().await, Some(trail.newest().plus(-1)));
    assert!(objects(&client, BUCKET).await.is_empty());
}

#[tokio::test]
async fn a_batch_that_is_read_in_parts_is_stored_whole() {
    let (_moto, client) = bucket().await;
    let trail = Trail::new().await;
    let written: BTreeSet<_> = trail
        .write_many(trail.newest(), 3, 130)
        .await
        .into_iter()
        .collect();
    let connection = FaultyHttpClient::new(|_| Some(Fault::HalfProcessed));
    let archive = Archive::new(client.clone(), BUCKET);
    let report = trail
        .prune_over(trail.service.state_over(&connection), Some(archive))
        .await;
    assert!(report.complete, "{report:?}");
    assert!(
        connection.count("BatchGetItem") > 2,
        "{:?}",
        connection.attempts()
    );
    let objects = objects(&client, BUCKET).await;
    assert_eq!(objects.len(), 1);
    assert_eq!(ids(objects.values().next().unwrap()), written);
}

#[tokio::test]
async fn a_large_partition_becomes_several_objects_without_a_gap() {
    let (_moto, client) = bucket().await;
    let trail = Trail::new().await;
    let written: BTreeSet<_> = trail
        .write_many(trail.newest(), 3, 1100)
        .await
        .into_iter()
        .collect();
    let archive = Archive::new(client.clone(), BUCKET);
    let report = trail.prune_over(trail.service.state.clone(), Some(archive)).await;
    assert_eq!((report.events_removed, report.events_archived), (1100, 1100));
    let objects = objects(&client, BUCKET).await;
    let mut sizes: Vec<_> = objects.values().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [100, 500, 500]);
    assert_eq!(archived(&client, BUCKET).await, written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_at_once_lose_nothing() {
    let (_moto, client) = bucket().await;
    let trail = Trail::new().await;
    let mut written = BTreeSet::new();
    for shard in 0..16 {
        written.extend(trail.write_many(trail.newest(), shard, 30).await);
    }
    let run = || {
        let archive = Archive::new(client.clone(), BUCKET);
        trail.prune_over(trail.service.state.clone(), Some(archive))
    };
    let (one, other) = tokio::join!(run(), run());
    assert!(one.complete && other.complete, "{one:?} {other:?}");
    assert!(trail.left().await.is_empty());
    assert_eq!(archived(&client, BUCKET).await, written);
}

#[tokio::test]
async fn an_event_of_a_later_version_is_archived_as_it_is() {
    let (_moto, client) = bucket().await;
    let trail = Trail::new().await;
    let id = trail.write(trail.newest()).await;
    let items = trail.service.items().await;
    let item = items
        .iter()
        .find(|item| item["sk"] == format!("EVENT#{id}").as_str())
        .unwrap();
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    trail.service.tamper(item, "type", text("teleported")).await;
    trail.service.tamper(item, "warp", text("9")).await;
    let archive = Archive::new(client.clone(), BUCKET);
    let report = trail.prune_over(trail.service.state.clone(), Some(archive)).await;
    assert!(report.complete, "{report:?}");
    let objects = objects(&client, BUCKET).await;
    let line = &objects.values().next().unwrap()[0];
    assert_eq!(
        (&line["type"], &line["warp"]),
        (&json!("teleported"), &json!("9"))
    );
}

/// With every version kept, as in the stack's own bucket, and without.
#[tokio::test]
async fn an_accounts_events_are_erased_from_the_archive_in_every_version() {
    for is_versioned in [true, false] {
        let (moto, client) = bucket().await;
        if is_versioned {
            let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
            let put = client.put_bucket_versioning().bucket(BUCKET);
            put.versioning_configuration(enabled.build())
                .send()
                .await
                .unwrap();
        }
        let mut trail = Trail::new().await;
        let (user, newest) = (trail.user(), trail.newest());
        trail.write_many(newest, 3, 2).await;
        trail.write_many(newest, 5, 2).await;
        trail.go_on_with_another();
        let kept: BTreeSet<_> = trail.write_many(newest, 3, 2).await.into_iter().collect();
        let archive = || Archive::new(client.clone(), BUCKET);
        let report = trail
            .prune_over(trail.service.state.clone(), Some(archive()))
            .await;
        assert_eq!(report.events_archived, 6);
        let before = objects(&client, BUCKET).await;
        assert_eq!(before.len(), 2);
        // Both are overwritten, as by the run after one that was killed.
        for key in before.keys() {
            let body = client
                .get_object()
                .bucket(BUCKET)
                .key(key)
                .send()
                .await
                .unwrap()
                .body;
            let again = client.put_object().bucket(BUCKET).key(key);
            again
                .body(body.collect().await.unwrap().into_bytes().into())
                .send()
                .await
                .unwrap();
        }

        let erase = |user: &str| {
            let mut script = Command::new(python());
            script
                .arg(testkit::root().join("scripts/erase-archived"))
                .args([BUCKET, user]);
            script
                .env("AWS_ENDPOINT_URL_S3", moto.endpoint())
                .env("AWS_REGION", "us-east-1");
            let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
            let done = script.envs(keys).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8(done.stdout).unwrap()
        };
        let told = erase(&user);
        assert!(told.starts_with("Erased "), "{told}");
        assert_eq!(archived(&client, BUCKET).await, kept);
        let versions = client.list_object_versions().bucket(BUCKET).send().await.unwrap();
        for version in versions.versions() {
            let read = client.get_object().bucket(BUCKET).key(version.key().unwrap());
            let read = read
                .version_id(version.version_id().unwrap())
                .send()
                .await
                .unwrap();
            let bytes = read.body.collect().await.unwrap().to_vec();
            let mut text = String::new();
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            assert!(!text.contains(&user), "{text}");
        }
        assert!(erase(&user).starts_with("Erased 0 events"), "nothing is left");
    }
}
