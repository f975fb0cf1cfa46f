// Runs a handler in Node.js on the Lambda Runtime API: asks for events, hands them over, answers.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html for the API,
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html, nodejs-context.html and nodejs-logging.html for what a handler
// finds. Needs nothing but Node.js 18.

import http from "node:http";
import fs from "node:fs";
import path from "node:path";
import util from "node:util";
import Module, { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const env = process.env;
const runtime = Number(/nodejs(\d+)/.exec(env.AWS_EXECUTION_ENV ?? "")?.[1] ?? 0);
const layers = (env.DRYDOCK_LAYERS ?? "").split(":").filter(Boolean);
delete env.DRYDOCK_LAYERS;

// ---- The Runtime API ---------------------------------------------------------------------------------------------------

const [hostname, port] = env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, tail, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { hostname, port, agent, method, path: `/2018-06-01/runtime/${tail}`, headers };
    if (body !== undefined) {
      options.headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers };
    }
    const request = http.request(options, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

function described(error) {
  if (util.types.isNativeError(error) || error instanceof Error) {
    return { errorType: error.name ?? "Error", errorMessage: error.message ?? "", trace: (error.stack ?? "").split("\n") };
  }
  const text = error === undefined || error === null ? "" : typeof error === "string" ? error : JSON.stringify(error) ?? String(error);
  return { errorType: typeof error, errorMessage: text, trace: [] };
}

function fail(tail, error) {
  const said = described(error);
  return call("POST", tail, JSON.stringify(said), { "lambda-runtime-function-error-type": encodeURIComponent(said.errorType) });
}

// ---- Logs: a line says when, for which request and how grave ----------------------------------------------------------------

let current;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const asJson = env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const least = asJson ? Math.max(0, LEVELS.indexOf((env.AWS_LAMBDA_LOG_LEVEL ?? "TRACE").toUpperCase())) : 0;

function logged(level, values) {
  if (LEVELS.indexOf(level) < least) return;
  const time = new Date().toISOString();
  if (!asJson) {
    process.stdout.write(`${time}\t${current?.id ?? "undefined"}\t${level}\t${util.format(...values)}\n`);
    return;
  }
  const entry = { timestamp: time, level, requestId: current?.id };
  if (values.length === 1 && typeof values[0] === "object" && values[0] !== null && !(values[0] instanceof Error)) {
    entry.message = values[0];
  } else {
    entry.message = util.format(...values);
    const error = values.find((value) => value instanceof Error);
    if (error) {
      const { errorType, errorMessage, trace: stackTrace } = described(error);
      Object.assign(entry, { errorType, errorMessage, stackTrace });
    }
  }
  let line;
  try {
    line = JSON.stringify(entry);
  } catch {
    line = JSON.stringify({ ...entry, message: util.format(...values) });
  }
  process.stdout.write(`${line}\n`);
}

for (const [name, level] of [["trace", "TRACE"], ["debug", "DEBUG"], ["log", "INFO"], ["info", "INFO"], ["warn", "WARN"], ["error", "ERROR"]]) {
  console[name] = (...values) => logged(level, values);
}

// ---- Where modules are found: NODE_PATH for `import` as well, and `/opt` in the layers ---------------------------------------

function inLayers(name) {
  if (!name.startsWith("/opt/") || fs.existsSync(name)) return undefined;
  for (const layer of layers) {
    const place = path.join(layer, name.slice("/opt/".length));
    for (const ending of ["", ".js", ".mjs", ".cjs", ".json", "/index.js"]) {
      if (fs.existsSync(place + ending) && fs.statSync(place + ending).isFile()) return place + ending;
    }
  }
  return undefined;
}

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (name, ...rest) {
  return resolveFilename.call(this, inLayers(name) ?? name, ...rest);
};

const hooks = `
  import fs from "node:fs";
  import path from "node:path";
  import { pathToFileURL } from "node:url";
  const folders = ${JSON.stringify((env.NODE_PATH ?? "").split(":").filter(Boolean))};
  const layers = ${JSON.stringify(layers)};
  export async function resolve(specifier, context, next) {
    try {
      return await next(specifier, context);
    } catch (error) {
      if (specifier.startsWith("/opt/")) {
        for (const layer of layers) {
          const place = path.join(layer, specifier.slice(5));
          if (fs.existsSync(place)) return next(pathToFileURL(place).href, context);
        }
      } else if (!/^[./]|^[a-z]+:/.test(specifier)) {
        for (const folder of folders) {
          try {
            return await next(specifier, { ...context, parentURL: pathToFileURL(path.join(path.dirname(folder), "any.mjs")).href });
          } catch { /* The next folder may have it; else the first error is told. */ }
        }
      }
      throw error;
    }
  }`;
Module.register?.(`data:text/javascript,${encodeURIComponent(hooks)}`);

// ---- The handler -------------------------------------------------------------------------------------------------------------

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
    this.stack = `${name}: ${message}`;
  }
}

function isModule(file) {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
    if (folder === path.dirname(folder)) return false;
  }
}

