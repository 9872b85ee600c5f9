//! Which SQL SQLite and PostgreSQL both understand, and mean the same by: a check by words, so that a statement that
//! only one engine takes is found before the other engine is there.

/// One word of a statement.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// A name in double quotes.
    Name,
    Text,
    Number,
    /// `?1`
    Parameter(bool),
    /// `{ints:1}`
    Marker(String),
    Sign(String),
}

/// Words that one of the engines doesn't know, or means something else by.
const FOREIGN: &[&str] = &[
    "like",
    "ilike",
    "similar",
    "glob",
    "regexp",
    "match",
    "rowid",
    "_rowid_",
    "oid",
    "autoincrement",
    "pragma",
    "replace",
    "collate",
    "nocase",
    "indexed",
    "vacuum",
    "attach",
    "isnull",
    "notnull",
    "without",
    "virtual",
    "integer",
    "int",
    "real",
    "float",
    "double",
    "numeric",
    "varchar",
    "boolean",
    "blob",
    "bytea",
    "serial",
    "json",
    "jsonb",
    "timestamp",
    "datetime",
    "true",
    "false",
    "glob",
    "total",
    "ignore",
    "abort",
    "fail",
    "trigger",
];
/// Functions that both engines have. The two for texts are ours, made known to each engine.
const FUNCTIONS: &[&str] =
    &["count", "sum", "min", "max", "cast", "coalesce", "abs", "length", "text_matches", "text_matches_folded"];
/// Words before a bracket that are no functions.
const KEYWORDS: &[&str] = &[
    "in",
    "values",
    "and",
    "or",
    "not",
    "as",
    "exists",
    "select",
    "on",
    "from",
    "check",
    "key",
    "where",
    "join",
    "when",
    "then",
    "else",
    "union",
    "all",
    "unique",
    "set",
    "by",
    "materialized",
    "having",
    "with",
    "is",
    "case",
    "conflict",
    "using",
];
/// Words behind which a bracket opens a list of columns, not a call.
const NAMING: &[&str] = &["into", "table", "references", "index", "recursive", "exists", "join", "update", "with"];
/// Markers that are translated for each engine.
const MARKERS: &[&str] = &[
    "identity",
    "row_id",
    "next_id",
    "blob",
    "skip_locked",
    "ints",
    "texts",
    "each",
    "in_turn",
    "refers",
    "extra_int",
    "extra_text",
];
/// Signs that both engines read alike.
const SIGNS: &[&str] = &["=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "||", "(", ")", ",", "."];

/// What is wrong with a statement; none: both engines take it.
pub fn problems(statement: &str) -> Vec<String> {
    let mut out = Vec::new();
    for part in whole(statement) {
        let tokens = tokens(&part);
        words(&tokens, &mut out);
        signs(&tokens, &mut out);
        calls(&tokens, &mut out);
        limits(&tokens, &mut out);
        subqueries(&tokens, &mut out);
        truths(&tokens, &mut out);
    }
    if !is_definition(statement) && whole(statement).len() > 1 {
        out.push("one statement at a time".to_owned());
    }
    out
}

fn is_definition(statement: &str) -> bool {
    let verb = statement.split_whitespace().next().unwrap_or_default().to_lowercase();
    ["create", "alter", "drop", "--"].contains(&verb.as_str())
}

/// The statements of a text, without remarks.
fn whole(text: &str) -> Vec<String> {
    let text: String = text.lines().map(|line| line.split("--").next().unwrap_or_default().to_owned() + "\n").collect();
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let mut take = |first: char, wanted: &dyn Fn(char) -> bool| {
            let mut word = String::from(first);
            while let Some(next) = rest.next_if(|next| wanted(*next)) {
                word.push(next);
            }
            word
        };
        match char {
            char if char.is_whitespace() => {}
            '\'' | '"' | '{' => {
                let end = if char == '{' { '}' } else { char };
                let word = take(char, &|next| next != end);
                rest.next();
                out.push(match char {
                    '\'' => Token::Text,
                    '"' => Token::Name,
                    _ => Token::Marker(word.trim_start_matches('{').split(':').next().unwrap_or_default().to_owned()),
                });
            }
            '?' => {
                let word = take('?', &|next| next.is_ascii_digit());
                out.push(Token::Parameter(word.len() > 1));
            }
            char if char.is_ascii_digit() => {
                take(char, &|next| next.is_ascii_digit());
                out.push(Token::Number);
            }
            char if char.is_alphabetic() || char == '_' => {
                out.push(Token::Word(take(char, &|next| next.is_alphanumeric() || next == '_').to_lowercase()));
            }
            '(' | ')' | ',' | '.' | '*' => out.push(Token::Sign(char.to_string())),
            char => out.push(Token::Sign(take(char, &|next| "=<>|!-~&%@#^`$".contains(next)))),
        }
    }
    out
}

