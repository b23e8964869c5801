//! Figures to a table for people, or to JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::{Cost, Spread};
use crate::throughput;
use crate::work::Work;

/// One row of the table.
pub(crate) struct Row {
    name: &'static str,
    target: &'static str,
    runs: usize,
    ours: Figures,
    theirs: Figures,
    /// How much more time theirs took, in each pair.
    ratio: Spread,
}

/// What one side took; times in seconds, memory in bytes.
struct Figures {
    wall: Spread,
    cpu: Option<Spread>,
    peak: Option<Spread>,
}

impl Row {
    /// Of pairs of whole programs, ours first.
    pub(crate) fn of_programs(work: &Work, pairs: &[(Cost, Cost)]) -> Self {
        let figures = |cost: fn(&(Cost, Cost)) -> Cost| {
            let costs: Vec<Cost> = pairs.iter().map(cost).collect();
            Figures {
                wall: Spread::of(costs.iter().map(|cost| cost.wall.as_secs_f64())),
                cpu: Some(Spread::of(costs.iter().map(|cost| cost.cpu.as_secs_f64()))),
                peak: Some(Spread::of(costs.iter().map(|cost| bytes(cost.peak)))),
            }
        };
        Self {
            name: work.name,
            target: work.target,
            runs: pairs.len(),
            ours: figures(|pair| pair.0),
            theirs: figures(|pair| pair.1),
            ratio: Spread::of(pairs.iter().map(|(ours, theirs)| theirs.wall.as_secs_f64() / ours.wall.as_secs_f64())),
        }
    }

    /// Of pairs of times, ours first.
    pub(crate) fn of_throughput(pairs: &[(Duration, Duration)]) -> Self {
        let figures = |time: fn(&(Duration, Duration)) -> Duration| Figures {
            wall: Spread::of(pairs.iter().map(|pair| time(pair).as_secs_f64())),
            cpu: None,
            peak: None,
        };
        Self {
            name: throughput::NAME,
            target: "0.9x of aws-lc-rs alone",
            runs: pairs.len(),
            ours: figures(|pair| pair.0),
            theirs: figures(|pair| pair.1),
            ratio: Spread::of(pairs.iter().map(|(ours, theirs)| theirs.as_secs_f64() / ours.as_secs_f64())),
        }
    }
}

/// A Markdown table.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let head = ["work", "peer", "sealer", "times as fast", "least and most", "to reach"].map(str::to_owned);
    let mut cells = vec![head.clone(), head.map(|_| String::new())];
    cells.extend(rows.iter().map(|row| {
        let Spread { median, least, most } = row.ratio;
        let ends = format!("{least:.2} to {most:.2}, {} pairs", row.runs);
        [row.name.to_owned(), side(&row.theirs), side(&row.ours), format!("{median:.2}"), ends, row.target.to_owned()]
    }));
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |(number, row): (usize, &[String; 6])| {
        let fill = if number == 1 { "-" } else { " " };
        let cell = |(text, width): (&String, &usize)| format!("{fill}{text}{}{fill}", fill.repeat(width - text.len()));
        format!("|{}|\n", row.iter().zip(&widths).map(cell).collect::<Vec<_>>().join("|"))
    };
    cells.iter().enumerate().map(line).collect()
}

fn side(figures: &Figures) -> String {
    let time = figures.wall.median * 1e3;
    let digits = usize::from(time < 100.0);
    let peak = figures.peak.map(|peak| format!(", {:.1} MiB", peak.median / f64::from(1 << 20)));
    format!("{time:.digits$} ms{}", peak.unwrap_or_default())
}

/// An array with every figure.
pub(crate) fn json(rows: &[Row]) -> Value {
    let spread = |spread: &Spread| json!({ "median": spread.median, "least": spread.least, "most": spread.most });
    let side = |side: &Figures| json!({ "seconds": spread(&side.wall), "cpuSeconds": side.cpu.as_ref().map(spread), "peakBytes": side.peak.as_ref().map(spread) });
    let row = |row: &Row| {
        json!({
            "work": row.name,
            "target": row.target,
            "pairs": row.runs,
            "sealer": side(&row.ours),
            "peer": side(&row.theirs),
            "ratio": spread(&row.ratio),
        })
    };
    rows.iter().map(row).collect()
}

#[expect(clippy::cast_precision_loss, reason = "no process has so much memory")]
fn bytes(number: u64) -> f64 {
    number as f64
}
