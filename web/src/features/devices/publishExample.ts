import type { BrokerCredentials, NewDevice } from "@/api/types";

/** A text as one word of a POSIX shell. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export const dataTopic = (broker: BrokerCredentials, deviceId: string): string =>
  broker.topics.data.replace("{deviceId}", deviceId);

/** A command that sends the device's first value, to be pasted into a shell. */
export function publishExample(broker: BrokerCredentials, device: NewDevice): string {
  const { deviceId, type, unit, location } = device;
  const message = { deviceId, timestamp: "@", sensorType: type, value: 42.0, unit, location, status: "normal" };
  // The shell puts the present time in.
  const body = shellWord(JSON.stringify(message)).replace('"@"', `"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"`);
  return [
    `mosquitto_pub -h ${broker.host} -p ${broker.port} -u ${shellWord(broker.username)} -P ${shellWord(broker.password)}`,
    `  -q 1 -t ${shellWord(dataTopic(broker, deviceId))}`,
    `  -m ${body}`,
  ].join(" \\\n");
}
