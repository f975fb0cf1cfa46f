//! Structured logs: one JSON object per line on standard output, which Lambda carries to CloudWatch Logs.

use tracing_subscriber::EnvFilter;

/// Starts logging. Call it once, first. `RUST_LOG` or else `AWS_LAMBDA_LOG_LEVEL` (which Lambda sets from the function's
/// `LoggingConfig`) choose the level; `info` is the default.
pub fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|_| "info".to_owned()).to_lowercase();
    let level = if level == "fatal" { "error".to_owned() } else { level };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // The span carries the request id.
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false).with_env_filter(filter);
    // Only a test that starts logging twice finds it started, and loses nothing.
    drop(lines.try_init());
}
