// MQTT.js: connects, subscribes, publishes to itself, says goodbye; prints what it saw as one line of JSON.
// Its one argument is JSON: { url, topic, options, files: { cert, key, ca } }.
import { readFileSync } from "node:fs";
import mqtt from "mqtt";

const { url, topic, options, files } = JSON.parse(process.argv[2]);
for (const [name, path] of Object.entries(files)) options[name] = readFileSync(path);

try {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 20_000, ...options }, false);
  const received = new Promise((resolve) =>
    client.on("message", (name, payload, packet) =>
      resolve({ topic: name, payload: payload.toString(), properties: packet.properties?.userProperties ?? null }),
    ),
  );
  const [granted] = await client.subscribeAsync(topic, { qos: 1 });
  const properties = options.protocolVersion === 5 ? { userProperties: { fw: "1.2.3" } } : undefined;
  await client.publishAsync(topic, "from mqtt.js", { qos: 1, properties });
  const message = await received;
  await client.endAsync();
  console.log(JSON.stringify({ granted: granted.qos, ...message }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message, code: error.code ?? null }));
  process.exit(1);
}
