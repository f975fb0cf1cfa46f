//! A function that does what its event says, over the Runtime API by hand.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

struct Answer {
    headers: BTreeMap<String, String>,
    body: String,
}

fn call(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&api).ok()?;
    let mut request = format!("{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Some(Answer { headers, body: body.to_owned() })
}

pub(crate) fn run() {
    match std::env::var("AT_INIT").as_deref() {
        Ok("error") => {
            println!("cannot start");
            let error = json!({"errorType": "Extension.Config", "errorMessage": "no table"});
            call("POST", "init/error", &[], &error.to_string());
            std::process::exit(1);
        }
        Ok("exit") => std::process::exit(3),
        Ok("hang") => std::thread::sleep(Duration::from_secs(600)),
        _ => println!("starting"),
    }
    // A process that finds no Runtime API any more ends, as the runtimes of AWS do.
    while let Some(next) = call("GET", "invocation/next", &[], "") {
        let id = &next.headers["lambda-runtime-aws-request-id"];
        let event: Value = serde_json::from_str(&next.body).unwrap();
        match handle(&event, &next) {
            Ok(Some(answer)) => {
                let headers: &[_] = if event["streaming"] == true {
                    &[("Lambda-Runtime-Function-Response-Mode", "streaming")]
                } else {
                    &[]
                };
                call("POST", &format!("invocation/{id}/response"), headers, &answer.to_string());
            }
            Ok(None) => {}
            Err(message) => {
                let error = json!({"errorType": "TestError", "errorMessage": message});
                call("POST", &format!("invocation/{id}/error"), &[], &error.to_string());
            }
        }
    }
}

fn handle(event: &Value, next: &Answer) -> Result<Option<Value>, String> {
    if let Some(lines) = event["print"].as_array() {
        for line in lines {
            println!("{}", line.as_str().unwrap());
        }
        eprintln!("on stderr");
        print!("no line end");
        std::io::stdout().flush().unwrap();
    }
    if let Some(dir) = event["pid_in"].as_str() {
        std::fs::write(std::path::Path::new(dir).join(std::process::id().to_string()), "").unwrap();
    }
    if let Some(path) = event["wait_for"].as_str() {
        while !std::path::Path::new(path).exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    if let Some(path) = event["touch"].as_str() {
        std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(b"x").unwrap();
    }
    match event["do"].as_str().unwrap_or("echo") {
        "echo" => Ok(Some(json!({"event": event, "pid": std::process::id()}))),
        "headers" => Ok(Some(json!(next.headers))),
        "environment" => Ok(Some(json!(std::env::vars().collect::<BTreeMap<_, _>>()))),
        "error" => Err("it went wrong".into()),
        "abort" => {
            eprintln!("thread 'main' panicked at the disco");
            std::process::abort()
        }
        "hang" => loop {
            std::thread::sleep(Duration::from_secs(600));
        },
        "child" => {
            #[expect(clippy::zombie_processes, reason = "it is the host that has to end it")]
            let child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
            Ok(Some(json!(child.id())))
        }
        // Fails the messages of a queue whose text is `bad`.
        "records" | "" => Ok(None),
        other => Err(format!("unknown: {other}")),
    }
    .map(|answer| match event["Records"].as_array() {
        Some(records) => {
            let failed = |record: &&Value| record["body"] == "bad";
            let failures: Vec<Value> =
                records.iter().filter(failed).map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
            println!("records {}", json!(records));
            Some(json!({"batchItemFailures": failures}))
        }
        None => answer,
    })
}