fn word(token: Option<&Token>) -> &str {
    match token {
        Some(Token::Word(word)) => word,
        _ => "",
    }
}

fn is_sign(token: Option<&Token>, sign: &str) -> bool {
    matches!(token, Some(Token::Sign(found)) if found == sign)
}

fn words(tokens: &[Token], out: &mut Vec<String>) {
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match token {
            Token::Word(found) if FOREIGN.contains(&found.as_str()) => {
                out.push(format!("{found} is no word of both engines"))
            }
            Token::Word(found)
                if found == "or" && ["insert", "update"].contains(&word(at.checked_sub(1).map(|at| &tokens[at]))) =>
            {
                out.push("insert or … is one engine's own: on conflict".to_owned());
            }
            Token::Word(found) if found == "is" => {
                let plain = if word(next) == "not" { tokens.get(at + 2) } else { next };
                if !["null", "distinct"].contains(&word(plain)) {
                    out.push("is compares with null only: is distinct from".to_owned());
                }
            }
            Token::Word(found) if found == "conflict" && word(next) == "do" && word(tokens.get(at + 2)) == "update" => {
                out.push("on conflict needs its columns to update".to_owned());
            }
            Token::Parameter(false) => out.push("a parameter has a number".to_owned()),
            Token::Marker(found) if !MARKERS.contains(&found.as_str()) => out.push(format!("{{{found}}} is no token")),
            _ => {}
        }
    }
}

fn signs(tokens: &[Token], out: &mut Vec<String>) {
    for token in tokens {
        if let Token::Sign(found) = token
            && !SIGNS.contains(&found.as_str())
        {
            out.push(format!("{found} is no sign of both engines"));
        }
    }
}

/// The tokens within the bracket that opens at a place.
fn within(tokens: &[Token], open: usize) -> &[Token] {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(is_sign(Some(token), "(")) - i32::from(is_sign(Some(token), ")"));
        if depth == 0 {
            return &tokens[open + 1..at];
        }
    }
    &tokens[open + 1..]
}

/// Where in a list of tokens a test holds outside of any bracket.
fn outside<'a>(tokens: &'a [Token], test: impl Fn(&Token) -> bool + 'a) -> impl Iterator<Item = usize> + 'a {
    let mut depth = 0;
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        depth += i32::from(is_sign(Some(token), "(")) - i32::from(is_sign(Some(token), ")"));
        (depth == 0 && test(token)).then_some(at)
    })
}

fn calls(tokens: &[Token], out: &mut Vec<String>) {
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(name) = token else { continue };
        if !is_sign(tokens.get(at + 1), "(") || KEYWORDS.contains(&name.as_str()) {
            continue;
        }
        let before = at.checked_sub(1).map(|at| &tokens[at]);
        // A name behind a comma or an alias, as of a common table, has its columns in the bracket.
        let names_columns =
            NAMING.contains(&word(before)) || word(before) == "on" || word(tokens.get(at + 2)) == "select";
        if names_columns {
            continue;
        }
        let inside = within(tokens, at + 1);
        if !FUNCTIONS.contains(&name.as_str()) {
            out.push(format!("{name} is no function of both engines"));
        }
        let arguments = outside(inside, |token| is_sign(Some(token), ",")).count() + 1;
        if ["min", "max", "sum", "count"].contains(&name.as_str()) {
            if arguments > 1 {
                out.push(format!("{name} takes one value"));
            }
            let compares = outside(
                inside,
                |token| matches!(token, Token::Sign(sign) if ["=", "<>", "<", ">"].contains(&sign.as_str())),
            );
            if compares.count() > 0 && word(inside.first()) != "case" {
                out.push(format!("{name} of a comparison: case when … then 1 else 0 end"));
            }
        }
    }
}

