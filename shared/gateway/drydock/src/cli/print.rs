//! How the command line speaks: colours only on a terminal, one style for each kind of thing. Whatever is printed leaves through
//! here, where nothing but text, line breaks and these colours passes ([`shown`](crate::shown)).

use comfy_table::{ContentArrangement, Table, presets};
use drydock_host::shown;
use owo_colors::{OwoColorize, Stream};
use std::fmt::Display;
use std::io::Write;

/// How wide a table is where there is no terminal to ask.
const WIDTH: u16 = 160;

/// Prints an error with all its causes to standard error, as text a person can act on.
pub fn error(error: &(dyn std::error::Error + 'static)) {
    beside(format_args!("{} {error}", "error:".if_supports_color(Stream::Stderr, |t| t.red().bold().to_string())));
    let mut cause = error.source();
    while let Some(inner) = cause {
        beside(format_args!("  {} {inner}", "because".if_supports_color(Stream::Stderr, |t| t.dimmed().to_string())));
        cause = inner.source();
    }
}

/// Prints a line of something that goes on. Where it cannot be printed (a full disk, a reader that has gone), what goes on
/// does not end for it.
pub fn told(line: impl Display) {
    let _ = written(line);
}

/// Prints whole lines of something that goes on, in one piece; as [`told`] otherwise.
pub fn told_at_once(lines: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(shown::page(lines).as_bytes()).and_then(|()| out.flush());
}

/// Prints a line of something that is there only to be printed, and ends where that cannot be: whether it was printed.
#[must_use]
pub fn written(line: impl Display) -> bool {
    writeln!(std::io::stdout().lock(), "{}", shown::page(&line.to_string())).is_ok()
}

/// Prints a line beside the output proper, on standard error; as [`told`] otherwise.
pub fn beside(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{}", shown::page(&line.to_string()));
}

/// A heading on standard output.
pub fn heading(text: impl Display) {
    told(strong(text));
}

/// Text that matters more.
pub fn strong(text: impl Display) -> String {
    text.to_string().if_supports_color(Stream::Stdout, |t| t.bold().to_string()).to_string()
}

/// Text that matters less.
pub fn dim(text: impl Display) -> String {
    text.to_string().if_supports_color(Stream::Stdout, |t| t.dimmed().to_string()).to_string()
}

/// Text that tells of success.
pub fn good(text: impl Display) -> String {
    text.to_string().if_supports_color(Stream::Stdout, |t| t.green().to_string()).to_string()
}

/// A value that is not what it is by default.
pub fn changed(text: impl Display) -> String {
    text.to_string().if_supports_color(Stream::Stdout, |t| t.yellow().bold().to_string()).to_string()
}

/// Text that tells of a refusal or a failure.
pub fn bad(text: impl Display) -> String {
    text.to_string().if_supports_color(Stream::Stdout, |t| t.red().to_string()).to_string()
}

/// A table in the one style that all commands use.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    // Terminals that programs open may say that they have no columns at all.
    if table.width().unwrap_or(0) == 0 || !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        table.set_width(WIDTH);
    }
    table
}
