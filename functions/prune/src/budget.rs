//! A run's time limit and write rate.

use std::{sync::Mutex, sync::PoisonError, time::Duration};

use tokio::time::{Instant, sleep_until};

/// The run's time is over.
#[derive(Debug)]
pub(crate) struct TimeIsUp;

/// A run's time and write units.
#[derive(Debug)]
pub(crate) struct Budget {
    started: Instant,
    end: Instant,
    /// Seconds per write unit.
    per_unit: f64,
    /// When the next write may be sent.
    free_at: Mutex<Instant>,
}

impl Budget {
    /// A budget that starts now.
    pub fn new(time: Duration, units_per_second: u32) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            end: now + time,
            per_unit: f64::from(units_per_second).recip(),
            free_at: Mutex::new(now),
        }
    }

    /// Time since the run started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Fails if time is up.
    pub fn check(&self) -> Result<(), TimeIsUp> {
        if Instant::now() < self.end {
            Ok(())
        } else {
            Err(TimeIsUp)
        }
    }

    /// Waits this long, unless the time ends first.
    pub async fn pause(&self, pause: Duration) -> Result<(), TimeIsUp> {
        self.wait_until(Instant::now() + pause).await
    }

    /// Waits until about this many write units may be spent. [`Budget::settle`] corrects the estimate.
    pub async fn spend(&self, units: f64) -> Result<(), TimeIsUp> {
        let turn = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            // Idle time earns no burst.
            let turn = (*free_at).max(Instant::now());
            *free_at = turn + self.time_for(units);
            turn
        };
        self.wait_until(turn).await
    }

    /// Corrects an estimate by what was actually spent.
    pub fn settle(&self, estimate: f64, actual: f64) {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        if actual > estimate {
            *free_at += self.time_for(actual - estimate);
        } else {
            let earlier = free_at.checked_sub(self.time_for(estimate - actual));
            *free_at = earlier.unwrap_or(self.started);
        }
    }

    async fn wait_until(&self, moment: Instant) -> Result<(), TimeIsUp> {
        sleep_until(moment.min(self.end)).await;
        self.check()
    }

    fn time_for(&self, units: f64) -> Duration {
        Duration::try_from_secs_f64(units * self.per_unit).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writes_keep_to_the_rate() {
        let budget = Budget::new(Duration::from_mins(10), 100);
        for _ in 0..41 {
            budget.spend(50.0).await.unwrap();
        }
        assert_eq!(
            budget.elapsed().as_secs(),
            20,
            "the first is free, then two a second"
        );
        budget.pause(Duration::from_mins(1)).await.unwrap();
        let before = budget.elapsed();
        for _ in 0..5 {
            budget.spend(50.0).await.unwrap();
        }
        let took = budget.elapsed().saturating_sub(before);
        assert_eq!(took.as_secs(), 2, "idle time is no credit");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_write_took_in_fact_counts() {
        let budget = Budget::new(Duration::from_mins(10), 100);
        for _ in 0..11 {
            budget.spend(50.0).await.unwrap();
            budget.settle(50.0, 200.0);
        }
        assert_eq!(budget.elapsed().as_secs(), 20);
        for _ in 0..10 {
            budget.spend(50.0).await.unwrap();
            budget.settle(50.0, 25.0);
        }
        assert_eq!(budget.elapsed().as_millis(), 24_250);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_past_the_end() {
        let budget = Budget::new(Duration::from_secs(5), 10);
        budget.spend(1000.0).await.unwrap();
        assert!(budget.check().is_ok());
        assert!(budget.spend(1.0).await.is_err());
        assert_eq!(budget.elapsed().as_secs(), 5);
        assert!(budget.pause(Duration::from_mins(1)).await.is_err());
        assert_eq!(budget.elapsed().as_secs(), 5);
        assert!(Budget::new(Duration::ZERO, 10).check().is_err());
    }
}
