//! The headers and the credentials that an adapter adds to every request.

use crate::settings::Secret;

/// Headers of a request, in order.
///
/// ```
/// use bindery_plugin::{Headers, Secret};
///
/// let headers = Headers::new().bearer(&Secret::new("t")).set("X-API-Version", "2.0").set("x-api-version", "2.1");
/// assert_eq!(headers.get("X-Api-Version"), Some("2.1"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub(crate) Vec<(String, String)>);

impl Headers {
    /// No headers.
    ///
    /// ```
    /// assert!(bindery_plugin::Headers::new().get("accept").is_none());
    /// ```
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a header, in place of one of the same name.
    ///
    /// ```
    /// let headers = bindery_plugin::Headers::new().set("Accept", "text/csv");
    /// assert_eq!(headers.get("accept"), Some("text/csv"));
    /// ```
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        self.0.push((name, value.into()));
        self
    }

    /// Sets `Authorization: Bearer …`.
    ///
    /// ```
    /// # use bindery_plugin::{Headers, Secret};
    /// assert_eq!(Headers::new().bearer(&Secret::new("t")).get("authorization"), Some("Bearer t"));
    /// ```
    pub fn bearer(self, token: &Secret) -> Self {
        self.set("Authorization", format!("Bearer {}", token.expose()))
    }

    /// The value of a header.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Headers::new().get("accept"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Names only: values may be credentials.
impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A user and, where there is one, a secret: sent as `Authorization: Basic …`.
///
/// ```
/// use bindery_plugin::{Basic, Secret};
///
/// let auth = Basic::new("ck_1").secret(&Secret::new("cs_1"));
/// assert_eq!(auth.user(), "ck_1");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Basic {
    user: String,
    secret: Option<String>,
}

impl Basic {
    /// A user without a secret (some remotes take their key as the user).
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Basic::new("key").user(), "key");
    /// ```
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), secret: None }
    }

    /// With a secret.
    ///
    /// ```
    /// # use bindery_plugin::{Basic, Secret};
    /// let _ = Basic::new("user").secret(&Secret::new("password"));
    /// ```
    pub fn secret(mut self, secret: &Secret) -> Self {
        self.secret = Some(secret.expose().to_owned());
        self
    }

    /// The user.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Basic::new("key").user(), "key");
    /// ```
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.user, self.secret)
    }
}

impl std::fmt::Debug for Basic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Basic(***)")
    }
}
