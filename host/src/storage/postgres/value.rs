//! Parameters and rows in PostgreSQL's terms. A value is read as what it is, never turned into something else on the way.

use bytes::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::super::{Error, Param, Row};

/// The type that a parameter is sent as; the server finds out that of NULL.
pub(super) fn type_of(param: &Param<'_>) -> Type {
    match param {
        Param::Null => Type::UNKNOWN,
        Param::Int(_) => Type::INT8,
        Param::Text(_) => Type::TEXT,
        Param::Blob(_) => Type::BYTEA,
        Param::Ints(_) => Type::INT8_ARRAY,
        Param::Texts(_) => Type::TEXT_ARRAY,
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Blob(value) => value.to_sql(kind, out),
            Self::Ints(values) => values.to_sql(kind, out),
            Self::Texts(values) => values.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // A statement is prepared for the types of its parameters.
        true
    }

    to_sql_checked!();
}

/// A value as it was sent.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row of an answer.
pub(super) struct PostgresRow<'a>(pub &'a postgres::Row);

impl PostgresRow<'_> {
    /// Type and bytes of a column; `None` where it is NULL.
    fn raw(&self, column: usize) -> Result<Option<(&Type, &[u8])>, Error> {
        let kind = self.0.columns().get(column).map(postgres::Column::type_);
        let kind = kind.ok_or_else(|| Error::Shape(format!("there is no column {column}")))?;
        let value: Option<Raw<'_>> = self.0.try_get(column).map_err(|error| Error::Shape(error.to_string()))?;
        Ok(value.map(|Raw(bytes)| (kind, bytes)))
    }

    fn shape(&self, column: usize, wanted: &str) -> Error {
        let name = self.0.columns().get(column).map_or("?", postgres::Column::name);
        Error::Shape(format!("column {name} is not {wanted}"))
    }
}

impl Row for PostgresRow<'_> {
    fn opt_int(&self, column: usize) -> Result<Option<i64>, Error> {
        let Some((kind, bytes)) = self.raw(column)? else { return Ok(None) };
        integer(kind, bytes).map(Some).ok_or_else(|| self.shape(column, "an integer"))
    }

    fn opt_text(&self, column: usize) -> Result<Option<&str>, Error> {
        let Some((kind, bytes)) = self.raw(column)? else { return Ok(None) };
        if ![Type::TEXT, Type::VARCHAR, Type::NAME, Type::UNKNOWN].contains(kind) {
            return Err(self.shape(column, "text"));
        }
        std::str::from_utf8(bytes).map(Some).map_err(|_| self.shape(column, "UTF-8"))
    }

    fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, Error> {
        match self.raw(column)? {
            None => Ok(None),
            Some((kind, bytes)) if *kind == Type::BYTEA => Ok(Some(bytes)),
            Some(_) => Err(self.shape(column, "bytes")),
        }
    }
}

fn integer(kind: &Type, bytes: &[u8]) -> Option<i64> {
    match *kind {
        Type::INT8 => bytes.try_into().ok().map(i64::from_be_bytes),
        Type::INT4 => bytes.try_into().ok().map(i32::from_be_bytes).map(i64::from),
        Type::INT2 => bytes.try_into().ok().map(i16::from_be_bytes).map(i64::from),
        Type::BOOL => bytes.first().map(|byte| i64::from(*byte != 0)),
        Type::NUMERIC => numeric(bytes),
        _ => None,
    }
}

/// A whole number, as sums of integers are sent: digits to the base 10000, the most significant one first.
fn numeric(bytes: &[u8]) -> Option<i64> {
    const POSITIVE: u16 = 0;
    const NEGATIVE: u16 = 0x4000;
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, _scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let weight = i32::from(weight.cast_signed());
    let mut value: i128 = 0;
    for at in 0..=weight.clamp(-1, 8) {
        let digit = if at < i32::from(count) { words.next()? } else { 0 };
        value = value * 10_000 + i128::from(digit);
    }
    // What follows are digits behind the point.
    if weight > 8 || words.any(|digit| digit != 0) {
        return None;
    }
    match sign {
        POSITIVE => i64::try_from(value).ok(),
        NEGATIVE => i64::try_from(-value).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).expect("few");
        [count, weight.cast_unsigned(), sign, 0].iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn sums_are_exact_or_refused() {
        for (bytes, expected) in [
            (sent(0, 0, &[]), Some(0)),
            (sent(0, 0, &[7]), Some(7)),
            (sent(1, 0x4000, &[1, 2345]), Some(-12345)),
            // 1 and eight zeros: digits that are all zero are not sent.
            (sent(2, 0, &[1]), Some(100_000_000)),
            (sent(4, 0, &[922, 3372, 368, 5477, 5807]), Some(i64::MAX)),
            (sent(4, 0x4000, &[922, 3372, 368, 5477, 5808]), Some(i64::MIN)),
            (sent(4, 0, &[922, 3372, 368, 5477, 5808]), None),
            (sent(20, 0, &[1]), None),
            (sent(0, 0, &[1, 5000]), None),
            (sent(-1, 0, &[5000]), None),
            (sent(0, 0xC000, &[]), None),
        ] {
            assert_eq!(numeric(&bytes), expected, "{bytes:?}");
        }
    }
}
