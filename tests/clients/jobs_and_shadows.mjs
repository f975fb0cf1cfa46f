// A device's jobs and shadow by a JavaScript SDK; prints what it saw as one line of JSON. Its one argument is JSON: { sdk, host,
// port, ca, cert, key, thing }, where `sdk` is `v2` or `v2-requests`, the two kinds of clients of aws-iot-device-sdk-v2, or
// `legacy`, aws-iot-device-sdk. A job waits for the thing, and its shadow has the desired state { color: "red" }.
import legacy from "aws-iot-device-sdk";
import { iot, iotjobs, iotshadow, mqtt } from "aws-iot-device-sdk-v2";

const given = JSON.parse(process.argv[2]);
const { thing } = given;
const reported = { state: { reported: { color: "red" } } };
const QOS = mqtt.QoS.AtLeastOnce;

// Resolves when an event comes, rejects at the next error.
const once = (emitter, name) =>
  new Promise((resolve, reject) => {
    emitter.once(name, (...values) => resolve(values));
    emitter.once("error", reject);
  });

async function connection() {
  const builder = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(given.cert, given.key);
  builder.with_endpoint(given.host);
  builder.with_port(given.port);
  builder.with_certificate_authority_from_path(undefined, given.ca);
  builder.with_client_id(thing);
  builder.with_clean_session(true);
  const made = new mqtt.MqttClient().new_connection(builder.build());
  await made.connect();
  return made;
}

// What a subscription of the first kind of clients tells next: it is there once it was granted.
async function listen(client, operation, request) {
  let tell, fail;
  const told = new Promise((resolve, reject) => ([tell, fail] = [resolve, reject]));
  await client[`subscribeTo${operation}`](request, QOS, (error, response) => (error ? fail(error) : tell(response)));
  return { told };
}

async function v2() {
  const connected = await connection();
  const jobs = new iotjobs.IotJobsClient(connected);
  const shadows = new iotshadow.IotShadowClient(connected);
  const next = await listen(jobs, "NextJobExecutionChangedEvents", { thingName: thing });
  const started = await listen(jobs, "StartNextPendingJobExecutionAccepted", { thingName: thing });
  await jobs.publishStartNextPendingJobExecution({ thingName: thing }, QOS);
  const { execution } = await started.told;
  const updated = await listen(jobs, "UpdateJobExecutionAccepted", { thingName: thing, jobId: execution.jobId });
  const update = { thingName: thing, jobId: execution.jobId, status: "SUCCEEDED", expectedVersion: execution.versionNumber };
  await jobs.publishUpdateJobExecution(update, QOS);
  await updated.told;
  const after = await next.told;
  const got = await listen(shadows, "GetShadowAccepted", { thingName: thing });
  await shadows.publishGetShadow({ thingName: thing }, QOS);
  const { state } = await got.told;
  const kept = await listen(shadows, "UpdateShadowAccepted", { thingName: thing });
  await shadows.publishUpdateShadow({ thingName: thing, ...reported }, QOS);
  const { version } = await kept.told;
  await connected.disconnect();
  return { job: execution.jobId, document: execution.jobDocument, next: after.execution?.jobId ?? null, delta: state.delta, version };
}

async function requests() {
  const connected = await connection();
  const options = { maxRequestResponseSubscriptions: 4, maxStreamingSubscriptions: 2, operationTimeoutInSeconds: 20 };
  const jobs = iotjobs.IotJobsClientv2.newFromMqtt311(connected, options);
  const shadows = iotshadow.IotShadowClientv2.newFromMqtt311(connected, options);
  const stream = jobs.createNextJobExecutionChangedStream({ thingName: thing });
  const subscribed = new Promise((resolve) => stream.on("subscriptionStatus", resolve));
  const next = once(stream, "incomingPublish");
  stream.open();
  await subscribed;
  const { execution } = await jobs.startNextPendingJobExecution({ thingName: thing });
  const update = { thingName: thing, jobId: execution.jobId, status: "SUCCEEDED", expectedVersion: execution.versionNumber };
  await jobs.updateJobExecution(update);
  const [{ message }] = await next;
  const { state } = await shadows.getShadow({ thingName: thing });
  const { version } = await shadows.updateShadow({ thingName: thing, ...reported });
  stream.close();
  await connected.disconnect();
  return { job: execution.jobId, document: execution.jobDocument, next: message.execution?.jobId ?? null, delta: state.delta, version };
}

const options = (clientId) => ({
  host: given.host, port: given.port, caPath: given.ca, certPath: given.cert, keyPath: given.key, clientId,
});

async function old() {
  const jobs = legacy.jobs(options(thing));
  await once(jobs, "connect");
  const job = await new Promise((resolve, reject) => {
    jobs.subscribeToJobs(thing, (error, found) => (error ? reject(error) : resolve(found)));
    jobs.startJobNotifications(thing, (error) => error && reject(error));
  });
  const step = (name) =>
    new Promise((resolve, reject) => job[name]({ operation: name }, (error) => (error ? reject(error) : resolve())));
  await step("inProgress");
  await step("succeeded");
  await new Promise((resolve) => jobs.end(false, resolve));
  const shadows = legacy.thingShadow(options(thing));
  await once(shadows, "connect");
  await new Promise((resolve, reject) => shadows.register(thing, {}, (error) => (error ? reject(error) : resolve())));
  const got = once(shadows, "status");
  shadows.get(thing);
  const [, , , { state }] = await got;
  const kept = once(shadows, "status");
  shadows.update(thing, reported);
  const [, outcome] = await kept;
  await new Promise((resolve) => shadows.end(false, resolve));
  return { job: job.id, document: job.document, next: null, delta: state.delta, version: outcome === "accepted" ? 2 : outcome };
}

try {
  console.log(JSON.stringify(await { v2, "v2-requests": requests, legacy: old }[given.sdk]()));
  process.exit(0);
} catch (error) {
  console.log(JSON.stringify({ error: error.message ?? String(error) }));
  process.exit(1);
}
