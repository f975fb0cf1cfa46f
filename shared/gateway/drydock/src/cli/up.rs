//! `drydock up`: stands the system of a template up, says where everything is, and keeps it up until it is told to stop.

use super::args::{CommandResult, UpArgs};
use super::build::Shown;
use super::print;
use drydock_gateway::config::Config;
use drydock_gateway::deploy::Deployed;
use drydock_gateway::{Dock, Gateway};
use drydock_host::notice::{Notice, Tone, Topic};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// How long a notice may wait to be printed with others.
const MOMENT: Duration = Duration::from_millis(50);

/// Runs the command.
///
/// # Errors
/// Where the template, a port, the state or a function's build does not allow it.
pub async fn run(args: UpArgs) -> CommandResult {
    // A signal that comes while functions are built stops the build, too.
    let signal = stop_signal();
    tokio::pin!(signal);
    let dock = tokio::select! {
        dock = stand_up(&args) => dock?,
        () = &mut signal => {
            print::told("stopped before everything was up");
            return Ok(ExitCode::SUCCESS);
        }
    };
    if let Some(path) = &args.ready_file {
        write_ready(dock.gateway(), path)?;
    }
    say_where(&dock, &args);
    let mut printer = Printer::new(dock.gateway());
    tokio::select! {
        () = printer.run() => {}
        () = &mut signal => {}
    }
    printer.finish();
    print::told("stopping");
    dock.stop().await;
    Ok(ExitCode::SUCCESS)
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
    let mut dock = Dock::template(&args.template)
        .account(&args.account)
        .region(&args.region)
        .host(args.host)
        .api_port(args.api_port)
        .mqtt_port(args.mqtt_port)
        .tls_port(args.tls_port)
        .config(config)
        .functions(!args.no_functions)
        .functions_profile(&args.functions_profile)
        .progress(Shown::new(args.quiet))
        .environment(std::env::vars_os().filter_map(readable).collect());
    for (name, value) in &args.parameters {
        dock = dock.parameter(name, value);
    }
    if !args.ephemeral {
        dock = dock.data_dir(&args.data_dir);
    }
    if let Some(port) = args.plain_port {
        dock = dock.plain_port(port);
    }
    if let Some(url) = lambda_endpoint {
        dock = dock.lambda_endpoint(url);
    }
    Ok(dock.start().await?)
}

/// A variable that is Unicode, as those are that the gateway knows.
fn readable((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn write_ready(gateway: &Gateway, path: &std::path::Path) -> Result<(), String> {
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
    table.add_row(["AWS API (every service)", &format!("http://{}", addresses.api)]);
    table.add_row(["MQTT, mutual TLS", &addresses.mqtt.to_string()]);
    table.add_row(["HTTPS and MQTT, by ALPN", &format!("https://{}", addresses.tls)]);
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
    print::told(format_args!("\n{}", print::dim("# what next")));
    let key = gateway.config.credentials.first();
    // The CLI's first version and some SDKs read the second name alone.
    let region = &args.region;
    print::told(format_args!(
        "export AWS_ENDPOINT_URL=http://{} AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}",
        addresses.api,
        key.map_or("local", |key| key.access_key_id.as_str()),
        key.map_or("local", |_| "…")
    ));
    print::told("aws iot list-things");
    print::told(format_args!("drydock device create dock-1 --api-url http://{}", addresses.api));
    print::told(format_args!("{}\n", print::dim("Ctrl-C stops it")));
}

/// Prints notices as they come: those of a moment together, so that a storm of them costs the gateway little.
struct Printer {
    notices: Receiver<Arc<Notice>>,
    lines: String,
    /// What was printed of each subject within this second, and what was not.
    told: HashMap<(Topic, String), (u64, u64)>,
    second: Instant,
}

/// How many notices of one subject are printed within a second: a rule that republishes to itself would fill the terminal.
const MOST_OF_ONE: u64 = 20;

impl Printer {
    fn new(gateway: &Gateway) -> Self {
        let (told, second) = (HashMap::new(), Instant::now());
        Self { notices: gateway.host.told.notices.watch(), lines: String::new(), told, second }
    }

    /// Goes on until the gateway is gone.
    async fn run(&mut self) {
        loop {
            match self.notices.recv().await {
                Ok(notice) => self.put(&notice),
                Err(RecvError::Lagged(missed)) => self.missed(missed),
                Err(RecvError::Closed) => return,
            }
            tokio::time::sleep(MOMENT).await;
            self.finish();
        }
    }

    /// Prints what has come and was not printed yet.
    fn finish(&mut self) {
        loop {
            match self.notices.try_recv() {
                Ok(notice) => self.put(&notice),
                Err(TryRecvError::Lagged(missed)) => self.missed(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            for ((_, subject), (_, more)) in std::mem::take(&mut self.told) {
                if more > 0 {
                    let text = format!("… {more} more of {subject} within a second, told once");
                    self.line(format_args!("{}", print::dim(text)));
                }
            }
        }
        print::told_at_once(&self.lines);
        self.lines.clear();
    }

    fn put(&mut self, notice: &Notice) {
        let (printed, more) = self.told.entry((notice.topic, notice.subject.clone())).or_default();
        if *printed >= MOST_OF_ONE {
            *more += 1;
            return;
        }
        *printed += 1;
        let time = notice.at.to_string();
        let time = time.get(11..23).unwrap_or_default();
        let text = match notice.tone {
            _ if notice.topic == Topic::Log => print::dim(&notice.text),
            Tone::Good => print::good(&notice.text),
            Tone::Plain => notice.text.clone(),
            Tone::Bad => print::bad(&notice.text),
        };
        self.line(format_args!("{} {}  {text}", print::dim(time), notice.subject));
        for reason in &notice.reasons {
            self.line(format_args!("             {}", print::dim(reason)));
        }
    }

    fn missed(&mut self, count: u64) {
        self.line(format_args!("{}", print::dim(format_args!("… {count} notices too fast to print"))));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = writeln!(self.lines, "{line}");
    }
}

/// Resolves at Ctrl-C or SIGTERM.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
