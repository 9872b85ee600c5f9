//! A connector's settings: a struct of its own, drawn as a form, asked by the command line, validated by the host.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use bindery_contract::manifest::settings::{HOST, SECRET};

/// A setting that is encrypted at rest and never shown: the type alone makes it a secret.
///
/// ```
/// use bindery_plugin::prelude::*;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Settings {
///     /// Address of the shop's API.
///     #[schemars(extend("group" = "API Configuration", "host" = true))]
///     api_url: String,
///     #[schemars(extend("group" = "API Configuration"))]
///     api_key: Secret,
/// }
///
/// let key: Secret = serde_json::from_str("\"s3cr3t\"")?;
/// assert_eq!(format!("{key:?}"), "***");
/// assert_eq!(key.expose(), "s3cr3t");
/// # Ok::<_, Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret of a text, for tests.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Secret::new("x").expose(), "x");
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Give it to a header, never to a log line or an error.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Secret::new("x").expose(), "x");
    /// ```
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was given.
    ///
    /// ```
    /// assert!(bindery_plugin::Secret::new("").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", SECRET: true})
    }
}

/// The settings of a plugin that needs none.
///
/// ```
/// use bindery_plugin::NoSettings;
///
/// let _: NoSettings = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct NoSettings {}

/// The JSON Schema of a settings struct.
pub(crate) fn schema<S: JsonSchema>() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<S>()
        .to_value()
}

/// The value of the first setting that is marked as the API's address.
pub(crate) fn base_url(schema: &Value, settings: &Value) -> Option<String> {
    let properties = schema.get("properties")?.as_object()?;
    let (name, _) = properties.iter().find(|(_, property)| property.get(HOST) == Some(&Value::Bool(true)))?;
    settings.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Sample {
        /// Where the shop is.
        #[schemars(extend("group" = "API Configuration", "host" = true))]
        api_url: String,
        api_key: Secret,
        second_key: Option<Secret>,
        #[schemars(extend("page" = "Synchronization"), range(min = 1, max = 250))]
        #[serde(default = "hundred")]
        page_size: u32,
        #[schemars(extend("record" = "stock.warehouse"))]
        warehouse: Option<i64>,
    }

    fn hundred() -> u32 {
        100
    }

    #[test]
    fn the_schema_says_what_the_struct_says() {
        let schema = schema::<Sample>();
        let properties = &schema["properties"];
        assert_eq!(properties["api_url"]["group"], "API Configuration");
        assert_eq!(properties["api_url"]["description"], "Where the shop is.");
        assert_eq!(properties["api_key"]["secret"], true);
        assert_eq!(properties["second_key"]["secret"], true, "an optional secret is one too: {properties}");
        assert_eq!(properties["page_size"]["default"], 100);
        assert_eq!(properties["page_size"]["maximum"], 250);
        assert_eq!(properties["warehouse"]["record"], "stock.warehouse");
        assert_eq!(schema["required"], json!(["api_url", "api_key"]));
    }

    #[test]
    fn the_base_url_is_the_setting_marked_as_host() {
        let settings = json!({"api_key": "k", "api_url": "https://shop.example"});
        assert_eq!(base_url(&schema::<Sample>(), &settings).as_deref(), Some("https://shop.example"));
    }
}
