//! Sizes of the binaries.

use std::io::Write as _;

use flate2::{Compression, write::DeflateEncoder};

use testkit::Outcome;

use crate::{
    function,
    report::{Budget, Findings, Table},
    stats::short,
};

const MB: f64 = 1_000_000.0;

/// Measures the release binary of every function.
///
/// # Errors
///
/// If one has not been built.
pub fn run() -> Outcome<Findings> {
    let mut findings = Findings::default();
    let mut table = Table::new(
        "Size",
        "Megabytes (10⁶ bytes) of the release binaries of this machine's architecture; zipped: deflated as in a zip file, at \
         the usual level 6.",
        &["function", "binary", "zipped"],
    );
    for name in function::all()? {
        crate::progress::show(&format!("sizes: {name}"));
        let path = function::binary(&name);
        let binary = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut zip = DeflateEncoder::new(Vec::new(), Compression::new(6));
        zip.write_all(&binary)?;
        let (binary, zipped) = (megabytes(binary.len()), megabytes(zip.finish()?.len()));
        table.row([name.clone(), short(binary), short(zipped)]);
        findings.budgets.push(Budget::at_most(
            format!("{name}: zipped binary"),
            3.5,
            zipped,
            " MB",
        ));
    }
    findings.tables.push(table);
    Ok(findings)
}

#[expect(clippy::cast_precision_loss, reason = "a few million")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / MB
}
