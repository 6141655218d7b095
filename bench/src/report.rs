//! The results: tables, and a comparison with the budgets.

use std::fmt::Write as _;

use crate::stats::short;

/// Results of a part of the benchmark.
#[derive(Debug, Default)]
pub struct Findings {
    /// What was measured.
    pub tables: Vec<Table>,
    /// Values with a limit.
    pub budgets: Vec<Budget>,
}

/// A table with a note that explains it.
#[derive(Debug)]
pub struct Table {
    title: String,
    note: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A value with a limit.
#[derive(Debug)]
pub struct Budget {
    what: String,
    most: f64,
    measured: f64,
    unit: &'static str,
}

impl Findings {
    /// Adds another part's.
    pub fn extend(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.budgets.extend(other.budgets);
    }

    /// As Markdown, budgets first.
    pub fn markdown(&self) -> String {
        let mut budgets = Table::new(
            "Budgets",
            "What is measured against a bound.",
            &["what", "at most", "measured", ""],
        );
        for budget in &self.budgets {
            budgets.row([
                budget.what.clone(),
                format!("{}{}", plain(budget.most), budget.unit),
                format!("{}{}", short(budget.measured), budget.unit),
                if budget.is_met() { "met" } else { "**not met**" }.to_owned(),
            ]);
        }
        let tables = std::iter::once(&budgets)
            .filter(|table| !table.rows.is_empty())
            .chain(&self.tables);
        tables.map(Table::markdown).collect::<Vec<_>>().join("\n")
    }
}

impl Table {
    /// A table without rows.
    pub fn new(title: &str, note: &str, columns: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            note: note.to_owned(),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }

    fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.title, self.note);
        let rule: Vec<_> = self.columns.iter().map(|_| "---".to_owned()).collect();
        for row in [&self.columns, &rule].into_iter().chain(&self.rows) {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

impl Budget {
    /// A limit that the measured value must not exceed.
    pub fn at_most(what: impl Into<String>, most: f64, measured: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            most,
            measured,
            unit,
        }
    }

    /// Whether it holds; false without a measurement.
    pub fn is_met(&self) -> bool {
        self.measured <= self.most
    }
}

/// The ratio, as `1.23`.
pub fn ratio(value: f64, base: f64) -> String {
    let ratio = value / base;
    if ratio.is_nan() {
        "–".to_owned()
    } else {
        format!("{ratio:.2}")
    }
}

fn plain(value: f64) -> String {
    format!("{value:.1}").trim_end_matches(".0").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_met() {
        assert!(Budget::at_most("", 1.0, 1.0, "").is_met());
        assert!(!Budget::at_most("", 1.0, 1.01, "").is_met());
        assert!(!Budget::at_most("", 1.0, f64::NAN, "").is_met());
    }
}
