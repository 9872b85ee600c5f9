//! Who may do what: three groups, and rules in the form of the specification's access table.
//!
//! Deny by default: what no rule permits is refused. It knows no users; whoever asks says which groups they have.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Error;

/// A group. Each holds what the ones before it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Group {
    /// Basic access: reads.
    #[serde(rename = "group_generic_connector_user")]
    User,
    /// Configures backends, sets their secrets, runs what they do.
    #[serde(rename = "group_generic_connector_manager")]
    Manager,
    /// Full control: plugins, users, grants, the master key.
    #[serde(rename = "group_generic_connector_admin")]
    Admin,
}

impl Group {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::User, Self::Manager, Self::Admin];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "group_generic_connector_user",
            Self::Manager => "group_generic_connector_manager",
            Self::Admin => "group_generic_connector_admin",
        }
    }
}

impl FromStr for Group {
    type Err = String;

    /// Reads a name, with or without the module before it (`generic_connector.group_…`).
    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.rsplit('.').next().unwrap_or(text);
        let known = Self::ALL.into_iter().find(|group| group.name() == name);
        known.ok_or_else(|| format!("{text:?} is none of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What one may do with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See its records.
    Read,
    /// Change them, or run what they do.
    Write,
    /// Add one.
    Create,
    /// Remove one.
    Unlink,
}

impl Permission {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Unlink => "unlink",
        }
    }
}

/// One row of an access table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique name.
    pub id: String,
    /// For people.
    pub name: String,
    /// The model in the table's spelling (`model_sale_order`), or `*` for every model.
    pub model: String,
    /// Whom it gives something.
    pub group: Group,
    /// Read, write, create, unlink.
    pub permits: [bool; 4],
}

/// A table of rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules(Vec<Rule>);

/// The first line of a table.
const HEADER: [&str; 8] =
    ["id", "name", "model_id:id", "group_id:id", "perm_read", "perm_write", "perm_create", "perm_unlink"];

/// What holds where nobody says otherwise.
const BUILT_IN: &str = include_str!("access.csv");

impl Rules {
    /// The rules that come with the host.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in rules are well formed")
    }

    /// Reads a table. Any bad line refuses all of it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let bad = |line: u64, why: String| Error::BadRule { line, why };
        let header = reader.headers().map_err(|error| bad(1, error.to_string()))?;
        if header.iter().ne(HEADER) {
            return Err(bad(1, format!("the columns must be {}", HEADER.join(","))));
        }
        let mut rules: Vec<Rule> = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| {
                bad(error.position().map_or(0, csv::Position::line), "it has not eight columns".to_owned())
            })?;
            let line = row.position().map_or(0, csv::Position::line);
            let rule = rule(&row).map_err(|why| bad(line, why))?;
            if rules.iter().any(|other| other.id == rule.id) {
                return Err(bad(line, format!("a rule {:?} is there already", rule.id)));
            }
            rules.push(rule);
        }
        Ok(Self(rules))
    }

    /// Adds the rules of another table; one with the same id takes the place of ours.
    pub fn extend(&mut self, other: Self) {
        for rule in other.0 {
            self.0.retain(|ours| ours.id != rule.id);
            self.0.push(rule);
        }
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// The table as text.
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let flag = |permitted: bool| if permitted { "1" } else { "0" };
        let rows = self.0.iter().map(|rule| {
            let [read, write, create, unlink] = rule.permits.map(flag);
            [&rule.id, &rule.name, &rule.model, rule.group.name(), read, write, create, unlink]
        });
        for row in std::iter::once(HEADER).chain(rows) {
            writer.write_record(row).expect("memory can be written to");
        }
        let bytes = writer.into_inner().expect("memory can be written to");
        String::from_utf8(bytes).expect("text went in")
    }

    /// Whether somebody of these groups may do something with a model.
    pub fn permits(&self, groups: &[Group], permission: Permission, model: &str) -> bool {
        let Some(highest) = groups.iter().max() else { return false };
        let spelled = spelled(model);
        *highest == Group::Admin
            || self.0.iter().any(|rule| {
                rule.permits[permission as usize]
                    && rule.group <= *highest
                    && (rule.model == "*" || rule.model == spelled)
            })
    }

    /// As [`Rules::permits`], with the error to answer.
    pub fn check(&self, groups: &[Group], permission: Permission, model: &str) -> Result<(), Error> {
        if self.permits(groups, permission, model) {
            return Ok(());
        }
        Err(Error::Denied {
            group: groups.iter().max().map_or("nobody", |group| group.name()).to_owned(),
            permission: permission.name(),
            model: model.to_owned(),
        })
    }
}

