/** What happens when something is published. */

import type { Construct } from 'constructs';
import { IotRole } from '../constructs/iot-role.js';
import { republish, toQueue, toTable, TopicRule, type Action } from '../constructs/topic-rule.js';
import type { Messaging, Tables } from './storage.js';

/** Connections that ask for provisioning, and those of AWS's console, are no devices'. */
const DEVICES = "WHERE NOT startswith(clientId, 'claim-') AND NOT startswith(clientId, 'iotconsole-')";

export function rules(scope: Construct, messaging: Messaging, tables: Tables) {
  const role = new IotRole(scope, 'RulesRole', {
    description: 'What the topic rules may do.',
    policyName: 'rules',
    sources: ['rule/*'],
  });
  const rule = (id: string, description: string, actions: Action | Action[], ...sql: string[]) =>
    new TopicRule(scope, id, {
      description,
      sql: sql.join(' '),
      actions: [actions].flat(),
      role,
      errors: messaging.ruleErrorsTopic,
    });

  rule(
    'CertificateRegisteredRule',
    "A certificate was registered on a device's first connection. Registers the device.",
    toQueue(messaging.registration),
    "SELECT * FROM '$aws/events/certificates/registered/#'",
  );

  // The presence topics have a rule each: presence/+/+ would match others than these three, too.
  const presence = (id: string, description: string, event: string) =>
    rule(
      id,
      description,
      [toQueue(messaging.presence), toQueue(messaging.detection)],
      `SELECT * FROM '$aws/events/presence/${event}/#'`,
      DEVICES,
    );
  presence('ConnectedRule', 'A client connected.', 'connected');
  presence('DisconnectedRule', "A client's connection ended.", 'disconnected');
  presence('ConnectFailedRule', 'A client was refused.', 'connect_failed');

  // AWS IoT tells of jobs once a release has switched that on: there is no type for it in CloudFormation.
  rule(
    'JobsRule',
    'A job of a release came to something. Moves the release on.',
    toQueue(messaging.jobEvents),
    "SELECT * FROM '$aws/events/job/#' WHERE startswith(jobId, 'release-')",
  );
  rule(
    'JobExecutionsRule',
    'A device is done with a job of a release. Moves the release on and keeps what the device was given.',
    toQueue(messaging.jobEvents),
    "SELECT * FROM '$aws/events/jobExecution/#' WHERE startswith(jobId, 'release-')",
  );

  // The payload travels as base64: what is not JSON must reach the function too, to be set aside, and no field of a
  // device's can take the place of one of the rule's.
  rule(
    'TelemetryRule',
    'A device sent a reading. Stores it and watches its thresholds.',
    toQueue(messaging.telemetry),
    'SELECT topic(2) AS thingName, topic() AS topic, clientid() AS clientId, timestamp() AS receivedAt,',
    "traceid() AS traceId, encode(*, 'base64') AS payload FROM 'dt/+/telemetry'",
  );

  // What is judged by behaviors: how many messages there are and how large they are, not what they say.
  rule(
    'DetectionMessagesRule',
    'A device sent a message. Counts it.',
    toQueue(messaging.detection),
    'SELECT clientid() AS clientId, topic() AS topic, timestamp() AS receivedAt, traceid() AS traceId,',
    "length(encode(*, 'base64')) AS encodedLength, endswith(encode(*, 'base64'), '=') AS padded,",
    "endswith(encode(*, 'base64'), '==') AS paddedTwice FROM 'dt/#' WHERE clientid() = topic(2)",
  );
  // Agents of Device Defender report on this topic, whether the account has Detect or not.
  rule(
    'DetectionReportsRule',
    'A device reports its ports, connections and traffic. Judges them.',
    toQueue(messaging.detection),
    "SELECT topic(3) AS thingName, timestamp() AS receivedAt, traceid() AS traceId, encode(*, 'base64') AS report",
    "FROM '$aws/things/+/defender/metrics/json'",
  );

  // The quick answer, before anything is stored or anyone is told: the device itself. It says in its readings whether it has
  // reduced its power (`derated`), so that it is told once, and told to go back only when it has cooled well below the limit.
  rule(
    'OverTemperatureRule',
    'A device is too hot. Tells it to reduce its power.',
    republish('cmd/${topic(2)}/derate'),
    "SELECT 'over-temperature' AS reason, temperature, timestamp() AS at FROM 'dt/+/telemetry'",
    'WHERE temperature > 85 AND (isUndefined(derated) OR derated = false)',
  );
  rule(
    'TemperatureBackRule',
    'A device has cooled down. Tells it that it may have its power back.',
    republish('cmd/${topic(2)}/restore'),
    "SELECT 'temperature-back' AS reason, temperature, timestamp() AS at FROM 'dt/+/telemetry'",
    'WHERE temperature < 75 AND derated = true',
  );

  // The sort key begins with the time, the device's own where it gives one, so that the last events are read from the end; what
  // follows is a digest, so that one that comes twice is kept once.
  rule(
    'DeviceEventsRule',
    'A device reports an event of its own. Kept for 90 days.',
    toTable(tables.events),
    'SELECT *, topic(2) AS thingName, timestamp() AS receivedAt, timestamp() / 1000 + 7776000 AS expiresAt,',
    "concat(CASE isUndefined(timestamp) WHEN true THEN timestamp() ELSE timestamp END, '#',",
    "substring(sha256(encode(*, 'base64')), 0, 16)) AS eventId FROM 'evt/+/events'",
  );
}
