//! What was found.

use crate::meter::Spent;
use serde_json::json;

/// One line of the table.
struct Line {
    scenario: String,
    /// How many messages, connects, connections or subscriptions the number rests on.
    count: usize,
    /// What the numbers are.
    measure: &'static str,
    drydock: f64,
    /// What stands beside it, and its number.
    beside: Option<(&'static str, f64)>,
    /// The most that the ratio, or where nothing stands beside the number, may be.
    target: Option<f64>,
}

impl Line {
    /// What a target is held against.
    fn score(&self) -> f64 {
        self.beside.map_or(self.drydock, |(_, beside)| self.drydock / beside)
    }
}

/// All lines.
pub(crate) struct Report {
    json: bool,
    lines: Vec<Line>,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, lines: Vec::new() }
    }

    /// Adds a number, with what stands beside it.
    pub(crate) fn number(
        &mut self,
        scenario: &str,
        count: usize,
        measure: &'static str,
        drydock: f64,
        beside: Option<(&'static str, f64)>,
        target: Option<f64>,
    ) {
        self.lines.push(Line { scenario: scenario.to_owned(), count, measure, drydock, beside, target });
    }

    /// Adds what was spent on each of `count` things: CPU time, or under callgrind instructions, and cycles where there are any.
    pub(crate) fn spent(
        &mut self,
        scenario: &str,
        count: usize,
        drydock: Spent,
        beside: Option<(&'static str, Spent)>,
        target: Option<f64>,
    ) {
        let each = |measure: &'static str, scale: f64, of: fn(&Spent) -> Option<f64>, report: &mut Self| {
            let per = |spent: &Spent| of(spent).map(|total| total * scale / count as f64);
            if let Some(ours) = per(&drydock) {
                let beside = beside.and_then(|(name, spent)| Some((name, per(&spent)?)));
                report.number(scenario, count, measure, ours, beside, target);
            }
        };
        match drydock.instructions {
            Some(_) => each("instructions each", 1.0, |s| s.instructions, self),
            None => each("CPU seconds per million", 1e6, |s| Some(s.seconds), self),
        }
        each("cycles each", 1.0, |s| s.cycles, self);
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        if self.json {
            let line = |line: &Line| {
                json!({
                    "scenario": line.scenario, "count": line.count, "measure": line.measure, "drydock": line.drydock,
                    "beside": line.beside.map(|(name, value)| json!({ "name": name, "value": value })),
                    "ratio": line.beside.map(|_| line.score()), "target": line.target,
                    "met": line.target.map(|target| line.score() <= target),
                })
            };
            println!("{:#}", json!(self.lines.iter().map(line).collect::<Vec<_>>()));
            return;
        }
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::ASCII_MARKDOWN);
        table.set_header(["scenario", "count", "measure", "drydock", "beside", "", "ratio", "target"]);
        for line in &self.lines {
            let (name, beside) = line.beside.map_or((String::new(), String::new()), |(n, v)| (n.to_owned(), short(v)));
            let verdict =
                |target| if line.score() <= target { format!("≤ {target} ✓") } else { format!("≤ {target} ✗") };
            table.add_row([
                line.scenario.clone(),
                line.count.to_string(),
                line.measure.to_owned(),
                short(line.drydock),
                name,
                beside,
                line.beside.map(|_| format!("{:.2}", line.score())).unwrap_or_default(),
                line.target.map(verdict).unwrap_or_default(),
            ]);
        }
        println!("{table}");
    }
}

fn short(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
