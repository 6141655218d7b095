//! Counts a run's work.

use std::sync::atomic::{AtomicU64, Ordering};

/// Work so far, counted by concurrent partitions.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    removed: AtomicU64,
    archived: AtomicU64,
    bytes: AtomicU64,
    partitions: AtomicU64,
}

impl Tally {
    pub fn removed(&self, events: usize) {
        add(&self.removed, events);
    }

    pub fn archived(&self, events: usize, bytes: usize) {
        add(&self.archived, events);
        add(&self.bytes, bytes);
    }

    pub fn partition(&self) {
        add(&self.partitions, 1);
    }

    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            removed: read(&self.removed),
            archived: read(&self.archived),
            bytes: read(&self.bytes),
            partitions: read(&self.partitions),
        }
    }
}

/// A snapshot of a tally.
pub(crate) struct Counts {
    pub removed: u64,
    pub archived: u64,
    pub bytes: u64,
    pub partitions: u64,
}

fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
}
