//! The Prometheus text format, version 0.0.4. What is not in [`super::FAMILIES`] cannot be written.

use core::{fmt::Display, time::Duration};

use super::{families::Family, histogram::Histogram};

/// A page of metrics.
#[derive(Debug, Default)]
pub(super) struct Page(String);

// === impl Page ===

impl Page {
    /// Writes a metric: one line for each set of label values.
    pub(super) fn write<V: Display>(
        &mut self,
        name: &str,
        samples: impl IntoIterator<Item = (Vec<String>, V)>,
    ) {
        let Some(family) = Family::named(name) else { return };
        self.head(family, name);
        for (values, value) in samples {
            self.line(name, family.labels, &values, None, &value.to_string());
        }
    }

    /// Writes a metric without labels.
    pub(super) fn write_one(&mut self, name: &str, value: impl Display) {
        self.write(name, [(Vec::new(), value)]);
    }

    /// Writes one metric for each reason.
    pub(super) fn write_by_reason<'a>(
        &mut self,
        name: &str,
        counts: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        let Some(family) = Family::named(name) else { return };
        let prefix = name.strip_suffix("<reason>").unwrap_or(name);
        for (reason, count) in counts {
            let name = format!("{prefix}{reason}");
            self.head(family, &name);
            self.line(&name, family.labels, &[], None, &count.to_string());
        }
    }

    /// Writes a histogram for each value of its label.
    pub(super) fn write_histograms<'a>(
        &mut self,
        name: &str,
        histograms: impl IntoIterator<Item = (&'a str, Histogram)>,
    ) {
        let Some(family) = Family::named(name) else { return };
        self.head(family, name);
        for (value, histogram) in histograms {
            let values = [value.to_owned()];
            for (bound, count) in histogram.buckets() {
                self.line(&format!("{name}_bucket"), family.labels, &values, Some(bound), &count.to_string());
            }
            self.line(&format!("{name}_sum"), family.labels, &values, None, &seconds(histogram.sum()));
            self.line(&format!("{name}_count"), family.labels, &values, None, &histogram.count().to_string());
        }
    }

    /// The text.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, family: &Family, name: &str) {
        let Family { form, help, .. } = family;
        for part in ["# HELP ", name, " ", help, "\n# TYPE ", name, " ", form.name(), "\n"] {
            self.0.push_str(part);
        }
    }

    fn line(&mut self, name: &str, labels: &[&str], values: &[String], bound: Option<&str>, value: &str) {
        self.0.push_str(name);
        let mut open = '{';
        let pairs = labels.iter().copied().zip(values.iter().map(String::as_str));
        for (label, text) in pairs.chain(bound.map(|bound| ("le", bound))) {
            self.0.push(open);
            open = ',';
            self.0.push_str(label);
            self.0.push_str("=\"");
            for character in text.chars() {
                match character {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
        if open == ',' {
            self.0.push('}');
        }
        self.0.push(' ');
        self.0.push_str(value);
        self.0.push('\n');
    }
}

/// Seconds with a point, to the microsecond.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{}.{:06}", duration.as_secs(), duration.subsec_micros())
}
