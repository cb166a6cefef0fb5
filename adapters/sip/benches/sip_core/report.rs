//! Figures beside their bars.

use std::time::Duration;

#[derive(Default)]
pub struct Report {
    missed: Vec<String>,
}

impl Report {
    pub fn title(&mut self, text: &str) {
        println!("\n{text}");
    }

    pub fn figure(&mut self, name: &str, value: &str) {
        println!("  {name:<58} {value:>14}");
    }

    /// A figure that must not be above its bar.
    pub fn bar(&mut self, name: &str, value: f64, bar: f64, unit: &str) {
        let met = value <= bar;
        println!(
            "  {name:<58} {value:>10.2} {unit:<4} bar {bar} {}",
            if met { "met" } else { "MISSED" }
        );
        if !met {
            self.missed.push(name.to_owned());
        }
    }

    pub fn check(&mut self, name: &str, true_: bool) {
        self.bar(name, f64::from(u8::from(!true_)), 0.0, "");
    }

    pub fn end(&self) -> i32 {
        for name in &self.missed {
            println!("missed: {name}");
        }
        i32::from(!self.missed.is_empty())
    }
}

/// Latencies.
#[derive(Default, Clone)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In milliseconds.
    pub fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() as f64 * percent / 100.0) as usize;
        let time = sorted.get(at.min(sorted.len().saturating_sub(1)));
        time.copied().unwrap_or(Duration::MAX).as_secs_f64() * 1e3
    }
}
