//! `drydock device delete`: a thing, the certificates that are its alone, and its files.

use super::args::OneArgs;
use super::files::{Files, folder_of};
use super::lists::{certificate_id, principals, things_of};
use crate::cli::args::CommandResult;
use crate::cli::print;
use crate::client::encoded;
use drydock_core::ThingName;
use drydock_identity::Certificate;
use http::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// Runs the command. What it does can be done again where it broke off.
///
/// # Errors
/// Where the gateway refuses, for example as there is no such thing.
pub async fn run(args: OneArgs) -> CommandResult {
    let name = ThingName::new(&args.name)?;
    let (api, _) = args.at.gateway().await?;
    let thing = format!("/things/{name}");
    api.iot("DescribeThing", Method::GET, &thing, &[], &Value::Null).await?;
    let (mut deleted, mut kept) = (Vec::new(), Vec::new());
    for principal in principals(&api, name.as_str()).await? {
        let header = [("x-amzn-principal", principal.as_str())];
        let others = things_of(&api, &principal).await?.into_iter().any(|thing| thing != name.as_str());
        match certificate_id(&principal).filter(|_| !others) {
            Some(id) => {
                // Deactivated first, so that nobody is let in with half of it.
                let path = format!("/certificates/{}", encoded(id));
                let inactive = format!("{path}?newStatus=INACTIVE");
                api.iot("UpdateCertificate", Method::PUT, &inactive, &[], &Value::Null).await?;
                let detach = format!("{thing}/principals");
                api.iot("DetachThingPrincipal", Method::DELETE, &detach, &header, &Value::Null).await?;
                let forced = format!("{path}?forceDelete=true");
                api.iot("DeleteCertificate", Method::DELETE, &forced, &[], &Value::Null).await?;
                deleted.push(id.to_owned());
            }
            None => {
                let detach = format!("{thing}/principals");
                api.iot("DetachThingPrincipal", Method::DELETE, &detach, &header, &Value::Null).await?;
                kept.push(principal);
            }
        }
    }
    api.iot("DeleteThing", Method::DELETE, &thing, &[], &Value::Null).await?;
    let folder = folder_of(name.as_str());
    let files = remove_files(&folder, &deleted)?;
    let (deleted, kept) = (drydock_host::shown::value(json!(deleted)), drydock_host::shown::value(json!(kept)));
    if args.at.json {
        let folder = files.then_some(&folder);
        print::told(format_args!(
            "{:#}",
            json!({ "thingName": name.as_str(), "certificates": deleted, "kept": kept, "files": folder })
        ));
        return Ok(ExitCode::SUCCESS);
    }
    print::told(format_args!("{} thing {name}", print::good("deleted")));
    for id in deleted.as_array().into_iter().flatten().filter_map(Value::as_str) {
        print::told(format_args!("certificate {id}, too"));
    }
    for principal in kept.as_array().into_iter().flatten().filter_map(Value::as_str) {
        print::told(format_args!("{principal} stays: other things have it, or it is not a certificate"));
    }
    if files {
        print::told(format_args!("its files in {}, too", folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes a device's files where its certificate is one of those that are gone; whether it did.
fn remove_files(folder: &Path, gone: &[String]) -> Result<bool, String> {
    let files = Files::of(folder);
    let Ok(pem) = std::fs::read_to_string(&files.certificate) else { return Ok(false) };
    let of_gone = Certificate::from_pem("the device's certificate", &pem)
        .is_ok_and(|certificate| gone.iter().any(|id| id == certificate.id().as_str()));
    if !of_gone {
        return Ok(false);
    }
    for path in files.all() {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("`{}` cannot be removed: {error}", path.display()));
            }
            _ => {}
        }
    }
    // It stays where something else is in it.
    let _ = std::fs::remove_dir(folder);
    Ok(true)
}
