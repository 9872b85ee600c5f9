//! Tables of measurements for people: numbers to the right, as many digits as mean something.

use super::sample::Spread;

/// Prints rows under a header.
pub(crate) fn print(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).enumerate().map(|(at, (cell, width))| pad(cell, *width, at)).collect();
        println!("  {}", padded.join("  ").trim_end());
    };
    line(&header.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
    rows.iter().for_each(|row| line(row));
}

/// The first column is a name.
fn pad(cell: &str, width: usize, column: usize) -> String {
    if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
}

/// `1.05 / 1.12 / 1.40`.
pub(crate) fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |s| format!("{} / {} / {}", number(s.min), number(s.median), number(s.max)))
}

/// Three digits that count.
pub(crate) fn number(number: f64) -> String {
    match number.abs() {
        n if n >= 10_000.0 => format!("{:.1} k", number / 1e3),
        n if n >= 100.0 => format!("{number:.0}"),
        n if n >= 10.0 => format!("{number:.1}"),
        n if n >= 0.1 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_have_the_digits_that_count() {
        let written: Vec<String> = [123_456.0, 1234.5, 12.34, 1.234, 0.0123].map(super::number).to_vec();
        assert_eq!(written, ["123.5 k", "1234", "12.3", "1.23", "0.012"]);
    }
}