async function load() {
  const root = env.LAMBDA_TASK_ROOT;
  const full = env._HANDLER;
  const parts = /^(.*\/)?([^/.]+)\.(.+)$/.exec(full);
  if (!parts || full.includes("..")) {
    throw new RuntimeError("Runtime.MalformedHandlerName", `'${full}' is not a valid handler name. Use the form 'file.function'`);
  }
  const place = path.resolve(root, parts[1] ?? "", parts[2]);
  const layered = inLayers(path.join(parts[1] ?? "", parts[2]));
  const file = [".js", ".mjs", ".cjs"].map((ending) => place + ending).find((name) => fs.existsSync(name)) ?? layered;
  if (!file) {
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${(parts[1] ?? "") + parts[2]}' in ${root}`);
  }
  let loaded;
  try {
    if (isModule(file)) {
      loaded = await import(pathToFileURL(file).href);
    } else {
      try {
        loaded = createRequire(path.join(root, "any.js"))(file);
      } catch (error) {
        if (!["ERR_REQUIRE_ESM", "ERR_REQUIRE_ASYNC_MODULE"].includes(error?.code)) throw error;
        loaded = await import(pathToFileURL(file).href);
      }
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw Object.assign(new RuntimeError("Runtime.UserCodeSyntaxError", String(error)), { stack: error.stack });
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
      throw Object.assign(new RuntimeError("Runtime.ImportModuleError", String(error)), { stack: error.stack });
    }
    throw error;
  }
  const handler = parts[3].split(".").reduce((value, name) => value?.[name], loaded);
  if (typeof handler !== "function") {
    const why = handler === undefined ? "is undefined or not exported" : "is not a function";
    throw new RuntimeError("Runtime.HandlerNotFound", `${full} ${why}`);
  }
  return handler;
}

/// What a handler writes its answer to piece by piece; it is answered in one piece.
const STREAMS = Symbol.for("aws.lambda.runtime.handler.streaming");
globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[STREAMS] = "response";
    return handler;
  },
  HttpResponseStream: {
    from(stream, metadata) {
      stream.setContentType("application/vnd.awslambda.http-integration-response");
      stream.write(JSON.stringify(metadata));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

async function streamed(handler, event, context) {
  const { Writable } = await import("node:stream");
  const pieces = [];
  const stream = new Writable({
    write(piece, _, done) {
      pieces.push(Buffer.from(piece));
      done();
    },
  });
  stream.setContentType = () => {};
  const ended = new Promise((resolve, reject) => stream.on("finish", resolve).on("error", reject));
  await handler(event, stream, context);
  await ended;
  return Buffer.concat(pieces);
}

/// Calls a handler of either kind: one that gives a promise, or one that calls back.
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    let ended = false;
    // An answer that is called back waits until nothing else is to be done, unless the context says otherwise.
    const whenIdle = (done) => process.once("beforeExit", done);
    const end = (settle, value) => {
      if (ended) return;
      ended = true;
      if (context.callbackWaitsForEmptyEventLoop) whenIdle(() => settle(value));
      else settle(value);
    };
    const callback = (error, value) => (error === undefined || error === null ? end(resolve, value) : end(reject, error));
    if (runtime < 24) {
      context.succeed = (value) => callback(null, value);
      context.fail = (error) => callback(error ?? "handled");
      context.done = callback;
    }
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") {
      ended = true;
      returned.then(resolve, reject);
    } else if (handler.length < 3 && returned !== undefined) {
      end(resolve, returned);
    } else {
      whenIdle(() => ended || resolve(null));
    }
  });
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const json = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: json("lambda-runtime-client-context"),
    identity: json("lambda-runtime-cognito-identity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

// ---- The loop ----------------------------------------------------------------------------------------------------------------

/// What nobody caught ends the process; the event that ran then is answered with it.
async function uncaught(what, error, said, code) {
  logged("ERROR", [what, error]);
  try {
    await fail(current ? `invocation/${current.id}/error` : "init/error", said);
  } finally {
    process.exit(code);
  }
}
process.on("uncaughtException", (error) => uncaught("Uncaught Exception", error, error, 129));
process.on("unhandledRejection", (error) => {
  const said = new RuntimeError("Runtime.UnhandledPromiseRejection", error instanceof Error ? `${error}` : util.format(error));
  return uncaught("Unhandled Promise Rejection", error, Object.assign(said, { stack: error?.stack ?? said.stack }), 128);
});

async function serve(handler) {
  for (;;) {
    const { headers, body } = await call("GET", "invocation/next");
    const id = headers["lambda-runtime-aws-request-id"];
    current = { id };
    env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
    let answer;
    try {
      const [event, context] = [JSON.parse(body), contextOf(headers)];
      if (handler[STREAMS]) {
        answer = await streamed(handler, event, context);
      } else {
        answer = (JSON.stringify((await run(handler, event, context)) ?? null)) ?? "null";
      }
    } catch (error) {
      logged("ERROR", ["Invoke Error", error]);
      await fail(`invocation/${id}/error`, error);
      current = undefined;
      continue;
    }
    await call("POST", `invocation/${id}/response`, answer);
    current = undefined;
  }
}

let handler;
try {
  handler = await load();
  if (runtime >= 24 && handler.length >= 3 && !handler[STREAMS]) {
    throw new RuntimeError(
      "Runtime.CallbackHandlerDeprecated",
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24: make the handler async",
    );
  }
} catch (error) {
  logged("ERROR", [error]);
  await fail("init/error", error);
  process.exit(1);
}
// Not awaited: where nothing is left to do but a callback, Node.js would take a module that waits for one that hangs.
serve(handler);
