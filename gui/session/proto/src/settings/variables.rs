//! Variables: of the environment, and below them of a `.env` file.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::FIELDS;
use super::{BadSetting, DotEnv, Settings, Source};

/// Variables; the environment's come before those of `.env`. One that is empty is none.
#[derive(Clone, Default)]
pub struct Variables {
    environment: BTreeMap<&'static str, String>,
    dotenv: DotEnv,
}

/// Of which the environment is asked, beside those of the table; see `sharestream_engine::logging::level`.
const LOGGING: [&str; 2] = ["DEBUG", "LOG_LEVEL"];

impl Variables {
    /// Those of the environment that mean something here, and those of a `.env`.
    pub fn new(environment: impl Fn(&str) -> Option<String>, dotenv: DotEnv) -> Self {
        let names = FIELDS.iter().filter_map(|field| field.variable).chain(LOGGING);
        let environment = names.filter_map(|name| Some((name, environment(name)?))).collect();
        Self { environment, dotenv }
    }

    /// A variable, for what is no setting of the table.
    pub fn value(&self, name: &str) -> Option<&str> {
        let is_some = |value: &&str| !value.trim().is_empty();
        let environment = self.environment.get(name).map(String::as_str).filter(is_some);
        environment.or_else(|| self.dotenv.value(name).filter(is_some))
    }

    /// The variables of settings that are set, and come before whatever the file says.
    pub fn in_force(&self) -> impl Iterator<Item = &'static str> {
        FIELDS.iter().filter_map(|field| field.variable).filter(|name| self.value(name).is_some())
    }

    /// Puts them over what the file of settings says; tells what of it cannot be.
    pub fn apply(&self, settings: &mut Settings) -> Vec<BadSetting> {
        let mut bad = Vec::new();
        for field in &FIELDS {
            let Some(name) = field.variable else { continue };
            let Some(value) = self.value(name) else { continue };
            if let Err(why) = (field.read)(settings, &Value::from(value)) {
                bad.push(BadSetting { said_in: Source::Variable, name, why });
            }
        }
        bad
    }
}

/// The names only.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variables")
            .field("environment", &self.environment.keys())
            .field("dotenv", &self.dotenv)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_url::ServerUrl;

    #[test]
    fn the_environment_comes_before_dotenv_and_both_before_the_file() {
        let (dotenv, _) =
            DotEnv::parse(b"SERVER_URL=dotenv.example\nTURN_URL=turn:dotenv.example\nLOG_LEVEL=debug\nDEBUG=1");
        let environment = |name: &str| match name {
            "SERVER_URL" => Some("environment.example".to_owned()),
            "TURN_URL" => Some(" ".to_owned()),
            "TURN_PASSWORD" => Some("secret".to_owned()),
            "DEBUG" => Some("false".to_owned()),
            _ => None,
        };
        let variables = Variables::new(environment, dotenv);
        let server = Some(ServerUrl::parse("file.example").unwrap());
        let mut settings = Settings { server, name: Some("Ana".into()), ..Settings::default() };
        assert_eq!(variables.apply(&mut settings), []);
        assert_eq!(settings.server.as_ref().map(ServerUrl::signal).as_deref(), Some("https://environment.example"));
        assert_eq!(settings.turn.url.as_deref(), Some("turn:dotenv.example"), "an empty variable is none");
        assert_eq!(settings.turn.password.as_deref(), Some("secret"));
        assert_eq!(settings.name.as_deref(), Some("Ana"));
        assert_eq!(variables.in_force().collect::<Vec<_>>(), ["SERVER_URL", "TURN_URL", "TURN_PASSWORD"]);
        assert_eq!((variables.value("LOG_LEVEL"), variables.value("DEBUG")), (Some("debug"), Some("false")));
        assert!(!format!("{variables:?} {settings:?}").contains("secret"));
    }

    #[test]
    fn one_that_cannot_be_is_said_and_left_out() {
        let environment = |name: &str| (name == "SERVER_URL").then(|| "https://ana:secret@x".to_owned());
        let mut settings = Settings::default();
        let bad = Variables::new(environment, DotEnv::default()).apply(&mut settings);
        assert_eq!(settings, Settings::default());
        assert!(bad[0].to_string().starts_with("the variable `SERVER_URL` is no server's address"), "{}", bad[0]);
        assert!(!bad[0].to_string().contains("secret"));
    }
}
