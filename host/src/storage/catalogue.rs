//! Rows of the catalogue: models, fields with their owners, kinds. What a definition means is the record room's
//! business; here it is text.

use super::{Error, Param, Row, Statement, Tx};

/// A model's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRow {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Who declares it.
    pub owner: String,
    /// Text for people.
    pub label: String,
    /// The field that names a record.
    pub display: String,
    /// The order of a search.
    pub sort: String,
}

/// A field's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRow {
    /// Its id.
    pub id: i64,
    /// Its model.
    pub model: i64,
    /// Its name.
    pub name: String,
    /// Its definition, as text.
    pub definition: String,
    /// Text for people.
    pub label: String,
    /// What it is for.
    pub help: String,
    /// Its place among the model's fields.
    pub place: i64,
    /// Who declares it; nobody: hidden.
    pub owners: Vec<String>,
}

/// A kind's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindRow {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its record model.
    pub model: i64,
    /// The plugin that declares it.
    pub owner: String,
    /// Its definition, as text.
    pub definition: String,
    /// Whether nobody declares it any more.
    pub hidden: bool,
}

static MODELS: Statement =
    Statement::new("select id, name, table_name, label, display, sort, owner from record_model order by id");
static FIELDS: Statement = Statement::new(
    "select id, model, name, definition, label, help, place from record_field order by model, place, id",
);
static OWNERS: Statement = Statement::new("select field, owner from record_field_owner order by field, owner");
static KINDS: Statement =
    Statement::new("select id, name, model, owner, definition, hidden from record_kind order by id");

/// All models.
pub fn models(tx: &mut dyn Tx) -> Result<Vec<ModelRow>, Error> {
    tx.query(&MODELS, &[], |row| {
        Ok(ModelRow {
            id: row.int(0)?,
            name: row.string(1)?,
            table: row.string(2)?,
            label: row.string(3)?,
            display: row.string(4)?,
            sort: row.string(5)?,
            owner: row.string(6)?,
        })
    })
}

/// All fields, hidden ones too, in the order of their models and places.
pub fn fields(tx: &mut dyn Tx) -> Result<Vec<FieldRow>, Error> {
    let mut fields = tx.query(&FIELDS, &[], field)?;
    let mut owners = std::collections::HashMap::<i64, Vec<String>>::new();
    for (id, owner) in tx.query(&OWNERS, &[], |row| Ok((row.int(0)?, row.string(1)?)))? {
        owners.entry(id).or_default().push(owner);
    }
    for field in &mut fields {
        field.owners = owners.remove(&field.id).unwrap_or_default();
    }
    Ok(fields)
}

fn field(row: &dyn Row) -> Result<FieldRow, Error> {
    Ok(FieldRow {
        id: row.int(0)?,
        model: row.int(1)?,
        name: row.string(2)?,
        definition: row.string(3)?,
        label: row.string(4)?,
        help: row.string(5)?,
        place: row.int(6)?,
        owners: Vec::new(),
    })
}

/// All kinds, hidden ones too.
pub fn kinds(tx: &mut dyn Tx) -> Result<Vec<KindRow>, Error> {
    tx.query(&KINDS, &[], |row| {
        Ok(KindRow {
            id: row.int(0)?,
            name: row.string(1)?,
            model: row.int(2)?,
            owner: row.string(3)?,
            definition: row.string(4)?,
            hidden: row.bool(5)?,
        })
    })
}

/// Adds a model; answers its id.
pub fn insert_model(tx: &mut dyn Tx, model: &ModelRow) -> Result<i64, Error> {
    static INSERT: Statement = Statement::new(
        "insert into record_model(name, table_name, label, display, sort, owner) values (?1, ?2, ?3, ?4, ?5, ?6)",
    );
    tx.insert(
        &INSERT,
        &[
            Param::Text(&model.name),
            Param::Text(&model.table),
            Param::Text(&model.label),
            Param::Text(&model.display),
            Param::Text(&model.sort),
            Param::Text(&model.owner),
        ],
    )
}

