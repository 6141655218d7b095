//! Medians with their spread.

use std::{fmt, time::Duration};

/// Several measurements of one thing.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Adds a measurement.
    pub fn push(&mut self, value: f64) {
        let at = self.0.partition_point(|other| *other < value);
        self.0.insert(at, value);
    }

    /// Adds one, in milliseconds.
    pub fn push_time(&mut self, time: Duration) {
        self.push(time.as_secs_f64() * 1000.0);
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value below which `part` of them lies (0.5: the median). NaN if empty.
    pub fn quantile(&self, part: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else {
            return f64::NAN;
        };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index of a list of thousands at most, and not negative"
        )]
        let index = (last as f64 * part).round() as usize;
        self.0[index.min(last)]
    }

    /// The median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// The median and the quartiles around it.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("–");
        }
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|part| short(self.quantile(part)));
        write!(f, "{middle} ({low}–{high})")
    }
}

/// A number rounded to useful precision.
pub fn short(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    let digits = match value.abs() {
        v if v < 1.0 => 3,
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_the_quartiles() {
        let mut sample = Sample::default();
        for value in [5.0, 1.0, 4.0, 2.0, 3.0] {
            sample.push(value);
        }
        assert_eq!(sample.to_string(), "3.00 (2.00–4.00)");
        assert!(Sample::default().median().is_nan());
    }
}
