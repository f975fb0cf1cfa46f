//! What is said elsewhere than on the command line: by the folder that the command runs in (a template, `samconfig.toml` beside
//! it), and by the tools of AWS (variables, the profile in `~/.aws/config`).
//!
//! `samconfig.toml` is read as `sam deploy` reads it, for what a gateway has use for: `stack_name`, `parameter_overrides` and
//! `region` below `[default.deploy.parameters]`, and below `[default.global.parameters]` where the former has no such key.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html>

use super::args::parse_stack_name;
use drydock_core::Scope;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Templates that are found without being named, in this order: sam's.
const TEMPLATES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];
/// The file of sam's options.
const SAM_CONFIG: &str = "samconfig.toml";
/// Where no region is named at all.
const REGION: &str = "us-east-1";

/// The template in the working directory.
#[must_use]
pub fn template() -> Option<PathBuf> {
    TEMPLATES.into_iter().map(PathBuf::from).find(|path| path.is_file())
}

/// What `samconfig.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SamConfig {
    /// The name of the stack.
    pub stack_name: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Values for parameters of the template.
    pub parameters: Vec<(String, String)>,
}

impl SamConfig {
    /// The file in a folder, of the environment that `SAM_CONFIG_ENV` names, or `default`.
    ///
    /// # Errors
    /// Where it cannot be read, or says what cannot be.
    pub fn beside(template: Option<&Path>) -> Result<Self, String> {
        let path = template.and_then(Path::parent).unwrap_or(Path::new("")).join(SAM_CONFIG);
        let environment = variable("SAM_CONFIG_ENV").unwrap_or_else(|| "default".to_owned());
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &environment).map_err(|why| format!("`{}`: {why}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
        }
    }

    fn parse(text: &str, environment: &str) -> Result<Self, String> {
        let root = DeTable::parse(text).map_err(|error| error.to_string())?;
        let root = root.get_ref();
        let option = |name: &str| {
            ["deploy", "global"].into_iter().find_map(|command| {
                let of_command = root.get(environment)?.get_ref().as_table()?.get(command)?.get_ref().as_table()?;
                of_command.get("parameters")?.get_ref().as_table()?.get(name)
            })
        };
        let text = |name: &str| match option(name).map(|value| value.get_ref().as_str()) {
            None => Ok(None),
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => Err(format!("`{name}` is not a text")),
        };
        let (stack_name, region) = (text("stack_name")?, text("region")?);
        if let Some(name) = &stack_name {
            parse_stack_name(name).map_err(|why| format!("`stack_name` is `{name}`: {why}"))?;
        }
        let mut parameters = Vec::new();
        if let Some(value) = option("parameter_overrides").map(|value| value.get_ref()) {
            let refused =
                || "`parameter_overrides` is a text such as \"Name=Value Other=Value\", or a list of them".to_owned();
            let texts: Vec<&str> = match (value.as_str(), value.as_array()) {
                (Some(text), _) => vec![text],
                (None, Some(list)) => list
                    .into_iter()
                    .map(|text| text.get_ref().as_str().ok_or_else(refused))
                    .collect::<Result<_, _>>()?,
                (None, None) => return Err(refused()),
            };
            for word in texts.into_iter().flat_map(words) {
                parameters.push(
                    parameter(&word).ok_or_else(|| format!("`{word}` of `parameter_overrides` is not Name=Value"))?,
                );
            }
        }
        Ok(Self { stack_name, region, parameters })
    }
}

/// The words of a text, which spaces part where they are not quoted; a backslash takes the next letter as it is.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.get_or_insert_default().extend(letters.next()),
            '"' | '\'' if quote.is_none() => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            _ if quote == Some(letter) => quote = None,
            _ if letter.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// `Name=Value`, or CloudFormation's `ParameterKey=Name,ParameterValue=Value`.
