//! What a database must have before the store works in it: an encoding that holds every text, our functions, our tables.

use std::time::Duration;

use super::{
    super::{Error, migrate, sequence, sequence::Sequences},
    address::Address,
    link::Link,
    tx::PostgresTx,
};

/// Functions that statements call, made anew at each start that may change the schema. On SQLite the program brings them.
const FUNCTIONS: &str = r#"
create or replace function text_pattern(pattern text) returns text language sql immutable parallel safe as $$
  select case when right($1, 1) = '\' then regexp_replace($1, '^(([^\\]|\\.)*)\\$', '\1\\\\') else $1 end
$$;
create or replace function text_matches(held text, pattern text) returns bigint language sql immutable parallel safe as $$
  select coalesce($1 collate "C" like text_pattern($2) collate "C", false)::int::bigint
$$;
create or replace function text_matches(held bigint, pattern text) returns bigint language sql immutable parallel safe as $$
  select text_matches($1::text, $2)
$$;
create or replace function text_matches_folded(held text, pattern text) returns bigint language sql immutable parallel safe as $$
  select text_matches(lower($1 collate "und-x-icu"), lower($2 collate "und-x-icu"))
$$;
create or replace function text_matches_folded(held bigint, pattern text) returns bigint language sql immutable parallel safe as $$
  select text_matches($1::text, lower($2 collate "und-x-icu"))
$$;
create or replace function extra_text(extra text, key text) returns text language sql immutable parallel safe as $$
  select $1::json ->> $2
$$;
create or replace function extra_int(extra text, key text) returns bigint language sql immutable parallel safe as $$
  select case $1::json ->> $2 when 'true' then 1 when 'false' then 0 else ($1::json ->> $2)::bigint end
$$;
"#;

/// What became of opening a database.
pub(in super::super) struct Opened {
    /// The connection that owns it.
    pub link: Link,
    /// Whether nothing was in it before.
    pub was_new: bool,
}

/// Connects, becomes the owner, and brings the schema up to date or looks whether it is.
pub(in super::super) fn open(
    address: &Address,
    may_migrate: bool,
    may_set_up: bool,
    patience: Duration,
) -> Result<Opened, Error> {
    let mut link = Link::open(address)?;
    look_at_server(&mut link)?;
    link.take_ownership(patience)?;
    let was_new = look_at_tables(&mut link, address)?;
    link.batch("begin")?;
    let result = prepare(&mut link, may_migrate || (was_new && may_set_up), was_new);
    let end = link.batch(if result.is_ok() { "commit" } else { "rollback" });
    result?;
    end?;
    Ok(Opened { link, was_new })
}

fn prepare(link: &mut Link, may_change: bool, is_new: bool) -> Result<(), Error> {
    let mut sequences = Sequences::default();
    let mut tx = PostgresTx::writing(link, &mut sequences);
    if !may_change {
        return migrate::check(&mut tx, is_new);
    }
    migrate::migrate(&mut tx)?;
    super::super::Tx::define(&mut tx, sequence::DEFINITION)?;
    link.batch(FUNCTIONS)
}

fn look_at_server(link: &mut Link) -> Result<(), Error> {
    let encoding = link.ask("show server_encoding")?.unwrap_or_default();
    if encoding != "UTF8" {
        return Err(Error::Unsuitable(format!("its encoding is {encoding}, not UTF8")));
    }
    if link.ask("select 1 from pg_collation where collname = 'und-x-icu'")?.is_none() {
        return Err(Error::Unsuitable("the server was built without ICU".to_owned()));
    }
    if link.ask("select current_schema()")?.is_none() {
        return Err(Error::Unsuitable("the search path names no schema that exists".to_owned()));
    }
    Ok(())
}

/// Whether there is nothing yet. Refuses a schema that holds tables of another program.
fn look_at_tables(link: &mut Link, address: &Address) -> Result<bool, Error> {
    let count = |link: &mut Link, which: &str| -> Result<bool, Error> {
        let text = format!("select count(*) from pg_tables where schemaname = current_schema(){which}");
        Ok(link.ask(&text)?.is_some_and(|count| count != "0"))
    };
    if !count(link, "")? {
        return Ok(true);
    }
    let ours = ["migration", "reserved_id", "job", "binding"];
    for table in ours {
        if !count(link, &format!(" and tablename = '{table}'"))? {
            return Err(Error::Foreign(address.to_string()));
        }
    }
    Ok(false)
}
