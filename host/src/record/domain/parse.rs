//! Domains as trees: prefix operators over leaves of field, operator and value. What a field is, is not known here.

use serde_json::Value as Json;

/// A domain.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// All of these; empty: everything.
    All(Vec<Expression>),
    /// One of these at least.
    Any(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// A comparison.
    Leaf(Leaf),
    /// Always or never: the leaves `[1, "=", 1]` and `[0, "=", 1]`.
    Constant(bool),
}

/// `[field, operator, value]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// A field, or a path of fields joined by points.
    pub path: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: Json,
}

/// The operators of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`, `==`
    Equal,
    /// `!=`, `<>`
    Unequal,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=?`: equal, or anything where the value is empty
    EqualIfSet,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `like`: contains
    Like,
    /// `not like`
    NotLike,
    /// `ilike`: contains, whatever the case
    Ilike,
    /// `not ilike`
    NotIlike,
    /// `=like`: matches a pattern with `%` and `_`
    Pattern,
    /// `=ilike`: matches a pattern, whatever the case
    PatternFolded,
    /// `child_of`
    ChildOf,
    /// `parent_of`
    ParentOf,
}

const OPERATORS: [(&str, Operator); 19] = [
    ("=", Operator::Equal),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<>", Operator::Unequal),
    (">", Operator::Greater),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    ("<=", Operator::AtMost),
    ("=?", Operator::EqualIfSet),
    ("in", Operator::In),
    ("not in", Operator::NotIn),
    ("like", Operator::Like),
    ("not like", Operator::NotLike),
    ("ilike", Operator::Ilike),
    ("not ilike", Operator::NotIlike),
    ("=like", Operator::Pattern),
    ("=ilike", Operator::PatternFolded),
    ("child_of", Operator::ChildOf),
    ("parent_of", Operator::ParentOf),
];

/// Levels that a domain may have.
const DEEPEST: usize = 200;

/// Reads a domain: a list in prefix notation, where parts that stand side by side must all hold.
pub fn parse(domain: &Json) -> Result<Expression, String> {
    let items = match domain {
        Json::Null => return Ok(Expression::All(Vec::new())),
        Json::Array(items) => items,
        other => return Err(format!("a list is wanted, not {other}")),
    };
    // A single leaf without the list around it is what people mean by it.
    if let [Json::String(path), Json::String(operator), _] = items.as_slice()
        && OPERATORS.iter().any(|(name, _)| name == operator)
        && !matches!(path.as_str(), "&" | "|" | "!")
    {
        return leaf(domain);
    }
    let mut rest = items.as_slice();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        parts.push(term(&mut rest, 0)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
}

fn term(rest: &mut &[Json], depth: usize) -> Result<Expression, String> {
    if depth > DEEPEST {
        return Err(format!("it is nested deeper than {DEEPEST} levels"));
    }
    let Some((head, tail)) = rest.split_first() else {
        return Err("an operator & | ! stands before too few parts".to_owned());
    };
    *rest = tail;
    match head {
        Json::String(word) if word == "&" => Ok(Expression::All(vec![term(rest, depth + 1)?, term(rest, depth + 1)?])),
        Json::String(word) if word == "|" => Ok(Expression::Any(vec![term(rest, depth + 1)?, term(rest, depth + 1)?])),
        Json::String(word) if word == "!" => Ok(Expression::Not(Box::new(term(rest, depth + 1)?))),
        other => leaf(other),
    }
}

fn leaf(json: &Json) -> Result<Expression, String> {
    let wrong = || format!("{json} is neither [field, operator, value] nor one of & | !");
    let Json::Array(parts) = json else { return Err(wrong()) };
    let [path, operator, value] = parts.as_slice() else { return Err(wrong()) };
    if let (Some(left), Some("="), Some(1)) = (path.as_i64(), operator.as_str(), value.as_i64()) {
        return Ok(Expression::Constant(left == 1));
    }
    let (Json::String(path), Json::String(operator)) = (path, operator) else { return Err(wrong()) };
    let known = OPERATORS.iter().find(|(name, _)| *name == operator.trim());
    let known = known.ok_or_else(|| {
        let all: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
        format!("{operator:?} is no operator: there are {}", all.join(", "))
    })?;
    Ok(Expression::Leaf(Leaf { path: path.clone(), operator: known.1, value: value.clone() }))
}

impl Expression {
    /// Whether a leaf compares a field of the model itself.
    pub fn speaks_of(&self, field: &str) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.speaks_of(field)),
            Self::Not(part) => part.speaks_of(field),
            Self::Leaf(leaf) => leaf.path == field,
            Self::Constant(_) => false,
        }
    }
}

/// Reads a domain as people type it: JSON, or the ERP's own notation with tuples, single quotes, `True`, `False` and
/// `None`.
pub fn parse_text(text: &str) -> Result<Json, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Json::Array(Vec::new()));
    }
    serde_json::from_str(text).or_else(|error| {
        serde_json::from_str(&as_json(text)?).map_err(|_| format!("the domain can't be read: {error}"))
    })
}

fn as_json(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '(' => out.push('['),
            ')' => out.push(']'),
            '\'' | '"' => {
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        None => return Err("a quotation does not end".to_owned()),
                        Some(end) if end == c => break,
                        Some('\\') => inner.push(chars.next().ok_or("a quotation does not end")?),
                        Some(other) => inner.push(other),
                    }
                }
                out.push_str(&Json::String(inner).to_string());
            }
            c if c.is_alphabetic() => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    word.push(next);
                }
                match word.as_str() {
                    "True" => out.push_str("true"),
                    "False" => out.push_str("false"),
                    "None" => out.push_str("null"),
                    other => out.push_str(other),
                }
            }
            // A comma before a closing bracket is the ERP's, not JSON's.
            ',' => {
                while chars.next_if(|next| next.is_whitespace()).is_some() {}
                if !matches!(chars.peek(), Some(']' | ')')) {
                    out.push(',');
                }
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn leaf(path: &str, operator: Operator, value: Json) -> Expression {
        Expression::Leaf(Leaf { path: path.to_owned(), operator, value })
    }

    #[test]
    fn prefix_operators_take_what_follows_them() {
        let (a, b, c) = (
            leaf("a", Operator::Equal, json!(1)),
            leaf("b", Operator::Equal, json!(2)),
            leaf("c", Operator::Unequal, json!(null)),
        );
        let (ja, jb, jc) = (json!(["a", "=", 1]), json!(["b", "=", 2]), json!(["c", "!=", null]));
        for (domain, expected) in [
            (json!([]), Expression::All(vec![])),
            (json!(null), Expression::All(vec![])),
            (json!([ja]), a.clone()),
            (json!(["a", "=", 1]), a.clone()),
            (json!([ja, jb]), Expression::All(vec![a.clone(), b.clone()])),
            (json!(["|", ja, jb, jc]), Expression::All(vec![Expression::Any(vec![a.clone(), b.clone()]), c.clone()])),
            (json!(["!", "&", ja, jb]), Expression::Not(Box::new(Expression::All(vec![a.clone(), b.clone()])))),
            (json!([[1, "=", 1]]), Expression::Constant(true)),
            (json!([[0, "=", 1]]), Expression::Constant(false)),
        ] {
            assert_eq!(parse(&domain), Ok(expected), "{domain}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        for (domain, part) in [
            (json!("x"), "a list is wanted"),
            (json!(["|", ["a", "=", 1]]), "too few parts"),
            (json!(["&"]), "too few parts"),
            (json!([["a", "=="]]), "neither"),
            (json!([["a", "equals", 1]]), "\"equals\" is no operator"),
            (json!([{"a": 1}]), "neither"),
            (Json::Array(vec![json!("!"); 300]), "nested deeper"),
        ] {
            let problem = parse(&domain).expect_err("is wrong");
            assert!(problem.contains(part), "{domain}: {problem}");
        }
    }

    #[test]
    fn the_erps_notation_is_read_too() {
        for (text, expected) in [
            ("", json!([])),
            ("[[\"a\",\"=\",1]]", json!([["a", "=", 1]])),
            ("[('a', '=', True), ('b', 'in', (1, 2,)),]", json!([["a", "=", true], ["b", "in", [1, 2]]])),
            (
                "['|', ('name', 'ilike', \"it's\"), ('x', '=', None)]",
                json!(["|", ["name", "ilike", "it's"], ["x", "=", null]]),
            ),
        ] {
            assert_eq!(parse_text(text), Ok(expected), "{text}");
        }
        assert!(parse_text("[('a', '=',").is_err());
    }
}
