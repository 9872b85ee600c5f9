//! Types of extra fields, short to write.

use bindery_contract::FieldType;

/// Text.
///
/// ```
/// use bindery_plugin::field;
///
/// let types = [field::text(), field::decimal(4), field::selection(["draft", "done"])];
/// ```
pub const fn text() -> FieldType {
    FieldType::Text
}

/// A 64-bit whole number.
///
/// ```
/// let _ = bindery_plugin::field::integer();
/// ```
pub const fn integer() -> FieldType {
    FieldType::Integer
}

/// An exact decimal with so many digits after the point, fixed for ever.
///
/// ```
/// let _ = bindery_plugin::field::decimal(2);
/// ```
pub const fn decimal(scale: u8) -> FieldType {
    FieldType::Decimal { scale }
}

/// true or false.
///
/// ```
/// let _ = bindery_plugin::field::boolean();
/// ```
pub const fn boolean() -> FieldType {
    FieldType::Boolean
}

/// A calendar day.
///
/// ```
/// let _ = bindery_plugin::field::date();
/// ```
pub const fn date() -> FieldType {
    FieldType::Date
}

/// An instant.
///
/// ```
/// let _ = bindery_plugin::field::datetime();
/// ```
pub const fn datetime() -> FieldType {
    FieldType::Datetime
}

/// One of some words.
///
/// ```
/// let _ = bindery_plugin::field::selection(["draft", "done"]);
/// ```
pub fn selection<'a>(options: impl IntoIterator<Item = &'a str>) -> FieldType {
    FieldType::Selection { options: options.into_iter().map(str::to_owned).collect() }
}

/// A reference to one of our records.
///
/// ```
/// let _ = bindery_plugin::field::many2one("res.partner");
/// ```
pub fn many2one(model: &str) -> FieldType {
    FieldType::Many2one { model: model.to_owned() }
}
