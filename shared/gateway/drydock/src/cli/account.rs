//! `drydock export` and `drydock import`: a whole account's state, or that of all, to a folder of readable files, and back; of a
//! gateway that is up, or of the folder that one keeps its state in.

use super::args::{CommandResult, ExportArgs, ImportArgs, Place};
use super::print;
use crate::client::Api;
use drydock_core::Scope;
use drydock_gateway::account::Account;
use drydock_gateway::account::whole::Whole;
use drydock_host::books::{Books, Empty};
use drydock_host::stream::Stream;
use drydock_host::system::{SystemClock, SystemIds};
use drydock_store::Store;
use drydock_timers::Timers;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs `drydock export`.
///
/// # Errors
/// Where the state cannot be had, or the folder not be written.
pub async fn export(args: ExportArgs) -> CommandResult {
    if args.all {
        return export_all(&args).await;
    }
    let account = match &args.place {
        Place { data_dir: Some(data_dir), region, .. } => {
            let store = existing(data_dir)?;
            let scope = only_scope(&store, data_dir, region.as_deref())?;
            Account::of(&books(&store, scope)?, &store)?
        }
        Place { api_url, region, .. } => Account::parse(&Api::new(api_url, region.clone()).export(false).await?)?,
    };
    account.write(&args.folder)?;
    report(&account, &format!("written to {}", args.folder.display()));
    Ok(ExitCode::SUCCESS)
}

/// Runs `drydock import`.
///
/// # Errors
/// Where the folder does not read, or the gateway does not take it.
pub async fn import(args: ImportArgs) -> CommandResult {
    if Whole::is_in(&args.folder) {
        return import_all(&args).await;
    }
    let account = Account::read(&args.folder)?;
    match &args.place {
        Place { data_dir: Some(data_dir), .. } => {
            let store = Store::open(Some(data_dir))?;
            let scope = Scope::new(account.account.as_str(), account.region.as_str());
            account.put(&books(&store, scope)?, &store, args.replace).await?;
        }
        Place { api_url, region, .. } => {
            // To where it came from, unless somebody says otherwise, which is refused.
            let region = region.clone().unwrap_or_else(|| account.region.clone());
            Api::new(api_url, Some(region)).import(serde_json::to_vec(&account)?, false, args.replace).await?;
        }
    }
    report(&account, "imported");
    Ok(ExitCode::SUCCESS)
}

async fn export_all(args: &ExportArgs) -> CommandResult {
    let whole = match &args.place {
        Place { data_dir: Some(data_dir), .. } => {
            let store = existing(data_dir)?;
            let scopes = store.scopes()?;
            let first = scopes.first().ok_or_else(|| holds_nothing(data_dir))?;
            // Any will do: they say which tables there are.
            Whole::of(&books(&store, first.clone())?, [], &store)?
        }
        Place { api_url, .. } => Whole::parse_from(Api::new(api_url, None).export(true).await?.as_ref())?,
    };
    whole.write(&args.folder)?;
    let done = format!("written to {}", args.folder.display());
    whole.accounts.iter().for_each(|account| report(account, &done));
    Ok(ExitCode::SUCCESS)
}

async fn import_all(args: &ImportArgs) -> CommandResult {
    if args.place.region.is_some() {
        let folder = args.folder.display();
        return Err(
            format!("`{folder}` holds several accounts and regions: name one of its folders with --region").into()
        );
    }
    let whole = Whole::read(&args.folder)?;
    match &args.place {
        Place { data_dir: Some(data_dir), .. } => {
            let store = Store::open(Some(data_dir))?;
            let opened: Result<Vec<Books>, _> = whole.scopes()?.into_iter().map(|scope| books(&store, scope)).collect();
            let opened = opened?;
            whole.check(&opened.iter().collect::<Vec<_>>(), &store, args.replace)?;
            for (account, books) in whole.accounts.iter().zip(&opened) {
                account.put(books, &store, args.replace).await?;
            }
        }
        Place { api_url, .. } => {
            Api::new(api_url, None).import(serde_json::to_vec(&whole)?, true, args.replace).await?;
        }
    }
    whole.accounts.iter().for_each(|account| report(account, "imported"));
    Ok(ExitCode::SUCCESS)
}

fn holds_nothing(data_dir: &Path) -> String {
    format!("`{}` holds no state", data_dir.display())
}

/// The state in a folder that is there.
pub(super) fn existing(data_dir: &Path) -> Result<Store, Box<dyn std::error::Error + Send + Sync>> {
    if !data_dir.is_dir() {
        return Err(format!("there is no folder `{}`", data_dir.display()).into());
    }
    Ok(Store::open(Some(data_dir))?)
}

/// The account and region whose state it holds: the only one, or the one of a region.
pub(super) fn only_scope(
    store: &Store,
    data_dir: &Path,
    region: Option<&str>,
) -> Result<Scope, Box<dyn std::error::Error + Send + Sync>> {
    let mut scopes = store.scopes()?;
    scopes.retain(|scope| region.is_none_or(|region| scope.region == region));
    match scopes.as_slice() {
        [scope] => Ok(scope.clone()),
        [] => Err(holds_nothing(data_dir).into()),
        several => {
            let names: Vec<_> = several.iter().map(|scope| format!("{} in {}", scope.account, scope.region)).collect();
            let names = names.join(", ");
            Err(format!("`{}` holds several ({names}): name one with --region, or ask a gateway", data_dir.display())
                .into())
        }
    }
}

/// The rulebooks of a folder without a gateway; nobody is told of anything.
pub(super) fn books(store: &Store, scope: Scope) -> Result<Books, drydock_store::StoreError> {
    let empty = Empty::new(&scope, drydock_services::rules::externals::CAPABILITIES);
    let time = Timers::new(Arc::new(SystemClock));
    let (events, _) = Stream::new(&time);
    Books::open(store, scope, time, Arc::new(SystemIds::new()), empty, events)
}

fn report(account: &Account, done: &str) {
    let mut table = print::table(["table", "rows"]);
    for (name, count) in account.counts() {
        table.add_row([name, &count.to_string()]);
    }
    print::told(&table);
    print::told(format_args!("account {} in {}: {done}", account.account, account.region));
}
