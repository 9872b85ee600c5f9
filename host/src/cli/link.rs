//! Files of links: `binding export` and `binding import`, as CSV.

use std::{io::Write, path::PathBuf};

use serde_json::json;

use super::{Done, binding::Which, error::Error, session::Session};
use crate::operation::{
    binding::{Bind, List},
    link::Imported,
};

/// Links in one request.
const BATCH: usize = 500;
/// Columns of a file of links.
const COLUMNS: [&str; 4] = ["backend", "kind", "external_id", "record"];

/// Writes links to a file.
pub(super) async fn export(session: &Session<'_>, file: PathBuf, which: Which) -> Done {
    let cannot = |reason: std::io::Error| Error::File { path: file.clone(), reason };
    let is_piped = file.as_os_str() == "-";
    let target: Box<dyn Write + Send> = match is_piped {
        true => Box::new(std::io::stdout()),
        false => Box::new(std::fs::File::create(&file).map_err(cannot)?),
    };
    let mut table = csv::Writer::from_writer(target);
    table.write_record(COLUMNS).map_err(|error| cannot(error.into()))?;
    let (mut after, mut count) = (None::<i64>, 0_u64);
    loop {
        let request = json!({
            "backend": which.backend, "kind": which.kind, "status": which.status(), "limit": BATCH, "after": after,
        });
        let page: List = session.get("binding.list", &request).await?;
        for binding in &page.bindings {
            // Only whole links mean something elsewhere.
            if let (Some(external_id), Some(record)) = (&binding.external_id, binding.record) {
                let row = [&binding.backend, &binding.kind, external_id, &record.to_string()];
                table.write_record(row).map_err(|error| cannot(error.into()))?;
                count += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    table.flush().map_err(cannot)?;
    if !is_piped {
        let raw = json!({ "exported": count, "file": file }).to_string();
        session.output.answer(&raw, |_: serde_json::Value| format!("{count} links are in {}.", file.display()))?;
    }
    Ok(())
}

/// Takes links from a file: all rows are looked at before the first is taken.
pub(super) async fn import(session: &Session<'_>, file: PathBuf) -> Done {
    let (lines, links, mut wrong) = read(&file)?;
    let send = async |check: bool, from: usize| -> Result<Imported, Box<crate::operation::wire::Problem>> {
        let batch = &links[from..links.len().min(from + BATCH)];
        session.get("binding.import", &json!({ "links": batch, "check": check })).await
    };
    for from in (0..links.len()).step_by(BATCH) {
        wrong.extend(send(true, from).await?.refused.into_iter().map(|row| (lines[from + row.at], row.reason)));
    }
    let mut sum = Imported::default();
    for from in (0..links.len()).step_by(BATCH) {
        if !wrong.is_empty() {
            break;
        }
        let done = send(false, from).await?;
        sum.bound += done.bound;
        sum.unchanged += done.unchanged;
        // Two rows of the file may be at odds with each other.
        wrong.extend(done.refused.into_iter().map(|row| (lines[from + row.at], row.reason)));
    }
    if !wrong.is_empty() {
        wrong.sort_unstable();
        return Err(Error::Row { path: file, rows: wrong, bound: sum.bound }.into());
    }
    let raw = serde_json::to_string(&sum).map_err(|error| Error::Answer(error.to_string()))?;
    session
        .output
        .answer(&raw, |sum: Imported| format!("{} links are made, {} were there already.", sum.bound, sum.unchanged))
}

type Rows = (Vec<u64>, Vec<Bind>, Vec<(u64, String)>);

/// Lines and links of a file, and the rows that are none.
fn read(file: &PathBuf) -> Result<Rows, Error> {
    let source: Box<dyn std::io::Read + Send> = match file.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => Box::new(std::fs::File::open(file).map_err(|reason| Error::File { path: file.clone(), reason })?),
    };
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
    let header = |reason: String| Error::Row { path: file.clone(), rows: vec![(1, reason)], bound: 0 };
    let names = table.headers().map_err(|error| header(error.to_string()))?.clone();
    if names.iter().ne(COLUMNS) {
        return Err(header(format!("the first line must be {}", COLUMNS.join(","))));
    }
    let (mut lines, mut links, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    let mut row = csv::StringRecord::new();
    loop {
        match table.read_record(&mut row) {
            Ok(false) => return Ok((lines, links, wrong)),
            Ok(true) => {
                let line = row.position().map_or(0, csv::Position::line);
                match link(&row) {
                    Ok(link) => {
                        lines.push(line);
                        links.push(link);
                    }
                    Err(reason) => wrong.push((line, reason)),
                }
            }
            Err(error) => wrong.push((error.position().map_or(0, csv::Position::line), plain(&error))),
        }
    }
}

fn link(row: &csv::StringRecord) -> Result<Bind, String> {
    let cell = |at: usize| match row.get(at) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{} is empty", COLUMNS[at])),
    };
    let record = cell(3)?;
    let record = record.parse().map_err(|_| format!("record: {record:?} is no id of a record"))?;
    Ok(Bind { backend: cell(0)?, kind: cell(1)?, external_id: cell(2)?, record })
}

/// What is wrong with a row, without its place, which is told apart.
fn plain(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns where {expected_len} are wanted")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not in UTF-8".to_owned(),
        _ => error.to_string(),
    }
}
