//! `drydock up`: stands the system of a template up, says where everything is, and keeps it up until it is told to stop.
//! `printer`: what happens meanwhile, as lines.

mod printer;

use super::args::{AwsNames, CommandResult, UpArgs};
use super::aws_names;
use super::build::Shown;
use super::print;
use super::project::{self, SamConfig};
use super::signal::stop_signal;
use drydock_gateway::config::Config;
use drydock_gateway::deploy::Deployed;
use drydock_gateway::public::Public;
use drydock_gateway::{Dock, Gateway};
use printer::Printer;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Where the template, a port, the state or a function's build does not allow it.
pub async fn run(mut args: UpArgs) -> CommandResult {
    if let Some(wanted) = args.aws_names {
        let steps = aws_names::Steps::of(&args)?;
        if wanted == AwsNames::Off {
            steps.show_undoing();
            return Ok(ExitCode::SUCCESS);
        }
        if !steps.show_doing(args.quiet) {
            return Ok(ExitCode::FAILURE);
        }
        args.tls_port = aws_names::PORT;
    }
    if let Some(path) = &args.ready_file {
        gone(path)?;
    }
    // A signal that comes while functions are built stops the build, too.
    let signal = stop_signal()?;
    tokio::pin!(signal);
    let dock = tokio::select! {
        dock = stand_up(&args) => dock?,
        () = &mut signal => {
            if !args.quiet {
                print::told("stopped before everything was up");
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    if let Some(path) = &args.ready_file {
        write_ready(dock.gateway(), path)?;
    }
    if args.quiet {
        signal.await;
    } else {
        say_where(&dock, &args);
        let mut printer = Printer::new(dock.gateway());
        tokio::select! {
            () = printer.run() => {}
            () = &mut signal => {}
        }
        printer.finish();
        print::told("stopping");
    }
    // Gone before anything else is, so that nobody finds a gateway by it that is about to stop.
    let gone = args.ready_file.as_deref().map(gone).transpose();
    dock.stop().await;
    gone?;
    Ok(ExitCode::SUCCESS)
}

/// Takes a ready file away, which an earlier run may have left that was killed.
fn gone(path: &Path) -> Result<(), String> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("the ready file `{}` cannot be taken away: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Stands the system up as the arguments say, with the variables of this process.
///
/// # Errors
/// See [`run`].
pub async fn stand_up(args: &UpArgs) -> Result<Dock, Box<dyn std::error::Error + Send + Sync>> {
    let lambda_endpoint = args
        .lambda_endpoint
        .as_deref()
        .map(|url| url.parse::<http::Uri>().map_err(|e| format!("--lambda-endpoint `{url}` is not a URL: {e}")))
        .transpose()?;
    let config = Config::find(args.config.as_deref())?;
    if !args.host.is_loopback() && config.credentials.is_empty() {
        print::beside(format_args!(
            "{} listening on {}: whoever reaches this address may call the API with any access key",
            print::bad("warning:"),
            args.host
        ));
    }
    let template = args.template.clone().or_else(project::template);
    let sam = SamConfig::beside(template.as_deref())?;
    let mut dock = match &template {
        Some(path) => Dock::template(path),
        None => Dock::empty(),
    };
    dock = dock
        .account(&args.account)
        .region(project::region(args.region.as_deref(), &sam)?)
        .host(args.host)
        .api_port(args.api_port)
        .mqtt_port(args.mqtt_port)
        .tls_port(args.tls_port)
        .config(config)
        .functions(!args.no_functions)
        .lenient(args.lenient)
        .functions_profile(&args.functions_profile)
        .progress(Shown::new(args.quiet))
        .environment(std::env::vars_os().filter_map(readable).collect());
    if let Some(name) = args.stack_name.as_ref().or(sam.stack_name.as_ref()) {
        dock = dock.stack_name(name);
    }
    for (name, value) in &sam.parameters {
        dock = dock.parameter_default(name, value);
    }
    for (name, value) in &args.parameters {
        dock = dock.parameter(name, value);
    }
    dock = dock.public(Public {
        host: args.public_host.clone(),
        addresses: if args.host.is_unspecified() { machine_addresses(args.host) } else { Vec::new() },
        aws_names: args.aws_names == Some(AwsNames::On),
    });
    if !args.ephemeral {
        dock = dock.data_dir(&args.data_dir);
    }
    if let Some(folder) = &args.runtimes {
        dock = dock.runtimes(folder);
    }
    if let Some(port) = args.plain_port {
        dock = dock.plain_port(port);
    }
    if let Some(url) = lambda_endpoint {
        dock = dock.lambda_endpoint(url);
    }
    Ok(dock.start().await?)
}

/// The addresses that others reach this machine by: those of its network before others; of the version that it listens on.
fn machine_addresses(listening: IpAddr) -> Vec<IpAddr> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        print::beside(format_args!("{} this machine's addresses are not known: {error}", print::bad("warning:")));
        Vec::new()
    });
    let mut addresses: Vec<IpAddr> =
        found.iter().filter(|one| !one.is_loopback()).map(if_addrs::Interface::ip).collect();
    // One that holds on this link alone is of no use to who does not name the link.
    addresses.retain(|address| match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => listening.is_ipv6() && !address.is_unicast_link_local(),
    });
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.dedup();
    addresses
}