/// Changes what people see of a model.
pub fn update_model(tx: &mut dyn Tx, model: &ModelRow) -> Result<(), Error> {
    static UPDATE: Statement =
        Statement::new("update record_model set label = ?2, display = ?3, sort = ?4 where id = ?1");
    let params =
        [Param::Int(model.id), Param::Text(&model.label), Param::Text(&model.display), Param::Text(&model.sort)];
    tx.execute(&UPDATE, &params)?;
    Ok(())
}

/// Adds a field; answers its id.
pub fn insert_field(tx: &mut dyn Tx, field: &FieldRow) -> Result<i64, Error> {
    static INSERT: Statement = Statement::new(
        "insert into record_field(model, name, definition, label, help, place) values (?1, ?2, ?3, ?4, ?5, ?6)",
    );
    tx.insert(
        &INSERT,
        &[
            Param::Int(field.model),
            Param::Text(&field.name),
            Param::Text(&field.definition),
            Param::Text(&field.label),
            Param::Text(&field.help),
            Param::Int(field.place),
        ],
    )
}

/// Changes a field's definition, texts and place.
pub fn update_field(tx: &mut dyn Tx, field: &FieldRow) -> Result<(), Error> {
    static UPDATE: Statement =
        Statement::new("update record_field set definition = ?2, label = ?3, help = ?4, place = ?5 where id = ?1");
    tx.execute(
        &UPDATE,
        &[
            Param::Int(field.id),
            Param::Text(&field.definition),
            Param::Text(&field.label),
            Param::Text(&field.help),
            Param::Int(field.place),
        ],
    )?;
    Ok(())
}

/// Makes somebody an owner of a field.
pub fn own_field(tx: &mut dyn Tx, field: i64, owner: &str) -> Result<(), Error> {
    static INSERT: Statement = Statement::new(
        "insert into record_field_owner(field, owner) values (?1, ?2) on conflict (field, owner) do nothing",
    );
    tx.execute(&INSERT, &[Param::Int(field), Param::Text(owner)])?;
    Ok(())
}

/// Ends an ownership.
pub fn disown_field(tx: &mut dyn Tx, field: i64, owner: &str) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from record_field_owner where field = ?1 and owner = ?2");
    tx.execute(&DELETE, &[Param::Int(field), Param::Text(owner)])?;
    Ok(())
}

/// Adds a kind; answers its id.
pub fn insert_kind(tx: &mut dyn Tx, kind: &KindRow) -> Result<i64, Error> {
    static INSERT: Statement =
        Statement::new("insert into record_kind(name, model, owner, definition, hidden) values (?1, ?2, ?3, ?4, 0)");
    let params =
        [Param::Text(&kind.name), Param::Int(kind.model), Param::Text(&kind.owner), Param::Text(&kind.definition)];
    tx.insert(&INSERT, &params)
}

/// Changes a kind's owner, definition and whether it is hidden.
pub fn update_kind(tx: &mut dyn Tx, kind: &KindRow) -> Result<(), Error> {
    static UPDATE: Statement =
        Statement::new("update record_kind set owner = ?2, definition = ?3, hidden = ?4 where id = ?1");
    let params =
        [Param::Int(kind.id), Param::Text(&kind.owner), Param::Text(&kind.definition), Param::Int(kind.hidden.into())];
    tx.execute(&UPDATE, &params)?;
    Ok(())
}

/// The digest of what an owner installed last.
pub fn installed(tx: &mut dyn Tx, owner: &str) -> Result<Option<String>, Error> {
    static SELECT: Statement = Statement::new("select digest from record_installed where owner = ?1");
    tx.first(&SELECT, &[Param::Text(owner)], |row| row.string(0))
}

/// Notes the digest of what an owner has installed.
pub fn note_installed(tx: &mut dyn Tx, owner: &str, digest: &str) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into record_installed(owner, digest) values (?1, ?2) on conflict (owner) do update set digest = ?2",
    );
    tx.execute(&UPSERT, &[Param::Text(owner), Param::Text(digest)])?;
    Ok(())
}
