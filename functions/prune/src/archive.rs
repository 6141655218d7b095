//! Where events go before they are deleted: objects of gzipped JSON lines in a bucket.

use std::io::Write as _;

use aws_sdk_s3::{Client, primitives::ByteStream};
use flate2::{Compression, GzBuilder};
use shared::{
    domain::{day::Day, digest},
    store::{EventRef, StoredEvent},
};

use crate::failure::Failure;

/// A bucket, under `audit/yyyy/mm/dd/`.
///
/// An object's key derives from the ids of its events, and its content from the events, which never change. So storing
/// the same batch again overwrites the object with itself, as after a run that was killed after an upload.
#[derive(Clone, Debug)]
pub struct Archive {
    client: Client,
    bucket: String,
}

/// An event in archive form: a JSON line, which takes less memory than its attributes.
#[derive(Debug)]
pub(crate) struct Line {
    /// The event's.
    pub key: EventRef,
    json: String,
}

impl From<StoredEvent> for Line {
    /// Deterministic, because attributes are sorted.
    fn from(event: StoredEvent) -> Self {
        let json = serde_json::to_string(&event.attributes);
        Self {
            key: event.key,
            json: json.expect("JSON values under strings can all be written"),
        }
    }
}

impl Archive {
    /// The archive in this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        let bucket = bucket.into();
        Self { client, bucket }
    }

    /// Stores a day's events, in the order of their ids, as one object. Returns its size in bytes.
    pub(crate) async fn store(&self, day: Day, events: &[Line]) -> Result<usize, Failure> {
        let (key, content) = (key(day, events), gzipped_lines(events));
        let size = content.len();
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type("application/gzip")
            .body(ByteStream::from(content));
        match request.send().await {
            Ok(_) => Ok(size),
            Err(error) => Err(Failure::Archive {
                bucket: self.bucket.clone(),
                key,
                source: error.into(),
            }),
        }
    }
}

/// `audit/2026/11/24/<SHA-256 of the events' ids, a line each>.jsonl.gz`.
fn key(day: Day, events: &[Line]) -> String {
    let ids: Vec<_> = events.iter().map(|event| event.key.id.to_string()).collect();
    let folder = day.to_string().replace('-', "/");
    format!(
        "audit/{folder}/{}.jsonl.gz",
        digest::sha256_hex(ids.join("\n").as_bytes())
    )
}

/// Deterministic, because the gzip header holds no timestamp.
fn gzipped_lines(events: &[Line]) -> Vec<u8> {
    const IN_MEMORY: &str = "a vector takes all that is written to it";
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::default());
    for event in events {
        gzip.write_all(event.json.as_bytes()).expect(IN_MEMORY);
        gzip.write_all(b"\n").expect(IN_MEMORY);
    }
    gzip.finish().expect(IN_MEMORY)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read as _};

    use flate2::read::GzDecoder;
    use shared::domain::{clock::Millis, ids::Ids};

    use super::*;

    fn events(count: u64) -> Vec<Line> {
        let ids = Ids::sequence(1);
        let user_id = ids.user();
        let event = |number: u64| {
            let id = ids.event(Millis(1_700_000_000_000));
            let attributes = BTreeMap::from([
                ("type".to_owned(), "logout".into()),
                ("id".to_owned(), id.to_string().into()),
                ("at".to_owned(), (1_700_000_000_000 + number).into()),
            ]);
            Line::from(StoredEvent {
                key: EventRef { user_id, id },
                attributes,
            })
        };
        (0..count).map(event).collect()
    }

    #[test]
    fn an_object_is_one_event_a_line() {
        let events = events(3);
        let mut text = String::new();
        GzDecoder::new(&gzipped_lines(&events)[..])
            .read_to_string(&mut text)
            .unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let expected = format!(
            r#"{{"at":1700000000000,"id":"{}","type":"logout"}}"#,
            events[0].key.id
        );
        assert_eq!(lines[0], expected);
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn the_same_events_are_the_same_object_and_others_are_not() {
        let day: Day = "2023-11-14".parse().unwrap();
        let (some, more) = (events(2), events(3));
        assert_eq!(key(day, &some), key(day, &events(2)));
        assert_eq!(gzipped_lines(&some), gzipped_lines(&events(2)));
        assert_ne!(key(day, &some), key(day, &more));
        assert!(key(day, &some).starts_with("audit/2023/11/14/"));
        assert!(key(day, &some).ends_with(".jsonl.gz"));
    }
}