/// A variable that is Unicode, as those are that the gateway knows.
fn readable((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn write_ready(gateway: &Gateway, path: &Path) -> Result<(), String> {
    // Written beside and moved in place, so that who waits for the file never reads half of it.
    let failed = |error: std::io::Error| format!("the ready file `{}` cannot be written: {error}", path.display());
    let beside = path.with_extension("part");
    std::fs::write(&beside, format!("{:#}\n", gateway.ready())).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

/// Prints where everything is and what to type next.
fn say_where(dock: &Dock, args: &UpArgs) {
    let gateway = dock.gateway();
    let addresses = gateway.addresses();
    print::heading("drydock is up");
    let mut table = print::table(["what", "where"]);
    let (endpoints, public) = (&gateway.host.endpoints, &gateway.public);
    table.add_row(["AWS API (every service)", &format!("http://{}", endpoints.api)]);
    table.add_row(["MQTT, mutual TLS", &public.authority(addresses.mqtt)]);
    table.add_row(["HTTPS and MQTT, by ALPN", &format!("https://{}", endpoints.tls)]);
    if let Some(plain) = addresses.plain {
        table.add_row(["MQTT without TLS, for tests", &plain.to_string()]);
    }
    table.add_row(["root certificate for devices", &gateway.root_ca().display().to_string()]);
    table
        .add_row(["state", &if args.ephemeral { "in memory".to_owned() } else { args.data_dir.display().to_string() }]);
    if let Some(path) = &gateway.config.file {
        table.add_row(["configuration", &path.display().to_string()]);
    }
    print::told(&table);
    for line in dock.deployed().into_iter().flat_map(Deployed::summary) {
        print::told(&line);
    }
    if dock.deployed().is_none() {
        print::told("there is no template.yaml here, so the account begins empty: --template PATH brings one up");
    }
    print::told(format_args!("\n{}", print::dim("# what next")));
    let key = gateway.config.credentials.first();
    // The CLI's first version and some SDKs read the second name alone.
    let region = &gateway.host.books.scope.region;
    print::told(format_args!(
        "export AWS_ENDPOINT_URL=http://{} AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}",
        endpoints.api,
        key.map_or("local", |key| key.access_key_id.as_str()),
        key.map_or("local", |_| "…")
    ));
    print::told("aws iot list-things");
    print::told(format_args!("drydock device create dock-1 --api-url http://{}", endpoints.api));
    print::told(format_args!("{}\n", print::dim("Ctrl-C stops it")));
}
