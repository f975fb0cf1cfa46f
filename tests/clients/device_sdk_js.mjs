// The AWS IoT Device SDK v2 for JavaScript: connects, subscribes, publishes to itself, says goodbye; prints what it saw as one
// line of JSON. Its one argument is JSON: { version: 3 | 5, host, port, ca, clientId, topic } with { cert, key } for mutual TLS,
// { region, keys: { id, secret, token } } for a WebSocket signed with SigV4, or { authorizer, user, password, websocket } for a
// custom authorizer, directly or over a WebSocket. It subscribes to `filter` and waits for a message on `answer`, or else on the
// topic itself.
import { auth, iot, mqtt, mqtt5 } from "aws-iot-device-sdk-v2";

const given = JSON.parse(process.argv[2]);
const provider = () => auth.AwsCredentialsProvider.newStatic(given.keys.id, given.keys.secret, given.keys.token);

const filter = given.filter ?? given.topic;
const answer = given.answer ?? given.topic;

function builderOfFive() {
  const Builder = iot.AwsIotMqtt5ClientConfigBuilder;
  if (given.keys)
    return Builder.newWebsocketMqttBuilderWithSigv4Auth(given.host, { region: given.region, credentialsProvider: provider() });
  if (!given.authorizer) return Builder.newDirectMqttBuilderWithMtlsFromPath(given.host, given.cert, given.key);
  const custom = { authorizerName: given.authorizer, username: given.user, password: Buffer.from(given.password) };
  return given.websocket
    ? Builder.newWebsocketMqttBuilderWithCustomAuth(given.host, custom)
    : Builder.newDirectMqttBuilderWithCustomAuth(given.host, custom);
}

async function five() {
  const builder = builderOfFive();
  builder.withPort(given.port);
  builder.withCertificateAuthorityFromPath(undefined, given.ca);
  builder.withConnectProperties({ clientId: given.clientId, keepAliveIntervalSeconds: 60 });
  const client = new mqtt5.Mqtt5Client(builder.build());
  const event = (name) => new Promise((resolve) => client.once(name, resolve));
  const [connected, failed] = [event("connectionSuccess"), event("connectionFailure")];
  client.start();
  const first = await Promise.race([connected, failed]);
  if (first.error) {
    client.stop();
    throw first.error;
  }
  const received = new Promise((resolve) =>
    client.on("messageReceived", ({ message }) => message.topicName === answer && resolve(message)),
  );
  const qos = mqtt5.QoS.AtLeastOnce;
  const suback = await client.subscribe({ subscriptions: [{ topicFilter: filter, qos }] });
  await client.publish({ topicName: given.topic, payload: "from the SDK", qos, userProperties: [{ name: "fw", value: "1.2.3" }] });
  const message = await received;
  const stopped = event("stopped");
  client.stop();
  await stopped;
  return {
    granted: suback.reasonCodes[0],
    topic: message.topicName,
    payload: Buffer.from(message.payload).toString(),
    properties: Object.fromEntries((message.userProperties ?? []).map(({ name, value }) => [name, value])),
  };
}

function builderOfThree() {
  const Builder = iot.AwsIotMqttConnectionConfigBuilder;
  if (given.keys) return Builder.new_with_websockets({ region: given.region, credentials_provider: provider() });
  if (!given.authorizer) return Builder.new_mtls_builder_from_path(given.cert, given.key);
  const builder = given.websocket ? Builder.new_builder_for_websocket() : Builder.new_default_builder();
  return builder.with_custom_authorizer(given.user, given.authorizer, "", given.password);
}

async function three() {
  const builder = builderOfThree();
  builder.with_endpoint(given.host);
  builder.with_port(given.port);
  builder.with_certificate_authority_from_path(undefined, given.ca);
  builder.with_client_id(given.clientId);
  builder.with_clean_session(true);
  const connection = new mqtt.MqttClient().new_connection(builder.build());
  await connection.connect();
  let seen;
  const received = new Promise((resolve) => (seen = resolve));
  const suback = await connection.subscribe(
    filter,
    mqtt.QoS.AtLeastOnce,
    (topic, payload) => topic === answer && seen({ topic, payload: Buffer.from(payload).toString() }),
  );
  await connection.publish(given.topic, "from the SDK", mqtt.QoS.AtLeastOnce);
  const message = await received;
  await connection.disconnect();
  return { granted: suback.qos, ...message };
}

try {
  console.log(JSON.stringify(await (given.version === 5 ? five() : three())));
  process.exit(0);
} catch (error) {
  console.log(JSON.stringify({ error: error.message ?? String(error) }));
  process.exit(1);
}
