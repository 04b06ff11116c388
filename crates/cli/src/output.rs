//! What people and machines read on standard output: aligned text with colours on a terminal, or JSON.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use escrow::Timestamp;
use serde_json::Value;

use crate::failure::Failure;

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    is_json: bool,
    is_plain: bool,
    is_terminal: bool,
}

/// How a piece of text stands out. Without colours it does not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Red => "31",
            Style::Green => "32",
            Style::Yellow => "33",
        }
    }
}

impl Out {
    /// Standard output as it is: coloured on a terminal, unless `NO_COLOR` is set to anything.
    pub(crate) fn new(is_json: bool) -> Out {
        let is_terminal = std::io::stdout().is_terminal();
        let wants_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Out { is_json, is_plain: wants_none || is_dumb, is_terminal }
    }

    /// Output without colours, for tests.
    #[cfg(test)]
    pub(crate) const fn plain() -> Out {
        Out { is_json: false, is_plain: true, is_terminal: false }
    }

    /// Whether JSON was asked for.
    pub(crate) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether colours are unwanted wherever the output goes.
    pub(crate) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Whether a person watches.
    pub(crate) const fn is_watched(&self) -> bool {
        self.is_terminal && !self.is_json
    }

    /// Writes a line for people; nothing when JSON was asked for.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), Failure> {
        if self.is_json { Ok(()) } else { write_line(&text) }
    }

    /// Writes an object for machines on a line of its own; nothing unless JSON was asked for.
    pub(crate) fn json(&self, value: &Value) -> Result<(), Failure> {
        if self.is_json { write_line(value) } else { Ok(()) }
    }

    /// Writes an object that is JSON text already, on a line of its own; nothing unless JSON was asked for.
    pub(crate) fn json_text(&self, text: impl Display) -> Result<(), Failure> {
        if self.is_json { write_line(&text) } else { Ok(()) }
    }

    /// The text in this style.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        if self.is_terminal && !self.is_plain {
            format!("\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            text.to_string()
        }
    }

    /// Writes rows in aligned columns under a heading.
    pub(crate) fn table(&self, columns: &[Column], rows: &[Vec<String>]) -> Result<(), Failure> {
        let widths = widths(columns, rows);
        let heading: Vec<String> = columns.iter().map(|column| column.title().to_owned()).collect();
        self.line(self.paint(Style::Bold, aligned(columns, &widths, &heading)))?;
        rows.iter().try_for_each(|row| self.line(aligned(columns, &widths, row)))
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// Text, aligned to the left.
    Left(&'static str),
    /// Numbers, aligned to the right.
    Right(&'static str),
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Column::Left(title) | Column::Right(title) => title,
        }
    }
}

fn widths(columns: &[Column], rows: &[Vec<String>]) -> Vec<usize> {
    let cells = |place: usize| rows.iter().filter_map(move |row| row.get(place));
    let width = |(place, column): (usize, &Column)| {
        cells(place).map(|cell| cell.chars().count()).max().unwrap_or(0).max(column.title().chars().count())
    };
    columns.iter().enumerate().map(width).collect()
}

fn aligned(columns: &[Column], widths: &[usize], row: &[String]) -> String {
    let cells = columns.iter().zip(widths).zip(row).map(|((column, width), cell)| match column {
        Column::Left(_) => format!("{cell:<width$}"),
        Column::Right(_) => format!("{cell:>width$}"),
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn write_line(text: &dyn Display) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(Failure::Output)
}

/// Whether a terminal obeys a character in place of showing it: control characters, and those that turn the direction of what follows
/// (Unicode Standard Annex 9, "Directional Formatting Characters").
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text from elsewhere on one line, without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|character| if is_obeyed(character) { char::REPLACEMENT_CHARACTER } else { character }).collect()
}

/// JSON for people: indented, with what a terminal would obey as an escape, so that it still is the same JSON.
pub(crate) fn pretty(value: &Value) -> String {
    let mut shown = String::new();
    for character in format!("{value:#}").chars() {
        if character != '\n' && is_obeyed(character) {
            shown.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A point in time as people and machines read it: RFC 3339 in UTC, to the second.
pub(crate) fn utc(time: Timestamp) -> String {
    const DAY_S: i64 = 24 * 3600;
    let (days, second) = (time.seconds().div_euclid(DAY_S), time.seconds().rem_euclid(DAY_S));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day so many days after 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`): years begin in March, so that the leap day comes last.
const fn civil(days: i64) -> (i64, i64, i64) {
    let from_march_0000 = days + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let day_of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let is_next_year = if month <= 2 { 1 } else { 0 };
    (year_of_era + era * 400 + is_next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_shown_in_utc() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(Timestamp::from_ms(seconds * 1000)), shown);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        assert_eq!(plain("Bär \u{1b}[31m\n\u{9b}x\u{202e}"), "Bär \u{fffd}[31m\u{fffd}\u{fffd}x\u{fffd}");
        let value = serde_json::json!({"text": "a\u{1b}\u{7f}\u{9b}\u{202e}\nb é"});
        let shown = pretty(&value);
        assert_eq!(shown, "{\n  \"text\": \"a\\u001b\\u007f\\u009b\\u202e\\nb é\"\n}");
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), value);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let columns = [Column::Left("name"), Column::Right("amount"), Column::Left("")];
        let rows = [vec!["é".to_owned(), "1000.00".to_owned(), "x".to_owned()]];
        let widths = widths(&columns, &rows);
        assert_eq!(widths, [4, 7, 1]);
        assert_eq!(aligned(&columns, &widths, &rows[0]), "é     1000.00  x");
    }
}
