//! Retries of writes that conflict with transactions.

use std::time::Duration;

use backon::ExponentialBuilder;

/// The pauses between attempts: 20 ms doubling to 400 ms, with jitter, about 3 s in all.
///
/// `backon` picks a random pause between one and two times each step.
pub(super) const fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_millis(400))
        .with_max_times(9)
        .with_jitter()
}

#[cfg(test)]
mod tests {
    use backon::BackoffBuilder;

    use super::*;

    #[test]
    fn retries_end_within_the_time_of_a_request() {
        let longest: Duration = pauses().build().sum();
        assert!(longest < Duration::from_secs(6), "{longest:?}");
        assert!(longest > Duration::from_millis(500), "{longest:?}");
    }
}