fn parameter(word: &str) -> Option<(String, String)> {
    let (name, value) = match word.strip_prefix("ParameterKey=") {
        Some(rest) => rest.split_once(",ParameterValue=")?,
        None => word.split_once('=')?,
    };
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// The region: the one that is asked for, else that of AWS's variables, of `samconfig.toml`, of the profile, or us-east-1.
///
/// # Errors
/// Where one of them is not called as a region is.
pub fn region(asked: Option<&str>, sam: &SamConfig) -> Result<String, String> {
    if let Some(region) = asked {
        return Ok(region.to_owned());
    }
    let of_variables = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| Some((name, variable(name)?)));
    let said = of_variables
        .or_else(|| Some((SAM_CONFIG, sam.region.clone()?)))
        .or_else(|| Some(("the profile of AWS", of_profile()?)));
    match said {
        Some((_, region)) if Scope::is_region(&region) => Ok(region),
        Some((who, region)) => Err(format!(
            "`{region}`, as {who} says, is not called as AWS's regions are: name another one with --region"
        )),
        None => Ok(REGION.to_owned()),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The region of the profile that `AWS_PROFILE` names, or of `default`, in the file that AWS's tools read.
fn of_profile() -> Option<String> {
    let path = variable("AWS_CONFIG_FILE").map(PathBuf::from);
    let path = path.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".aws/config")))?;
    let profile = variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    region_of(&std::fs::read_to_string(path).ok()?, &profile)
}

/// The region of a profile in the text of `~/.aws/config`:
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html>.
fn region_of(text: &str, profile: &str) -> Option<String> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let name = name.trim();
            let named = name.strip_prefix("profile").filter(|of| of.starts_with(char::is_whitespace)).map(str::trim);
            inside = named.or((name == "default").then_some(name)) == Some(profile);
        } else if let (true, Some((key, value))) = (inside, line.split_once('='))
            && key.trim() == "region"
        {
            return Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sams_options_are_read_as_sam_reads_them() {
        let text = r#"
version = 0.1
[default.global.parameters]
stack_name = "of-all"
region = "eu-west-1"
[default.deploy.parameters]
stack_name = "fleet"
parameter_overrides = "Stage=\"two words\" ParameterKey=Grace,ParameterValue=5 Empty="
capabilities = "CAPABILITY_IAM"
[prod.deploy.parameters]
parameter_overrides = ["A=1 B=2", "C='3 4'"]
"#;
        let pairs =
            |of: &SamConfig| of.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let default = SamConfig::parse(text, "default").unwrap();
        assert_eq!((default.stack_name.as_deref(), default.region.as_deref()), (Some("fleet"), Some("eu-west-1")));
        assert_eq!(pairs(&default), ["Stage=two words", "Grace=5", "Empty="]);
        let prod = SamConfig::parse(text, "prod").unwrap();
        assert_eq!(
            (prod.stack_name.as_deref(), pairs(&prod).as_slice()),
            (None, ["A=1", "B=2", "C=3 4"].map(str::to_owned).as_slice())
        );
        for (wrong, said) in [
            ("[default.deploy.parameters]\nstack_name = 5", "not a text"),
            ("[default.deploy.parameters]\nstack_name = \"a b\"", "begins with a letter"),
            ("[default.deploy.parameters]\nparameter_overrides = 5", "a list of them"),
            ("[default.deploy.parameters]\nparameter_overrides = \"A\"", "is not Name=Value"),
            ("[default", "]"),
        ] {
            let why = SamConfig::parse(wrong, "default").unwrap_err();
            assert!(why.contains(said), "{wrong}: {why}");
        }
    }

    #[test]
    fn the_region_of_a_profile() {
        let text = "[default]\nregion=eu-central-1\noutput = json\n[profile a b]\nregion = ap-south-1\n[profile none]\n[sso-session x]\nregion = us-west-2\n";
        for (profile, region) in [
            ("default", Some("eu-central-1")),
            ("a b", Some("ap-south-1")),
            ("none", None),
            ("x", None),
            ("other", None),
        ] {
            assert_eq!(region_of(text, profile).as_deref(), region, "{profile}");
        }
    }
}
