//! Conditions over the rows of one table, as a tree, and their rendering into a `where` clause.
//!
//! Rooms above build the tree from names that they have checked against the catalogue; values always travel as
//! parameters. It knows nothing of models or domains.

use super::Param;

/// A column of the table searched, or of a subquery's own table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// A column by name.
    Named(String),
    /// A number in the JSON text of the column `extra`, by its key.
    ExtraInt(String),
    /// A text in the JSON text of the column `extra`, by its key.
    ExtraText(String),
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Integer.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// How a column is compared. None of these holds for NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these; empty: always.
    All(Vec<Condition>),
    /// One of these at least; empty: never.
    Any(Vec<Condition>),
    /// Where this is false or unknown.
    Not(Box<Condition>),
    /// The column has no value.
    Null(Column),
    /// The column compares so.
    Compare(Column, Comparison, Operand),
    /// The column is one of these.
    Ints(Column, Vec<i64>),
    /// The column is one of these.
    Texts(Column, Vec<String>),
    /// The column matches a pattern with `%`, `_` and `\`; `fold` ignores case.
    Like {
        /// The column.
        column: Column,
        /// The pattern.
        pattern: String,
        /// Whether upper and lower case are the same.
        fold: bool,
    },
    /// The column is among what a subquery selects.
    Within(Column, Box<Subquery>),
}

/// A selection of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subquery {
    /// `select column from table where condition`.
    Select {
        /// The table.
        table: String,
        /// The column selected.
        column: Column,
        /// Of which rows.
        condition: Condition,
    },
    /// Ids of the rows below some rows in a tree, themselves included.
    Below {
        /// The table.
        table: String,
        /// Its column that refers to the parent.
        parent: String,
        /// The rows.
        roots: Box<Subquery>,
    },
    /// Ids of the rows above some rows in a tree, themselves included.
    Above {
        /// The table.
        table: String,
        /// Its column that refers to the parent.
        parent: String,
        /// The rows.
        leaves: Box<Subquery>,
    },
}

/// An SQL text in the making, with its parameters.
#[derive(Debug, Default)]
pub struct Rendering {
    /// The text.
    pub text: String,
    operands: Vec<Bound>,
    depth: usize,
}

#[derive(Debug)]
enum Bound {
    One(Operand),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

impl Rendering {
    /// The parameters, in order. Lists of texts are borrowed through `lists`, which must live as long.
    pub fn params<'a>(&'a self, lists: &'a [Vec<&'a str>]) -> Vec<Param<'a>> {
        let mut next = lists.iter();
        self.operands
            .iter()
            .map(|bound| match bound {
                Bound::One(Operand::Int(value)) => Param::Int(*value),
                Bound::One(Operand::Text(value)) => Param::Text(value),
                Bound::One(Operand::Blob(value)) => Param::Blob(value),
                Bound::Ints(values) => Param::Ints(values),
                Bound::Texts(_) => Param::Texts(next.next().map(Vec::as_slice).unwrap_or_default()),
            })
            .collect()
    }

    /// The lists of texts among the parameters, for [`Rendering::params`].
    pub fn lists(&self) -> Vec<Vec<&str>> {
        self.operands
            .iter()
            .filter_map(|bound| match bound {
                Bound::Texts(values) => Some(values.iter().map(String::as_str).collect()),
                _ => None,
            })
            .collect()
    }

    /// Adds a text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a parameter, and its place in the text.
    pub fn operand(&mut self, operand: Operand) {
        self.operands.push(Bound::One(operand));
        self.text.push_str(&format!("?{}", self.operands.len()));
    }

    /// Adds a condition over the table of an alias.
    pub fn condition(&mut self, condition: &Condition, alias: &str) {
        match condition {
            Condition::All(parts) => self.joined(parts, alias, " and ", "1 = 1"),
            Condition::Any(parts) => self.joined(parts, alias, " or ", "1 = 0"),
            Condition::Not(inner) => {
                // Unknown counts as false, so that a negation is the complement.
                self.push("not coalesce(");
                self.condition(inner, alias);
                self.push(", 1 = 0)");
            }
            Condition::Null(column) => {
                self.column(column, alias);
                self.push(" is null");
            }
            Condition::Compare(column, comparison, operand) => {
                self.column(column, alias);
                self.push(match comparison {
                    Comparison::Equal => " = ",
                    Comparison::Unequal => " <> ",
                    Comparison::Less => " < ",
                    Comparison::AtMost => " <= ",
                    Comparison::Greater => " > ",
                    Comparison::AtLeast => " >= ",
                });
                self.operand(operand.clone());
            }
            Condition::Ints(column, values) => {
                self.column(column, alias);
                self.operands.push(Bound::Ints(values.clone()));
                self.text.push_str(&format!(" {{ints:{}}}", self.operands.len()));
            }
            Condition::Texts(column, values) => {
                self.column(column, alias);
                self.operands.push(Bound::Texts(values.clone()));
                self.text.push_str(&format!(" {{texts:{}}}", self.operands.len()));
            }
            Condition::Like { column, pattern, fold } => {
                self.push(if *fold { "text_matches_folded(" } else { "text_matches(" });
                self.column(column, alias);
                self.push(", ");
                self.operand(Operand::Text(pattern.clone()));
                self.push(") = 1");
            }
            Condition::Within(column, subquery) => {
                self.column(column, alias);
                self.push(" in (");
                self.subquery(subquery);
                self.push(")");
            }
        }
    }

    fn joined(&mut self, parts: &[Condition], alias: &str, between: &str, none: &str) {
        if parts.is_empty() {
            return self.push(none);
        }
        self.push("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.push(between);
            }
            self.condition(part, alias);
        }
        self.push(")");
    }

    /// Adds a column of an alias.
    pub fn column(&mut self, column: &Column, alias: &str) {
        match column {
            Column::Named(name) => self.text.push_str(&format!("{alias}.\"{name}\"")),
            Column::ExtraInt(key) => self.text.push_str(&format!("{{extra_int:{alias}.{key}}}")),
            Column::ExtraText(key) => self.text.push_str(&format!("{{extra_text:{alias}.{key}}}")),
        }
    }

    fn subquery(&mut self, subquery: &Subquery) {
        self.depth += 1;
        let alias = format!("s{}", self.depth);
        match subquery {
            Subquery::Select { table, column, condition } => {
                self.push("select ");
                self.column(column, &alias);
                self.text.push_str(&format!(" from \"{table}\" {alias} where "));
                self.condition(condition, &alias);
            }
            Subquery::Below { table, parent, roots } => {
                self.text.push_str(&format!("with recursive {alias}(id) as ("));
                self.subquery(roots);
                self.text.push_str(&format!(
                    " union select c.id from \"{table}\" c join {alias} p on c.\"{parent}\" = p.id) select id from {alias}"
                ));
            }
            Subquery::Above { table, parent, leaves } => {
                self.text.push_str(&format!("with recursive {alias}(id) as ("));
                self.subquery(leaves);
                self.text.push_str(&format!(
                    " union select c.\"{parent}\" from \"{table}\" c join {alias} p on c.id = p.id \
                     where c.\"{parent}\" is not null) select id from {alias}"
                ));
            }
        }
    }
}