/// `sale.order` as the table spells it: `model_sale_order`.
fn spelled(model: &str) -> String {
    format!("model_{}", model.replace('.', "_"))
}

fn rule(row: &csv::StringRecord) -> Result<Rule, String> {
    let text = |at: usize| row.get(at).unwrap_or_default();
    let flag = |at: usize| match text(at) {
        "1" => Ok(true),
        "0" | "" => Ok(false),
        other => Err(format!("{} is {other:?}, and must be 0 or 1", HEADER[at])),
    };
    let model = text(2).rsplit('.').next().unwrap_or_default();
    if text(0).is_empty() {
        return Err("it has no id".to_owned());
    }
    if model != "*" && model.strip_prefix("model_").is_none_or(str::is_empty) {
        return Err(format!("{model:?} is no model: it must look like model_sale_order, or be *"));
    }
    Ok(Rule {
        id: text(0).to_owned(),
        name: text(1).to_owned(),
        model: model.to_owned(),
        group: text(3).parse()?,
        permits: [flag(4)?, flag(5)?, flag(6)?, flag(7)?],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's rows, verbatim.
    const SPECIFIED: &str = "id,name,model_id:id,group_id:id,perm_read,perm_write,perm_create,perm_unlink
access_backend_user,myconnector.backend user,model_myconnector_backend,group_generic_connector_user,1,0,0,0
access_backend_manager,myconnector.backend manager,model_myconnector_backend,group_generic_connector_manager,1,1,1,1
";

    #[test]
    fn the_specified_rows_mean_what_they_say() {
        use Permission::{Create, Read, Unlink, Write};
        let rules = Rules::parse(SPECIFIED).expect("well formed");
        let may = |group, permission| rules.permits(&[group], permission, "myconnector.backend");
        assert_eq!([Read, Write, Create, Unlink].map(|p| may(Group::User, p)), [true, false, false, false]);
        assert_eq!([Read, Write, Create, Unlink].map(|p| may(Group::Manager, p)), [true; 4]);
        assert_eq!([Read, Write, Create, Unlink].map(|p| may(Group::Admin, p)), [true; 4]);
        assert!(!rules.permits(&[Group::Manager], Read, "another.model"), "deny by default");
        assert!(rules.permits(&[Group::Admin], Unlink, "another.model"), "full control");
        assert!(!rules.permits(&[], Read, "myconnector.backend"));
        assert_eq!(rules.to_csv(), SPECIFIED);
    }

    #[test]
    fn the_built_in_rules_are_well_formed() {
        let rules = Rules::built_in();
        assert!(rules.permits(&[Group::User], Permission::Read, "sale.order"));
        assert!(!rules.permits(&[Group::User], Permission::Write, "sale.order"));
        assert!(rules.permits(&[Group::Manager], Permission::Create, "generic.backend"));
        assert!(!rules.permits(&[Group::Manager], Permission::Create, "generic.plugin"));
        assert!(rules.permits(&[Group::Admin], Permission::Create, "generic.plugin"));
    }

    #[test]
    fn a_bad_line_is_named() {
        let head = HEADER.join(",");
        for (line, why) in [
            ("a,b,model_x,group_x,1,0,0,0", "group_x"),
            ("a,b,sale.order,group_generic_connector_user,1,0,0,0", "order"),
            ("a,b,model_x,group_generic_connector_user,yes,0,0,0", "perm_read"),
            ("a,b,model_x,group_generic_connector_user,1,0,0", "eight"),
            (",b,model_x,group_generic_connector_user,1,0,0,0", "no id"),
        ] {
            let error = Rules::parse(&format!("{head}\n{line}\n")).expect_err(line).to_string();
            assert!(error.contains("line 2") && error.contains(why), "{error}");
        }
        assert!(Rules::parse("id,name\n").is_err());
    }

    #[test]
    fn a_rule_of_the_same_id_is_replaced() {
        let mut rules = Rules::parse(SPECIFIED).expect("well formed");
        rules.extend(Rules::parse(&SPECIFIED.replace("_user,1,0,0,0", "_user,1,1,0,0")).expect("well formed"));
        assert_eq!(rules.rules().len(), 2);
        assert!(rules.permits(&[Group::User], Permission::Write, "myconnector.backend"));
    }

    #[test]
    fn denials_say_who_what_and_on_what() {
        let error = Rules::built_in().check(&[Group::User], Permission::Unlink, "sale.order").expect_err("denied");
        assert_eq!(error.to_string(), "group_generic_connector_user may not unlink sale.order");
    }
}
