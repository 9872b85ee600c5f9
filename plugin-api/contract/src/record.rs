//! Records as they cross: items of a page, and what a mapper made of them.
//!
//! Values are a JSON object whose keys are fields. An absent key leaves the field alone, `null` clears it, anything
//! else sets it: `0`, `""` and `false` are values. Numbers cross as written; nothing here reads them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Keys of the symbolic references that may stand in values in place of an id. The host resolves them, once a page.
///
/// - `{"$ref": {"kind": "acme.customer", "id": "7"}}`: the record bound to an external id.
/// - `{"$find": {"model": "product.category", "field": "name", "value": "Shoes"}}`: the record with a value.
/// - `{"$find": {…, "create": true}}`: and where there is none, one is made with that value.
pub mod reference {
    /// The record bound to an external id.
    pub const REF: &str = "$ref";
    /// The record with a value in a field.
    pub const FIND: &str = "$find";
}

/// The target of a `$ref`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// Kind of the target.
    pub kind: String,
    /// External id of the target.
    pub id: String,
}

/// The target of a `$find`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Find {
    /// Model to look in.
    pub model: String,
    /// Field to compare.
    pub field: String,
    /// Value to look for, as text.
    pub value: String,
    /// Make a record with that value where there is none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create: bool,
}

/// Where the items of a page lie in a body that stayed in the host. Pointers are RFC 6901; the id, the date and
/// the key are within an item, the others within the body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageSpec {
    /// Handle of the body.
    pub handle: u64,
    /// Pointer to the array (or the object whose values are the items).
    pub items: String,
    /// Pointer to the id within an item.
    pub id: String,
    /// Pointer to the date of the last change within an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Pointer to the next page's cursor; absent, null or empty there: this was the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The next page's cursor itself, where the connector knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Where the next page's cursor is counted: used with the number of items found. `offset` is that of this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// Pointer to the total number of records, for progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// The remote's clock at the time of the answer, RFC 3339; the `Date` header where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Pointer that tells a deleted record within an item: there and neither null nor false means gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
}

/// Paging by counting: the next cursor is `start + items found` until fewer than `limit` come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offset {
    /// Number of the first item of this page.
    pub start: u64,
    /// Items asked for.
    pub limit: u64,
}

/// A page, as `list` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Page {
    /// The items lie in a body that stayed in the host.
    Kept(PageSpec),
    /// The items are the segments of this frame, in order.
    Items {
        /// One for each segment.
        items: Vec<ItemHead>,
        /// The next page's cursor; absent: this was the last page.
        #[serde(default)]
        next: Option<String>,
        /// The total number of records, for progress.
        #[serde(default)]
        total: Option<u64>,
        /// The remote's clock at the time of the answer, RFC 3339.
        #[serde(default)]
        as_of: Option<String>,
    },
    /// A form of a newer contract; refused.
    #[serde(other)]
    Unknown,
}

/// What is known of an item without reading it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemHead {
    /// External id, never empty.
    pub id: String,
    /// Date of the last change there, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Gone there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// One record read on its own, as `read`, `create` and `update` answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum External {
    /// It lies in a body that stayed in the host.
    Kept {
        /// Handle of the body.
        handle: u64,
        /// Pointer to the record within the body; empty: the whole body.
        item: String,
        /// Pointer to the id within the record.
        id: String,
        /// Pointer to the date of the last change within the record.
        #[serde(default)]
        updated: Option<String>,
    },
    /// It is segment 0 of this frame.
    Item(ItemHead),
    /// Only the id is known (an answer without content).
    Id {
        /// External id, never empty.
        id: String,
    },
    /// A form of a newer contract; refused.
    #[serde(other)]
    Unknown,
}

/// What `prepare` is told of one item; the item itself is the segment of the same index.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrepareItem {
    /// External id.
    pub id: String,
    /// Whether the record will be created: `only_create` rules run.
    pub create: bool,
    /// What `Prepared::digests` was after the last sync, for `changed_by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<String>,
    /// Only rules that read one of these run; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
}

/// What `prepare` answers for one item: `error`, else `skip`, else what the mapper made.
///
/// A plain struct, not an enum, since undecoded parts can't stand inside tagged enums.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Prepared<'a> {
    /// This record can't be taken; the others can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<crate::error::Error>,
    /// The importer's `must_skip` says why not.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub skip: Option<Cow<'a, str>>,
    /// Fields of our record: a JSON object, undecoded. Absent: nothing to set.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub values: Option<&'a RawValue>,
    /// Fields of our record that are set only where it is created, over `values`: a JSON object, undecoded. Only lines
    /// have it, since their mapper can't know which of them are new; a record's `only_create` rules follow
    /// [`PrepareItem::create`].
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub create_values: Option<&'a RawValue>,
    /// Extra fields of the binding: a JSON object, undecoded.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub extra: Option<&'a RawValue>,
    /// Lines under kinds of their own. A field listed here is complete: lines of it that are missing are gone.
    #[serde(borrow, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Children<'a>>,
    /// Targets that must be imported before, besides those of `depends_on`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Ref>,
    /// Digests of the sources named in `changed_by`, to be handed back next time.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub digests: Option<Cow<'a, str>>,
}

/// The lines of one record under one field.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Children<'a> {
    /// The one2many field of our record that holds the lines.
    #[serde(borrow)]
    pub field: Cow<'a, str>,
    /// The kind the lines are bound under.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// The lines, in order.
    #[serde(borrow)]
    pub lines: Vec<Line<'a>>,
}

/// One line of a record.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Line<'a> {
    /// External id of the line, unique within its kind and backend.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// What the line's mapper made.
    #[serde(borrow)]
    pub mapped: Prepared<'a>,
}
