//! What a shop makes of values that it is sent: rounded, trimmed, in another order, as HTML; at once, or later by itself,
//! as a nightly job of a real shop does. A person's edits are left as they are.

use serde_json::{Map, Value, json};

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Habit {
    /// Capital letters.
    Upper,
    /// Small letters.
    Lower,
    /// No space at either end.
    Trim,
    /// So many decimals.
    Round(u32),
    /// A list in order, largest first.
    Sort,
    /// A paragraph of HTML.
    Html,
    /// A text is added each time.
    Append(&'static str),
}

/// When it becomes so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the shop answers.
    AtOnce,
    /// After it has answered with what it was sent.
    Later,
}

/// A habit of one field.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) resource: String,
    pub(crate) field: String,
    pub(crate) habit: Habit,
    pub(crate) when: When,
}

/// What of some fields becomes something else: only those.
pub(crate) fn changes(habits: &[Held], resource: &str, when: When, fields: &Map<String, Value>) -> Map<String, Value> {
    let of = habits.iter().filter(|held| held.resource == resource && held.when == when);
    of.filter_map(|held| {
        let value = fields.get(&held.field)?;
        let other = held.habit.of(value);
        (other != *value).then(|| (held.field.clone(), other))
    })
    .collect()
}

impl Habit {
    fn of(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Upper, Value::String(text)) => text.to_uppercase().into(),
            (Self::Lower, Value::String(text)) => text.to_lowercase().into(),
            (Self::Trim, Value::String(text)) => text.trim().into(),
            (Self::Append(more), Value::String(text)) => format!("{text}{more}").into(),
            (Self::Html, Value::String(text)) if !text.starts_with('<') => {
                let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('\n', "<br/>");
                format!("<p>{escaped}</p>").into()
            }
            (Self::Round(decimals), Value::Number(number)) => {
                let scale = 10_f64.powi(i32::try_from(*decimals).unwrap_or_default());
                json!((number.as_f64().unwrap_or_default() * scale).round() / scale)
            }
            (Self::Sort, Value::Array(items)) => {
                let mut items = items.clone();
                items.sort_by_key(|item| std::cmp::Reverse(item.as_u64()));
                items.into()
            }
            (_, value) => value.clone(),
        }
    }
}
