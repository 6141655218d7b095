//! Checks that the answers and the table are linearizable: some sequential order explains them.

use tests::Answer;

use super::{
    operations::{Label, Operation},
    phone::Phones,
    state::Model,
    table::Records,
};

/// An executed operation and its answer.
#[derive(Clone, Debug)]
pub struct Call {
    pub label: Label,
    pub operation: Operation,
    pub answer: Answer,
}

impl Call {
    /// Whether the answer leaves the outcome open: the operation was executed, or not.
    pub fn is_open(&self) -> bool {
        self.answer.status == 503
    }
}

/// Possible orders of the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As given.
    Given,
    /// Any.
    Any,
    /// Any; besides, a login may keep an earlier choice: see [`Model::decide`].
    AnyWithEarlyChoices,
}

/// What was seen.
pub struct History<'a> {
    pub start: &'a Model,
    pub phones: &'a Phones,
    pub calls: &'a [Call],
    pub end: &'a Records,
    pub order: Order,
    /// Whether the answers' counts may be too low, as after an answer lost on its way to the function.
    pub about_counts: bool,
}

impl History<'_> {
    /// Finds an order in which the model gives these answers and ends in these records.
    ///
    /// An operation that got a 503 may have been executed or not.
    pub fn explain(&self) -> Result<(), String> {
        let mut reasons = Vec::new();
        let calls: Vec<_> = self.calls.iter().collect();
        if self.search(self.start, self.phones, &calls, "", &mut reasons) {
            Ok(())
        } else {
            Err(format!("no order explains it:{}", reasons.concat()))
        }
    }

    fn search(
        &self,
        model: &Model,
        phones: &Phones,
        remaining: &[&Call],
        path: &str,
        reasons: &mut Vec<String>,
    ) -> bool {
        if remaining.is_empty() {
            let checked = self.end.check(model, phones, true);
            reasons.extend(
                checked
                    .as_ref()
                    .err()
                    .map(|reason| format!("\n {path}: {reason}")),
            );
            return checked.is_ok();
        }
        let choices = match self.order {
            Order::Given => 1,
            Order::Any | Order::AnyWithEarlyChoices => remaining.len(),
        };
        self.search_early_choices(model, phones, remaining, path, reasons)
            || (0..choices).any(|choice| {
                let mut others = remaining.to_vec();
                let call = others.remove(choice);
                let (mut after, mut heard) = (model.clone(), phones.clone());
                let outcome = after.step(call.label, &call.operation);
                let path = format!("{path} {}", call.label);
                if call.is_open() {
                    return self.search(&after, &heard, &others, &format!("{path}?"), reasons)
                        || self.search(model, phones, &others, &path, reasons);
                }
                match heard.hear(call.label, &outcome, &call.answer, &after, self.about_counts) {
                    Ok(()) => self.search(&after, &heard, &others, &path, reasons),
                    Err(reason) => {
                        reasons.push(format!("\n {path}: {reason}"));
                        false
                    }
                }
            })
    }

    fn search_early_choices(
        &self,
        model: &Model,
        phones: &Phones,
        remaining: &[&Call],
        path: &str,
        reasons: &mut Vec<String>,
    ) -> bool {
        self.order == Order::AnyWithEarlyChoices
            && remaining.iter().any(|call| match call.operation {
                Operation::Login { device, .. } | Operation::Redeem { device, .. }
                    if !model.has_decided(call.label) =>
                {
                    let mut decided = model.clone();
                    decided.decide(call.label, device);
                    let path = format!("{path} {}…", call.label);
                    self.search(&decided, phones, remaining, &path, reasons)
                }
                _ => false,
            })
    }
}
