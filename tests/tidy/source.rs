//! Files of the repository, and Rust sources with comments and strings told apart from code.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The checkout that these tests stand in.
pub(crate) struct Repository {
    root: PathBuf,
    paths: Vec<String>,
}

impl Repository {
    pub(crate) fn here() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).expect("tests/tidy lies in the repository").to_owned();
        let mut paths = listed(&root);
        paths.retain(|path| root.join(path).is_file());
        paths.sort();
        Self { root, paths }
    }

    pub(crate) fn paths(&self) -> &[String] {
        &self.paths
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Rust sources under a path.
    pub(crate) fn rust(&self, under: &str) -> Vec<Source> {
        let wanted = self.paths.iter().filter(|path| path.starts_with(under) && path.ends_with(".rs"));
        wanted.map(|path| Source::new(path, &self.text(path))).collect()
    }

    /// All text files: path and content.
    pub(crate) fn texts(&self) -> Vec<(String, String)> {
        let read = |path: &String| Some((path.clone(), fs::read_to_string(self.root.join(path)).ok()?));
        self.paths.iter().filter_map(read).collect()
    }
}

/// Files that git knows or would take; all but build output where there is no git.
fn listed(root: &Path) -> Vec<String> {
    let git =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root).output();
    if let Ok(output) = git
        && output.status.success()
    {
        return String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    }
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root) {
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// One Rust file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and the insides of strings blanked, line by line as long as before.
    pub(crate) code: String,
    /// Strings with the line they begin in.
    pub(crate) strings: Vec<(usize, String)>,
    test_lines: Vec<(usize, usize)>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, strings) = blank(text);
        let test_lines = test_regions(&code);
        Self { path: path.to_owned(), text: text.to_owned(), code, strings, test_lines }
    }

    /// Whether the whole file is about tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Whether a line stands within `#[cfg(test)]`.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    /// Lines of code that are not tests, with their numbers from 1.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(line, _)| !self.is_test_line(*line))
    }
}

/// Tells comments and strings from code.
fn blank(text: &str) -> (String, Vec<(usize, String)>) {
    let characters: Vec<char> = text.chars().collect();
    let (mut code, mut strings) = (String::with_capacity(text.len()), Vec::new());
    let (mut at, mut line) = (0, 1);
    let fill = |code: &mut String, line: &mut usize, part: &[char]| {
        for character in part {
            *line += usize::from(*character == '\n');
            code.push(if *character == '\n' { '\n' } else { ' ' });
        }
    };
    while at < characters.len() {
        let rest = &characters[at..];
        let end = match rest {
            ['/', '/', ..] => rest.iter().position(|character| *character == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['r', '"' | '#', ..] if !follows_name(&characters, at) && raw_string(rest).is_some() => {
                let (start, end) = raw_string(rest).expect("just asked");
                strings.push((line, rest[start..end - start + 1].iter().collect()));
                code.push('"');
                fill(&mut code, &mut line, &rest[1..end - 1]);
                code.push('"');
                at += end;
                continue;
            }
            ['"', ..] => {
                let end = string_end(rest);
                strings.push((line, rest[1..end.saturating_sub(1).max(1)].iter().collect()));
                code.push('"');
                fill(&mut code, &mut line, &rest[1..end.saturating_sub(1).max(1)]);
                code.push('"');
                at += end;
                continue;
            }
            ['\'', ..] => character_end(rest),
            _ => 0,
        };
        if end == 0 {
            line += usize::from(rest[0] == '\n');
            code.push(rest[0]);
            at += 1;
        } else {
            fill(&mut code, &mut line, &rest[..end]);
            at += end;
        }
    }
    (code, strings)
}

fn follows_name(characters: &[char], at: usize) -> bool {
    at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_')
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < rest.len() {
        match (rest[at], rest[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Where the content of a raw string begins, and where the whole ends.
fn raw_string(rest: &[char]) -> Option<(usize, usize)> {
    let hashes = rest[1..].iter().take_while(|character| **character == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let start = hashes + 2;
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let end = rest[start..].windows(closing.len()).position(|part| part == closing)?;
    Some((start, start + end + closing.len()))
}

fn string_end(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The end of a character literal; 0 for a lifetime.
fn character_end(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => rest[2..].iter().skip(1).position(|character| *character == '\'').map_or(0, |at| at + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// First and last lines of what `#[cfg(test)]` covers.
fn test_regions(code: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut regions = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_start();
        if !(line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")) {
            at += 1;
            continue;
        }
        let (mut depth, mut opened, mut end) = (0_i64, false, at);
        while end < lines.len() {
            for character in lines[end].chars() {
                match character {
                    '{' => (depth, opened) = (depth + 1, true),
                    '}' => depth -= 1,
                    _ => {}
                }
            }
            if (opened && depth <= 0) || (!opened && lines[end].trim_end().ends_with(';')) {
                break;
            }
            end += 1;
        }
        regions.push((at + 1, end + 1));
        at = end + 1;
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn comments_and_strings_are_not_code() {
        let source = Source::new(
            "a.rs",
            "let a = \"crate::b\"; // crate::c\nlet b = r#\"x \" y\"#; let c = '\"'; /* crate::d */ e(\"f\")",
        );
        assert!(!source.code.contains("crate"), "{}", source.code);
        let texts: Vec<&str> = source.strings.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["crate::b", "x \" y", "f"]);
        assert_eq!(source.strings[2].0, 2);
        assert!(source.code.contains("e("));
    }

    #[test]
    fn lines_within_cfg_test_are_known() {
        let source = Source::new("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        let lines: Vec<bool> = (1..=6).map(|line| source.is_test_line(line)).collect();
        assert_eq!(lines, [false, true, true, true, true, false]);
    }
}
