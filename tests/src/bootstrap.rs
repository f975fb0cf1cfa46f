//! A Lambda function that needs no compiler: a shell script that speaks the Lambda Runtime API.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Takes one event after the other and appends each to the file `events` in its own folder.
const SCRIPT: &str = r#"#!/usr/bin/env bash
export LC_ALL=C
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API##*:}
base=/2018-06-01/runtime/invocation
while true; do
  exec 3<>"/dev/tcp/$host/$port" || exit 1
  printf 'GET %s/next HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$base" "$AWS_LAMBDA_RUNTIME_API" >&3
  id='' length=0
  while IFS= read -r line <&3; do
    line=${line%$'\r'}
    [ -z "$line" ] && break
    case "${line,,}" in
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) length=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$length" event <&3
  exec 3>&-
  [ -z "$id" ] && exit 1
  printf '%s\n' "$event" >>"${BASH_SOURCE[0]%/*}/events"
  path=response
  @ANSWER@
  exec 3<>"/dev/tcp/$host/$port" || exit 1
  printf 'POST %s/%s/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' \
    "$base" "$id" "$path" "$AWS_LAMBDA_RUNTIME_API" "${#answer}" "$answer" >&3
  cat <&3 >/dev/null
  exec 3>&-
done
"#;

/// The `bootstrap` of a function. `answer` is the shell command that sets `answer`, with the event as JSON in `event`; it may set
/// `path` to `error`, which makes the answer a failure.
#[must_use]
pub fn script(answer: &str) -> String {
    SCRIPT.replace("@ANSWER@", answer)
}

/// Writes such a [`script`] into a folder.
///
/// # Panics
/// Where the disk does not take it.
pub fn write(folder: &Path, answer: &str) {
    let path = folder.join("bootstrap");
    let written = fs::write(&path, script(answer));
    let written = written.and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.unwrap_or_else(|e| panic!("no bootstrap in {}: {e}", folder.display()));
}
