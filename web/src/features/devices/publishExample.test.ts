import { describe, expect, it } from "vitest";
import { publishExample } from "./publishExample";

const broker = {
  host: "127.0.0.1",
  port: 1883,
  username: "device",
  password: "it's$ecret",
  topics: { data: "factory-plus/devices/{deviceId}/data", status: "", loom: "", sparkplug: "" },
};

describe("the example command", () => {
  const command = publishExample(broker, { deviceId: "pump-7", type: "flow", unit: "l/min", location: "hall 'A'" });

  it("publishes on the device's own topic, acknowledged", () => {
    expect(command).toContain("-q 1 -t 'factory-plus/devices/pump-7/data'");
  });

  it("is safe to paste: quotes stay inside their words", () => {
    expect(command).toContain(`-P 'it'\\''s$ecret'`);
    expect(command).toContain(`"location":"hall '\\''A'\\''"`);
  });

  it("takes the time from the shell", () => {
    expect(command).toContain(`"timestamp":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"`);
  });
});
