//! Who understands plain words for `setai run` and `setai propose`, and where changes are put in front of teams: the model and
//! the forges of the operator's file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::ai::models::{Amount, Limits, Model, Prices, Provider, Settings};
use crate::ai::{Interpreter, Rules};
use crate::cache::Cache;
use crate::cli::failure::Failure;
use crate::clock::Clock;
use crate::config::{self, Ai, AiCost, AiProvider, ForgeAt, ForgeServer, Origin};
use crate::controller::{Outlet, SharedLedger};
use crate::forge::{self, Address, BranchName, Kind};

/// Who understands plain words: the model the operator chose, or the embedded rules.
pub(in crate::cli) fn interpreter(ai: Option<&Ai>, cache: Cache) -> Result<Arc<dyn Interpreter>, Failure> {
    let rules = || Arc::new(Rules::new(Clock::system()));
    let Some(ai) = ai else { return Ok(rules()) };
    let provider = match ai.provider {
        AiProvider::Rules => return Ok(rules()),
        AiProvider::Openai => Provider::OpenAi,
        AiProvider::Anthropic => Provider::Anthropic,
    };
    let AiCost { prices, per_request, per_day } = ai.cost;
    let prices =
        prices.map(|(input, output)| Prices { input: Amount::millionths(input), output: Amount::millionths(output) });
    let settings = Settings::of(provider, ai.model.as_deref().unwrap_or_default());
    let settings = Settings {
        base_url: ai.base_url.clone().unwrap_or(settings.base_url),
        api_key: ai.api_key.as_ref().map(|key| key.get().clone()),
        timeout: ai.timeout,
        retries: ai.retries,
        max_input_tokens: ai.max_input_tokens.into(),
        max_output_tokens: ai.max_output_tokens.into(),
        limits: Limits {
            prices,
            per_request: per_request.map(Amount::millionths),
            per_day: per_day.map(Amount::millionths),
        },
        ..settings
    };
    let ledger = Arc::new(SharedLedger::new(cache));
    Ok(Arc::new(Model::with_ledger(settings, Clock::system(), ledger)?))
}

/// The forge of every source that has one. A repository of this machine is one by itself.
pub(in crate::cli) fn outlets(sources: &[config::Source]) -> Result<BTreeMap<String, Outlet>, Failure> {
    let mut outlets = BTreeMap::new();
    for source in sources {
        let wrong = |why| {
            Failure::new(format!("the forge of the source `{}` cannot be used: {why}", source.name))
                .help("docs/forges.md says what each forge needs.")
        };
        if let Some(outlet) = outlet(source).map_err(wrong)? {
            outlets.insert(source.name.clone(), outlet);
        }
    }
    Ok(outlets)
}

/// What is wrong with the forges that cannot be right, each with the name of its source. Nothing is asked of anybody.
pub(in crate::cli) fn unusable(sources: &[config::Source]) -> Vec<(String, String)> {
    sources.iter().filter_map(|source| Some((source.name.clone(), outlet(source).err()?))).collect()
}

/// The forge of a source, when it has one; or what is wrong with it.
fn outlet(source: &config::Source) -> Result<Option<Outlet>, String> {
    let Origin::Git(git) = &source.origin else { return Ok(None) };
    let (forge, base) = match git.forge.as_deref() {
        None => {
            // That it is no repository is told when it is read.
            let Some(Ok(forge)) = local(&git.url).map(|path| forge::open_local(path, Clock::system())) else {
                return Ok(None);
            };
            let followed = match &git.reference {
                config::Reference::Branch(name) => Some(name.clone()),
                config::Reference::Default | config::Reference::Tag(_) | config::Reference::Commit(_) => None,
            };
            (forge, followed)
        }
        Some(config::Forge { at: ForgeAt::Local, base }) => {
            let path = local(&git.url).ok_or("it is not on this machine")?;
            (forge::open_local(path, Clock::system()).map_err(|error| error.to_string())?, base.clone())
        }
        Some(config::Forge { at: ForgeAt::Server { kind, api, repository, token }, base }) => {
            let kind = match kind {
                ForgeServer::Github => Kind::GitHub,
                ForgeServer::Gitlab => Kind::GitLab,
                ForgeServer::Gitea => Kind::Gitea,
            };
            let address = Address::of_git(kind, &git.url, api.as_deref(), repository.as_deref());
            let address = address.map_err(|error| error.to_string())?;
            let forge = forge::open(address, token.get().clone(), Clock::system());
            (forge.map_err(|error| error.to_string())?, base.clone())
        }
    };
    let base = base.map(|base| BranchName::new(&base).map_err(|error| error.to_string())).transpose()?;
    Ok(Some(Outlet { forge, base, folder: source.path.clone() }))
}

/// The folder of a repository of this machine.
fn local(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    path.starts_with('/').then(|| Path::new(path))
}
