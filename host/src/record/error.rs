//! What can go wrong with records, with codes. Every message names the model, and the field where there is one.

use crate::{
    base::{Code, Coded, Retry, name::hint},
    storage,
};

/// An error of the record room.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No model or kind of that name.
    #[error("there is no model or kind {name:?}{}", hint(.nearest.as_deref()))]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// Values that the fields don't take.
    #[error("{model}: {}", lines(.fields))]
    Invalid {
        /// The model or kind.
        model: String,
        /// Field, and what is wrong with its value.
        fields: Vec<(String, String)>,
    },
    /// A search domain that can't be understood.
    #[error("{model}: the domain can't be used: {problem}")]
    Domain {
        /// The model searched.
        model: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// No record of that id.
    #[error("{model}: there is no record {id}")]
    Missing {
        /// The model.
        model: String,
        /// The id.
        id: i64,
    },
    /// A value that another record has.
    #[error("{model}: another record has the same {field}")]
    NotUnique {
        /// The model or kind.
        model: String,
        /// The field, or the fields of a constraint; or the message of the constraint.
        field: String,
    },
    /// A rule over the bindings of a kind.
    #[error("{kind}: {message}")]
    Constraint {
        /// The kind.
        kind: String,
        /// What its connector says to whoever breaks it.
        message: String,
    },
    /// A record that others refer to can't be removed.
    #[error("{model}: record {id} can't be removed, since {used_by} refers to it")]
    InUse {
        /// The model.
        model: String,
        /// The record.
        id: i64,
        /// Model and field that refer to it.
        used_by: String,
    },
    /// A reference that was not resolved.
    #[error("{model}.{field}: {target} is not here")]
    Unresolved {
        /// The model.
        model: String,
        /// The field.
        field: String,
        /// What was looked for.
        target: String,
    },
    /// A look-up that finds more than one.
    #[error("{model}: several records have {field} = {value:?}")]
    Ambiguous {
        /// The model looked in.
        model: String,
        /// The field compared.
        field: String,
        /// The value.
        value: String,
    },
    /// A definition that can't stand beside what the catalogue has.
    #[error("{0}")]
    Collision(String),
    /// A definition that can't be understood.
    #[error("{0}")]
    Definition(String),
    /// A cursor that was moved by somebody else.
    #[error("the cursor of {key} is not what was expected")]
    CursorChanged {
        /// Its key.
        key: String,
    },
    /// No binding of that id.
    #[error("there is no binding {0}")]
    NoBinding(i64),
    /// The store's.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

fn lines(fields: &[(String, String)]) -> String {
    fields.iter().map(|(field, problem)| format!("{field}: {problem}")).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// One field's value is wrong.
    pub fn field(model: &str, field: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { model: model.to_owned(), fields: vec![(field.to_owned(), problem.into())] }
    }
}

/// The codes of this room.
pub const CODES: &[Code] = &[
    UNKNOWN_MODEL,
    INVALID,
    DOMAIN,
    MISSING,
    NOT_UNIQUE,
    CONSTRAINT,
    IN_USE,
    UNRESOLVED,
    AMBIGUOUS,
    COLLISION,
    DEFINITION,
    CURSOR_CHANGED,
    NO_BINDING,
];

const UNKNOWN_MODEL: Code = Code {
    name: "record.unknown_model",
    cause: "The name is neither a model of the catalogue nor a kind of an installed plugin.",
    cure: "See docs/models.md and `bindery plugin show` for the names there are.",
    retry: Retry::Never,
};
const INVALID: Code = Code {
    name: "record.invalid_value",
    cause: "A value does not have the type or the range of its field, or a required one is missing.",
    cure: "Correct the value, or the mapping that made it; docs/models.md lists the fields.",
    retry: Retry::Never,
};
const DOMAIN: Code = Code {
    name: "record.invalid_domain",
    cause: "A search domain is a list of [field, operator, value] with the prefix operators & | !.",
    cure: "Correct the part that the message names.",
    retry: Retry::Never,
};
const MISSING: Code = Code {
    name: "record.missing",
    cause: "The record was removed, or never was.",
    cure: "Search for the record you mean.",
    retry: Retry::Never,
};
const NOT_UNIQUE: Code = Code {
    name: "record.not_unique",
    cause: "The field is unique, and another record (archived ones count) has the value.",
    cure: "Use the record that is there, or another value.",
    retry: Retry::Never,
};
const CONSTRAINT: Code = Code {
    name: "record.constraint",
    cause: "A rule that the connector declares over its bindings would be broken.",
    cure: "Correct the value in the outside system, or unbind the binding that has it already.",
    retry: Retry::Never,
};
const IN_USE: Code = Code {
    name: "record.in_use",
    cause: "A record that must not lose this reference holds it.",
    cure: "Remove or change what refers to it first, or archive the record (active = false).",
    retry: Retry::Never,
};
const UNRESOLVED: Code = Code {
    name: "record.unresolved_reference",
    cause: "A relation names a record that is not here (yet).",
    cure: "Import the target first; a sync does so by itself where the connector declares the dependency.",
    retry: Retry::Later,
};
const AMBIGUOUS: Code = Code {
    name: "record.ambiguous_reference",
    cause: "A relation names a record by a value that several records have.",
    cure: "Make the value unique among the records, or look up by another field.",
    retry: Retry::Never,
};
const COLLISION: Code = Code {
    name: "record.definition_collision",
    cause: "Two owners declare the same field, kind or index in different ways, or stored values stand against one.",
    cure: "Rename the field in one of them, or bring both to the same definition. A changed type is a new field.",
    retry: Retry::Never,
};
const DEFINITION: Code = Code {
    name: "record.invalid_definition",
    cause: "A model file or a manifest declares something that can't be a field, a model or a kind.",
    cure: "Correct the declaration that the message names.",
    retry: Retry::Never,
};
const CURSOR_CHANGED: Code = Code {
    name: "record.cursor_changed",
    cause: "The cursor was set or reset while a run was under way.",
    cure: "Nothing: the next run starts from the cursor that stands.",
    retry: Retry::Later,
};
const NO_BINDING: Code = Code {
    name: "record.no_binding",
    cause: "The binding was removed, or never was.",
    cure: "List the bindings there are with `bindery binding list`.",
    retry: Retry::Never,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::UnknownModel { .. } => &UNKNOWN_MODEL,
            Self::Invalid { .. } => &INVALID,
            Self::Domain { .. } => &DOMAIN,
            Self::Missing { .. } => &MISSING,
            Self::NotUnique { .. } => &NOT_UNIQUE,
            Self::Constraint { .. } => &CONSTRAINT,
            Self::InUse { .. } => &IN_USE,
            Self::Unresolved { .. } => &UNRESOLVED,
            Self::Ambiguous { .. } => &AMBIGUOUS,
            Self::Collision(_) => &COLLISION,
            Self::Definition(_) => &DEFINITION,
            Self::CursorChanged { .. } => &CURSOR_CHANGED,
            Self::NoBinding(_) => &NO_BINDING,
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Invalid { fields, .. } => fields.clone(),
            _ => Vec::new(),
        }
    }
}