fn limits(tokens: &[Token], out: &mut Vec<String>) {
    let changes = ["update", "delete"].contains(&word(tokens.first()));
    if changes {
        for at in outside(tokens, |token| ["limit", "order"].contains(&word(Some(token)))) {
            out.push(format!("{} of a change is one engine's own", word(tokens.get(at))));
        }
    }
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| word(Some(token)) == "limit") {
        if is_sign(tokens.get(at + 1), "-") || is_sign(tokens.get(at + 2), ",") {
            out.push("limit takes one number, 0 or more; offset has a word of its own".to_owned());
        }
    }
}

fn subqueries(tokens: &[Token], out: &mut Vec<String>) {
    for at in 0..tokens.len() {
        let opens = ["from", "join"].contains(&word(tokens.get(at))) && is_sign(tokens.get(at + 1), "(");
        if opens {
            let behind = tokens.get(at + 3 + within(tokens, at + 1).len());
            let has_alias = match behind {
                Some(Token::Word(word)) => {
                    !["where", "order", "group", "on", "limit", "union"].contains(&word.as_str())
                }
                _ => false,
            };
            if !has_alias {
                out.push("a selection in from needs an alias".to_owned());
            }
        }
    }
}

/// A number is no truth: `where paused` is one engine's own.
fn truths(tokens: &[Token], out: &mut Vec<String>) {
    const ENDS: &[&str] = &["and", "or", "then", "order", "group", "limit", "returning", "end", "do"];
    for at in 0..tokens.len() {
        if !["where", "and", "or", "not", "when"].contains(&word(tokens.get(at))) {
            continue;
        }
        let mut end = at + 1;
        let is_name = |token: Option<&Token>| match token {
            Some(Token::Word(word)) => !["not", "exists", "case", "coalesce", "null", "in", "distinct", "materialized"]
                .contains(&word.as_str()),
            Some(Token::Name) => true,
            _ => false,
        };
        if !is_name(tokens.get(end)) {
            continue;
        }
        end += 1;
        while is_sign(tokens.get(end), ".") {
            end += 2;
        }
        let behind = tokens.get(end);
        if behind.is_none() || is_sign(behind, ")") || ENDS.contains(&word(behind)) {
            out.push("a column is no truth by itself: compare it".to_owned());
        }
    }
}

/// Line and text of each string in a Rust source, escapes undone as far as SQL needs them.
pub fn literals(source: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut rest = source.char_indices().peekable();
    let mut line = 1;
    while let Some((at, char)) = rest.next() {
        match char {
            '\n' => line += 1,
            '/' if source[at..].starts_with("//") => while rest.next_if(|(_, next)| *next != '\n').is_some() {},
            // A quoted character, which may be a quote.
            '\'' if source[at..].starts_with("'\"'") => {
                rest.next();
                rest.next();
            }
            '"' => {
                let (start, mut text) = (line, String::new());
                while let Some((_, char)) = rest.next() {
                    match char {
                        '"' => break,
                        '\\' => match rest.next() {
                            Some((_, '\n')) => {
                                line += 1;
                                while rest.next_if(|(_, next)| *next == ' ').is_some() {}
                            }
                            Some((_, 'n')) => text.push('\n'),
                            Some((_, other)) => text.push(other),
                            None => break,
                        },
                        '\n' => {
                            line += 1;
                            text.push('\n');
                        }
                        other => text.push(other),
                    }
                }
                out.push((start, text));
            }
            _ => {}
        }
    }
    out
}

/// Whether a text has holes that are filled when it is used, so that it is no statement by itself.
pub fn is_template(text: &str) -> bool {
    text.split('{').skip(1).any(|hole| {
        let name = hole.split(['}', ':']).next().unwrap_or_default();
        !MARKERS.contains(&name)
    })
}
